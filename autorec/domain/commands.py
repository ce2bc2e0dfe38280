"""What people tell a run from outside, while it is at work or between two sittings."""

from dataclasses import dataclass
from typing import Literal

from autorec.domain.hypothesis import Hypothesis


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesize:
    """Test this."""

    hypothesis: Hypothesis
    kind: Literal["hypothesize"] = "hypothesize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Begin nothing new: what trains ends, the finals follow."""

    kind: Literal["stop"] = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Go on building on this candidate, whatever selection says."""

    candidate: str
    kind: Literal["pin"] = "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Build on this candidate no more, and let it into no finals."""

    candidate: str
    kind: Literal["ban"] = "ban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A letter that this version does not understand: taken note of, so that it stops nothing."""

    problem: str
    kind: Literal["unreadable"] = "unreadable"


Command = Hypothesize | Stop | Pin | Ban | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A command as it lies in a run's inbox; numbers count from 1 in the order of arrival and are never used again."""

    number: int
    command: Command
