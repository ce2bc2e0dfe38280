"""Every attack of the suite is held by every tier, and every one is shown to work where nothing holds it.

One pass a tier throws the whole table, two candidates at a time; the tests look up what came of each attack. Where
some are chosen (`pytest -k`), only those are thrown.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attacks import as_nobody
from proofs import Unprotected, Within
from suite import ATTACKS, LANDLOCK, ORDINARY, WALLS, Attack, table

from autorec.domain.errors import IsolationError
from autorec.testing.isolation import make_tier

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]
THROW = Path(__file__).with_name("throw.py")
AS_ROOT = os.getuid() == 0
CAP_SYS_ADMIN = 21
Look = Callable[[str, Attack], dict[str, Any]]


@pytest.fixture(scope="module")
def passes() -> dict[str, dict[str, Any]]:
    """What came of each attack, by pass; filled as it is asked for."""
    return {}


@pytest.fixture
def look(passes: dict[str, dict[str, Any]], request: pytest.FixtureRequest) -> Look:
    def look(tier: str, attack: Attack) -> dict[str, Any]:
        if tier not in passes:
            chosen = [
                item.callspec.params for item in request.session.items if "look" in getattr(item, "fixturenames", ())
            ]
            names = {params["attack"].name for params in chosen if params.get("tier", tier) == tier}
            passes[tier] = thrown(tier, sorted(names))
        assert attack.name in passes[tier], f"invalid: {attack.name} never ran in {tier}"
        seen: dict[str, Any] = passes[tier][attack.name]
        return seen

    return look


def thrown(tier: str, names: list[str]) -> dict[str, Any]:
    if tier == ORDINARY:
        command, environment = as_nobody("-B", str(THROW), "bwrap", *names)
    else:
        command = [sys.executable, str(THROW), tier, *names]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {name: {"breach": True, "works": False, "said": done.stderr[-2000:]} for name in names}
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def require(tier: str) -> None:
    if tier == ORDINARY and not AS_ROOT:
        pytest.skip("bwrap itself is run by an ordinary user here")
    if tier == LANDLOCK:
        try:
            make_tier(tier)
        except IsolationError as error:
            pytest.skip(str(error))
    elif shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("tier", WALLS)
def test_the_attack_is_held(look: Look, tier: str, attack: Attack) -> None:
    if tier not in attack.tiers:
        pytest.skip("what this is after is the same in every tier")
    require(tier)
    seen = look(tier, attack)
    assert not seen["breach"], f"breach: {attack.says}: {seen}"
    if isinstance(attack.control, Within):
        assert seen["works"], f"invalid: not carried out as it should be: {seen}"


def has_all_rights() -> bool:
    """Root with the right to mount, and no filter of system calls around, as containers have."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return AS_ROOT and bool(int(status["CapEff"], 16) >> CAP_SYS_ADMIN & 1) and status["Seccomp"] == "0"


def lacking(said: str) -> bool:
    """What the attack is after is no part of this kernel."""
    return any(text in said for text in ("Address family not supported", "Function not implemented", "no other table"))


SHOWN_OUTSIDE = [attack for attack in ATTACKS if not isinstance(attack.control, Within)]


@pytest.mark.parametrize("attack", SHOWN_OUTSIDE, ids=lambda attack: attack.name)
def test_the_attack_works_where_nothing_holds_it(look: Look, attack: Attack) -> None:
    """Whoever runs the tests must have all rights to show it of each; what is refused to others shows nothing."""
    seen = look("none" if isinstance(attack.control, Unprotected) else "alone", attack)
    if not seen["works"] and (lacking(seen["said"]) or not has_all_rights()):
        pytest.skip(f"this machine refuses it without a sandbox too: {seen['said']}")
    assert seen["works"], f"invalid: {attack.says}: {seen}"


def test_the_documentation_lists_the_suite() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    shown = text.partition("<!-- hostile suite: begin -->\n")[2].partition("\n<!-- hostile suite: end -->")[0]
    assert shown == table(), "run: python tests/security/suite.py, and paste it between the marks"
