"""Every attack of the suite is held by every tier, and every one is shown to work where nothing holds it.

One pass a tier throws the whole table, two candidates at a time; the tests look up what came of each attack. Where
some are chosen (`pytest -k`), only those are thrown.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from attacks import as_nobody, needs_bubblewrap
from suite import ATTACKS, Attack, OnHost, Unprotected, Within
from throw import TIERS

pytestmark = needs_bubblewrap
THROW = Path(__file__).with_name("throw.py")
ORDINARY = "bwrap, as an ordinary user"
AS_ROOT = os.getuid() == 0
WALLS = [tier for tier in TIERS if tier != "none"] + ([ORDINARY] if AS_ROOT else [])


@pytest.fixture(scope="module")
def passes() -> dict[str, dict[str, Any]]:
    """What came of each attack, by pass; filled as it is asked for."""
    return {}


@pytest.fixture
def look(passes: dict[str, dict[str, Any]], request: pytest.FixtureRequest) -> Any:
    def look(tier: str, attack: Attack) -> dict[str, Any]:
        if tier not in passes:
            chosen = {
                item.callspec.params["attack"].name for item in request.session.items if "attack" in item.fixturenames
            }
            passes[tier] = thrown(tier, sorted(chosen))
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
    assert done.returncode == 0, done.stderr
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("tier", WALLS)
def test_the_attack_is_held(look: Any, tier: str, attack: Attack) -> None:
    seen = look(tier, attack)
    assert not seen["breach"], f"breach: {attack.says}: {seen}"
    if isinstance(attack.control, Within):
        assert seen["works"], f"invalid: not carried out as it should be: {seen}"


@pytest.mark.parametrize(
    "attack", [a for a in ATTACKS if not isinstance(a.control, Within)], ids=lambda attack: attack.name
)
def test_the_attack_works_where_nothing_holds_it(look: Any, attack: Attack) -> None:
    control = attack.control
    if isinstance(control, Unprotected | OnHost) and control.needs_root and not AS_ROOT:
        pytest.skip("without a sandbox, this attack needs root")
    seen = look("none" if isinstance(control, Unprotected) else "alone", attack)
    assert seen["works"], f"invalid: {attack.says}: {seen}"
