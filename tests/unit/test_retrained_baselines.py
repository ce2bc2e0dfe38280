"""Baselines of a recording are believed only where they are those of this version."""

from autorec.domain.candidate import Candidate
from autorec.schemas.config import SearchConfig
from autorec.wiring.retraining import unlike
from autorec.wiring.spaces import open_space

CONFIG = SearchConfig(role="retrieval", search_space="retrieval")
NAMES = ("pop", "itemknn", "ease", "ease_recency", "sasrec")
OURS = {name: open_space(CONFIG).baseline(name)[1] for name in NAMES}


def test_those_of_this_version_are_believed():
    assert unlike(OURS, CONFIG) == {}
    more = next(name for name in open_space(CONFIG).names if name not in NAMES)
    assert unlike({**OURS, more: open_space(CONFIG).baseline(more)[1]}, CONFIG) == {}


def test_other_sources_under_a_known_name_an_unknown_name_and_one_that_lacks_are_told():
    weak = Candidate.of({"model.py": "# learns nothing\n"})
    assert set(unlike({**OURS, "sasrec": weak}, CONFIG)) == {"sasrec"}
    assert set(unlike({**OURS, "mine": weak}, CONFIG)) == {"mine"}
    assert unlike({"pop": OURS["pop"]}, CONFIG).keys() == {"itemknn", "ease", "ease_recency", "sasrec"}
