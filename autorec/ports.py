"""The small shapes that the loop depends on. Adapters stand in the packages around; fakes in `autorec.testing`."""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from autorec.domain.candidate import Candidate, Declined, Plan, Proposal
from autorec.domain.commands import Letter
from autorec.domain.diagnosis import Answered, Contrast, Examined
from autorec.domain.evaluation import Judged, Task, Trained
from autorec.domain.events import Event
from autorec.domain.job import Job, Limits, Outcome, Part, Snapshot, Stage
from autorec.domain.lesson import Lessons
from autorec.domain.state import Record, State

Observe = Callable[[Snapshot], bool]
"""Called at each checkpoint of a training, in the order of index; True asks the training to stop."""


class Proposer(Protocol):
    """Writes candidates."""

    def plan(self, state: State, seed: int) -> Plan | None:
        """Decide at once what to do next, from the state and the seed alone; None when there is nothing to do."""
        ...

    def propose(self, plan: Plan, state: State) -> Proposal | Lessons | Declined:
        """Carry out a plan, with the state that it was made on. May take long; called outside the loop's thread.

        A plan to reflect gives Lessons. What fails is Declined:
        this once, or lastingly when no further ask can succeed.
        """
        ...


class Space(Protocol):
    """The declared action space of the run's role. A design maps the active parameters to values."""

    @property
    def families(self) -> tuple[str, ...]:
        """The families that may be drawn: the values of the design's `family`."""
        ...

    def complete(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """A whole design: what is given, and the default of every other active parameter."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a proposer of one's own is made with: `proposers = ["package.module:Class"]` calls `Class(desk)`.

    `limits` bound one training. `objects` hold sources (`Candidate.from_bytes(objects.get(record.id)).files`) and logs.
    `render` turns a whole design of `space` into files, path -> text. Nothing here tells held-out labels.
    """

    task: Task
    limits: Limits
    objects: "Objects"
    space: Space
    render: Callable[[Mapping[str, Any]], Mapping[str, str]]


class Executor(Protocol):
    """Runs one job in isolation.

    One of one's own, `executor = "package.module:Class"`, is made as `Class(open_built_in)`: calling `open_built_in`
    gives the strongest built-in one that holds, to be run through; it raises IsolationError where there is none.
    """

    def run(self, job: Job, observe: Observe) -> Outcome:
        """Block until the job and its whole process tree are gone. Safe to call from several threads.

        Whatever the candidate does ends in an Outcome; only faults of ours or of the machine raise.
        """
        ...

    def close(self) -> None:
        """Kill whatever runs, at once; each blocked `run` then raises or returns. Idempotent."""
        ...


class Trains(Protocol):
    """Trains and judges candidates: a trainer, or a cache around one."""

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        """Train on what the stage trains on and judge on its part; whatever the candidate does is an outcome."""
        ...

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        """Judge a training that was kept on the part of another stage, without training again."""
        ...


class Judge(Protocol):
    """The only holder of held-out labels."""

    def judge(self, predictions: bytes, part: Part) -> Judged:
        """Check and score one top-k file as a candidate wrote it.

        Raises MalformedPredictions with a reason for the candidate's author.
        """
        ...


class Examiner(Protocol):
    """Says of judged answers of *select* where they are good and where not; it holds those labels, as the judge does.

    Safe to call from several threads.
    """

    def examine(self, answers: Answered) -> Examined:
        """Segments, and what is given against what was wanted."""
        ...

    def compare(self, ours: Answered, theirs: Answered) -> Contrast:
        """How much two answers have in common, which units gain and lose, and in which segments."""
        ...


class ListMetric(Protocol):
    """A metric of one's own for lists of items, `metrics = {mine = "package.module:function"}`.

    It is named with a cutoff, as `mine@10`, in figures and in objectives.
    """

    def __call__(self, hits: Any, n_relevant: Any, k: int, /) -> Any:
        """One value a user, float [q], finite, higher is better; users without a hit are among them.

        `hits` bool [q, width], width >= k, read-only: place r of user u's list (0 is the top) holds a relevant item.
        `n_relevant` int64 [q], at least 1: the size of each user's relevant set. Called from several threads.
        """
        ...


class Selector(Protocol):
    """Decides who survives a generation."""

    def select(self, state: State) -> tuple[dict[str, str], tuple[Record, ...]]:
        """Reasons for each record looked at (id -> why it stays or goes), and the survivors, best first."""
        ...


class Objects(Protocol):
    """Content-addressed bytes."""

    def put(self, content: bytes) -> str:
        """Keep the content and return its sha256 (hex). Raises StoreError."""
        ...

    def get(self, digest: str) -> bytes:
        """The content. Raises StoreError when it is missing or damaged."""
        ...


class Events(Protocol):
    """The append-only truth of a run."""

    def append(self, event: Event) -> int:
        """Record durably; returns the sequence number, from 1. Raises StoreError."""
        ...

    def read(self, upto: int | None = None) -> Iterator[Event]:
        """All events in order, up to and including sequence number `upto`."""
        ...


class Inbox(Protocol):
    """What people tell a run from outside; durable, and read by the loop alone."""

    def after(self, number: int) -> tuple[Letter, ...]:
        """The letters with a greater number, in order; cheap enough to ask at each turn. Raises StoreError."""
        ...


class Crew(Protocol):
    """Carries out calls side by side and hands back their results one at a time."""

    def submit(self, key: Hashable, call: Callable[[], Any]) -> None:
        """Begin a call; the key comes back with its result."""
        ...

    def next(self, timeout_s: float | None = None) -> tuple[Hashable, Any] | None:
        """Wait for any call to end: its key and result; None after `timeout_s`. Raises what the call raised."""
        ...
