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
class Pause:
    """Begin nothing new until told to resume: what is under way ends, and then the clock stands still."""

    kind: Literal["pause"] = "pause"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Go on after a pause."""

    kind: Literal["resume"] = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approve:
    """Run this candidate, where a person is asked first."""

    candidate: str
    kind: Literal["approve"] = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Go on building on this candidate, whatever selection says."""

    candidate: str
    kind: Literal["pin"] = "pin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Build on this candidate no more, and let it into no finals; one that has not begun is refused: never run.

    `why`, in a person's words, stands as the reason of a refusal.
    """

    candidate: str
    why: str | None = None
    kind: Literal["ban"] = "ban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A letter that this version does not understand: taken note of, so that it stops nothing."""

    problem: str
    kind: Literal["unreadable"] = "unreadable"


Command = Hypothesize | Stop | Pause | Resume | Approve | Pin | Ban | Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A command as it lies in a run's inbox; numbers count from 1 in the order of arrival and are never used again."""

    number: int
    command: Command
