"""The hostile suite as a table. An attack is a function of a file in `hostile/`; the file is its category.

The function's docstring says, in one line, what it is after. What is seen of a breach, and the control that shows
that the attack is a real one, stand in `rules.py`, apart from the code that a candidate carries.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from proofs import Control
from rules import BY_CATEGORY, OF_THEIR_OWN
from seen import Breach

HOSTILE = Path(__file__).parent / "hostile"
CATEGORIES = tuple(BY_CATEGORY)
TITLES = {"ipc": "shared memory, queues", "contents": "contents of results"}
BWRAP, ORDINARY, LANDLOCK = "bwrap", "bwrap, as an ordinary user", "landlock"
WALLS = (BWRAP, ORDINARY, LANDLOCK)
SAME_EVERYWHERE = ("protocol", "contents")
"""What these are after is on the trusted side, which is the same whatever stands around a candidate: one tier does."""
NOT_CAPPED = ("disk", "deleted_files", "inodes", "folders")
"""Where no file system of its own can be had, these are seen from outside: killed, and all that they wrote removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    name: str
    category: str
    says: str
    breach: Breach
    control: Control

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers that it is thrown at."""
        return (BWRAP,) if self.category in SAME_EVERYWHERE else WALLS


def attacks_of(category: str) -> Iterator[Attack]:
    """The attacks of one file, in its order: the functions that take a host and say what they are after."""
    for function in ast.parse((HOSTILE / f"{category}.py").read_text()).body:
        if not isinstance(function, ast.FunctionDef) or [each.arg for each in function.args.args] != ["host"]:
            continue
        says = ast.get_docstring(function)
        if says is None or says.startswith("Not an attack"):
            continue
        rule = OF_THEIR_OWN.get(function.name, BY_CATEGORY[category])
        yield Attack(name=function.name, category=category, says=says, breach=rule.breach, control=rule.control)


ATTACKS: tuple[Attack, ...] = tuple(attack for category in CATEGORIES for attack in attacks_of(category))


def table() -> str:
    """The suite as Markdown."""
    lines = ["| category | attack | what it is after | thrown at | shown to work by |", "|---|---|---|---|---|"]
    for attack in ATTACKS:
        where = "bwrap" if attack.category in SAME_EVERYWHERE else "all"
        where += "; landlock: killed, removed" if attack.name in NOT_CAPPED else ""
        title = TITLES.get(attack.category, attack.category)
        lines.append(f"| {title} | `{attack.name}` | {attack.says} | {where} | {attack.control.proof} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
