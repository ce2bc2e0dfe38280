"""Candidates and how they came to be.

A candidate is its sources and nothing else: two proposals with the same normalised sources are one candidate.
Hypothesis, parents, prompt and cost belong to the record (see `state.py`), not to the identity.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from autorec.domain.errors import UsageError
from autorec.domain.paths import names_fault

SHORT_ID = 10
BY_HAND = "human"
"""The proposer of what people hand in."""
REQUIRED_FILES = ("model.py", "train.py")


class Operator(StrEnum):
    """How a candidate was made."""

    DRAFT = "draft"
    IMPROVE = "improve"
    CROSSOVER = "crossover"
    SIMPLIFY = "simplify"
    REPAIR = "repair"
    HYPOTHESIS = "hypothesis"
    REFLECT = "reflect"
    TUNE = "tune"
    POLICY = "policy"
    HUMAN = "human"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An admitted, immutable source tree, named by the sha256 of its canonical bytes."""

    id: str
    files: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, str]) -> "Candidate":
        """Name the sources after normalising line ends and trailing blanks (path -> text).

        Raises UsageError for a path that leads out of the candidate's folder, or is otherwise no plain name in it:
        every writer of a candidate's files relies on that.
        """
        if fault := names_fault(files):
            raise UsageError(f"a candidate's files: {fault}", fix="rename the file")
        normalised = {path: normalise(text) for path, text in sorted(files.items())}
        return cls(id=hashlib.sha256(canonical_bytes(normalised)).hexdigest(), files=normalised)

    @classmethod
    def from_bytes(cls, source: bytes) -> "Candidate":
        """The inverse of `to_bytes`; the id is computed again, never believed, and a run may be a stranger's.

        Raises UsageError where the bytes are no candidate's.
        """
        try:
            files = json.loads(source)
        except (ValueError, RecursionError) as error:
            raise _not_a_candidate(f"no JSON ({type(error).__name__})") from None
        if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
            raise _not_a_candidate("expected an object of path and text")
        if fault := names_fault(files):
            raise _not_a_candidate(fault)
        return cls.of(files)

    def to_bytes(self) -> bytes:
        """Canonical bytes: what is stored and hashed, so the object's digest is the candidate's id."""
        return canonical_bytes(self.files)


def _not_a_candidate(problem: str) -> UsageError:
    return UsageError(
        f"what is stored as a candidate is none that autorec wrote: {problem}",
        fix="the run is damaged or was tampered with; trust nothing in it and use another run",
    )


def normalise(text: str) -> str:
    """One newline convention, no trailing blanks, one newline at the end."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n") + "\n"


def canonical_bytes(files: Mapping[str, str]) -> bytes:
    return json.dumps(dict(files), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a proposer decided to do next; decided at once and recorded, carried out later.

    `design` holds the choices of a policy (flat, JSON values); `hypothesis` what is to be tested;
    `seed` feeds whatever randomness the carrying out needs. `proposer` names who carries it out; one of a
    person's own leaves it out, for the configuration names it.
    """

    operator: Operator
    seed: int
    proposer: str = ""
    parents: tuple[str, ...] = ()
    hypothesis: str | None = None
    design: Mapping[str, Any] | None = None
    model: str | None = None
    why: str = ""

    @property
    def writer(self) -> str:
        """Who writes: the language model where one is named, else the proposer. A lasting fault puts this one out."""
        return self.model or self.proposer


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One call of a language model: what was asked, what came back, what it cost (`usd` None: price unknown).

    `request` is the sha256 of what was asked, and of whom (see `llm/request.py`); `max_tokens` and `temperature` are
    its parameters. `model` is who answered; a call that brought no answer has an empty finish reason.
    `broken` is a try of the call that follows, which broke off in the middle of its text.
    """

    model: str
    prompt: str
    reply: str
    prompt_tokens: int
    reply_tokens: int
    usd: float | None
    latency_s: float
    notes: tuple[str, ...] = ()
    request: str = ""
    max_tokens: int = 0
    temperature: float = 0.0
    finish_reason: str = ""
    broken: bool = False

    def to_bytes(self) -> bytes:
        """What is stored: JSON, the same for the same call."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A parsed, not yet admitted answer of a proposer: path -> text, and what it claims."""

    files: Mapping[str, str]
    hypothesis: str | None = None
    predicted_effect: str | None = None
    exchanges: tuple[Exchange, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """A proposer could not answer with a candidate (an unusable reply, say): recorded, and the search goes on.

    `lasting`: nor will it answer the next time (a refused key, say), until a person has mended what `reason` names.
    `unanswered` is the call that brought no answer, where that is the reason; `duplicate_of` the known candidate that
    the answer repeats, where that is.
    """

    reason: str
    lasting: bool = False
    duplicate_of: str | None = None
    exchanges: tuple[Exchange, ...] = field(default=())
    unanswered: Exchange | None = None
