"""The designs that the scripted model answers with are what their operators ask for."""

import pytest

from autorec.prompting.admission import breaches
from autorec.prompting.replies import parse_reply
from autorec.prompting.simpler import not_simpler
from autorec.testing.replies import DESIGNS, SIMPLIFICATIONS, design, fits

WHOLE = ("transitions", "attention", "broken", "hypothesis", "crossover")


def sources(*replies: str) -> dict[str, str]:
    """The files that replies make, each on top of those before it."""
    files: dict[str, str] = {}
    for name in replies:
        files = dict(parse_reply(design(name)).sources(files))
    return files


BASES = {name: sources(name) for name in WHOLE} | {"repair": sources("broken", "repair")}


@pytest.mark.parametrize("name", BASES)
def test_whole_designs_keep_the_contract(name):
    assert breaches(BASES[name]) == []


@pytest.mark.parametrize("name", SIMPLIFICATIONS)
def test_each_simplification_fits_one_design_and_makes_it_simpler(name):
    bases = [files for files in BASES.values() if fits(design(name), files)]
    assert bases
    for base in bases:
        simpler = parse_reply(design(name)).sources(base)
        assert not_simpler(simpler, base) is None
        assert breaches(simpler) == []


def test_every_file_is_a_reply():
    for path in DESIGNS.glob("*.md"):
        assert parse_reply(path.read_text()).header.predicted_effect
