"""What a run knows at one moment, read-only. Built by `fold.py` from events and from nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autorec.domain.candidate import BY_HAND, Operator, Plan
from autorec.domain.control import Control
from autorec.domain.evaluation import Task, Trained, value_of
from autorec.domain.events import Bill, Evidence
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import OutcomeKind, Stage
from autorec.domain.lesson import Lesson, Note
from autorec.domain.seeds import baseline_seed, derive_seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that is known of one candidate. Its files are in the store under its id.

    `asked` is the number of the ask that it answers (None for baselines), `seen` the sequence number of the
    last event that its proposer could know. `search` is its training in the search, once decided; `finals`
    its trainings in later stages.
    """

    id: str
    number: int
    operator: Operator
    proposer: str
    parents: tuple[str, ...] = ()
    hypothesis: str | None = None
    predicted_effect: str | None = None
    design: Mapping[str, Any] | None = None
    model: str | None = None
    why: str = ""
    name: str | None = None
    asked: int | None = None
    seen: int = 0
    exchanges: tuple[str, ...] = ()
    bills: tuple[Bill, ...] = ()
    search: Trained | None = None
    finals: tuple[Trained, ...] = ()

    @property
    def ok(self) -> bool:
        """Trained in the search and judged."""
        return self.search is not None and self.search.ok

    @property
    def is_baseline(self) -> bool:
        return self.operator is Operator.BASELINE

    @property
    def is_by_hand(self) -> bool:
        """Whether a person wrote it, or it is a baseline: nobody has to be asked before it is run."""
        return self.is_baseline or self.proposer == BY_HAND

    @property
    def refused(self) -> bool:
        """Whether a person refused it before it was run."""
        return self.search is not None and self.search.outcome is OutcomeKind.REFUSED

    @property
    def paid(self) -> tuple[Trained, ...]:
        """Trainings of its own: not what was recalled, nor what was judged again from a kept state (the same seed)."""
        every = [t for t in (self.search, *self.finals) if t is not None and not t.cached]
        return tuple({t.seed: t for t in reversed(every)}.values())

    @property
    def isolated(self) -> bool:
        """Whether every training of it was; a state that is kept outlives the training that it came from."""
        return all(trained.isolated for trained in (self.search, *self.finals) if trained is not None)

    def at(self, stage: Stage) -> Trained | None:
        """Its training in that stage."""
        return self.search if stage is Stage.SEARCH else self.final(stage)

    def final(self, stage: Stage) -> Trained | None:
        """The last training of that stage."""
        return next((t for t in reversed(self.finals) if t.stage is stage), None)

    @property
    def kept(self) -> Trained | None:
        """The training of the latest stage of which both the state and judged predictions are kept."""
        every = (self.final(Stage.FINAL), self.final(Stage.FINALIST), self.search)
        return next((t for t in every if t is not None and t.ok and t.state and t.predictions), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A proposal under way: what was planned, and the last event it could be conditioned on."""

    number: int
    plan: Plan
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclinedAsk:
    """An ask that gave no candidate: an unusable reply, known sources (`duplicate_of`), or a `lasting` fault."""

    number: int
    plan: Plan
    reason: str
    lasting: bool = False
    duplicate_of: str | None = None
    exchanges: tuple[str, ...] = ()
    bills: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflection:
    """An ask that gave lessons."""

    number: int
    plan: Plan
    notes: tuple[Note, ...]
    exchanges: tuple[str, ...] = ()
    bills: tuple[Bill, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a writer (a proposer, or a model) is not asked: `reason` says what to set, `ask` is the one that met it.

    `tried_again`: a resumed run asks once more, and the answer decides whether the fault still stands.
    """

    ask: int
    reason: str
    tried_again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """A closed generation: who survived, best first, and why each candidate looked at stayed or went."""

    number: int
    survivors: tuple[str, ...]
    reasons: Mapping[str, str]
    decided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A run at one moment.

    `seq` is the last event folded in. `records` (id -> record) are in order of admission, baselines among them.
    `asks` and `training` are under way, `queue` is admitted and not yet started, `decided` are the candidates
    (baselines apart) in the order in which their search training ended. `faults` (writer -> fault) are lasting.
    `controls` are those of split and judge, then that of the champion.
    `hypotheses` are people's, `heard` is the number of the last command taken out of the inbox.
    `paused_at` is the sequence number of the event that paused it; None where it is not paused.
    `approve`: a person is asked before a candidate that no person wrote is run; `approved` are those that may be.
    `lessons` are those of earlier runs and then those of this one; each keeps its place.
    `verdicts` are people's on candidates, the last of each: true where it is pinned, false where it is banned.
    """

    seq: int
    task: Task
    seed: int
    controls: tuple[Control, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    heard: int = 0
    stop_asked: bool = False
    paused_at: int | None = None
    approve: bool = False
    approved: frozenset[str] = frozenset()
    verdicts: Mapping[str, bool] = field(default_factory=dict)
    records: Mapping[str, Record] = field(default_factory=dict)
    asked: int = 0
    asks: tuple[Ask, ...] = ()
    declined: tuple[DeclinedAsk, ...] = ()
    reflections: tuple[Reflection, ...] = ()
    lessons: tuple[Lesson, ...] = ()
    faults: Mapping[str, Fault] = field(default_factory=dict)
    queue: tuple[str, ...] = ()
    training: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    generations: tuple[Generation, ...] = ()
    search_ended: str | None = None
    finalists: tuple[str, ...] = ()
    finals_begun: tuple[tuple[str, Stage], ...] = ()
    champion: str | None = None
    champion_reason: str | None = None
    test_opened: int | None = None
    ended: str | None = None
    evidence: Evidence | None = None
    spent: Bill = field(default_factory=Bill)

    def told(self, sentence: str | None) -> Hypothesis | None:
        """The hypothesis of a person in these words."""
        return next((hypothesis for hypothesis in self.hypotheses if hypothesis.sentence == sentence), None)

    def out(self, writer: str) -> str | None:
        """Why a writer is not asked, in words; None where nothing stands against it or it is tried again."""
        fault = self.faults.get(writer)
        if fault is None or fault.tried_again:
            return None
        return f"{writer} is out until the run is resumed: {fault.reason}"

    def control_of(self, candidate: str | None) -> Control | None:
        """What became of a candidate's answers against labels drawn at random."""
        return next((control for control in self.controls if control.of == candidate), None)

    @property
    def candidates(self) -> tuple[Record, ...]:
        """Records that are not baselines, in order of admission."""
        return tuple(r for r in self.records.values() if not r.is_baseline)

    @property
    def baselines(self) -> tuple[Record, ...]:
        return tuple(r for r in self.records.values() if r.is_baseline)

    def value(self, record: Record, stage: Stage = Stage.SEARCH) -> float | None:
        """The primary objective as that stage measured it; None where nothing was judged."""
        trained = record.at(stage)
        return value_of(trained, self.task.primary.name) if trained is not None and trained.ok else None

    def best_first(self, records: Iterable[Record], stage: Stage = Stage.SEARCH) -> list[Record]:
        """Those that were judged in that stage, the best by the primary objective first; equals stay in order."""
        judged = [(record, value) for record in records if (value := self.value(record, stage)) is not None]
        return [record for record, _ in sorted(judged, key=lambda pair: -self.task.primary.worth(pair[1]))]

    def best(self, records: Iterable[Record], stage: Stage = Stage.SEARCH) -> Record | None:
        """The first of `best_first`, where any was judged."""
        return next(iter(self.best_first(records, stage)), None)

    @property
    def expected(self) -> tuple[Ask, ...]:
        """Asks under way that may give a candidate."""
        return tuple(ask for ask in self.asks if ask.plan.operator is not Operator.REFLECT)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Names of the isolation that trainings ran under."""
        every = (t for r in self.records.values() for t in (r.search, *r.finals) if t is not None)
        return tuple(sorted({trained.tier for trained in every if trained.tier}))

    @property
    def survivors(self) -> tuple[Record, ...]:
        """Survivors of the last closed generation, best first, but for the banned; then the pinned, once judged."""
        chosen = self.generations[-1].survivors if self.generations else ()
        pinned = (i for i, pin in self.verdicts.items() if pin and i in self.records and self.records[i].ok)
        return tuple(self.records[i] for i in dict.fromkeys((*chosen, *pinned)) if self.verdicts.get(i, True))

    @property
    def decided_since(self) -> tuple[str, ...]:
        """Candidates decided since the last generation closed."""
        return self.decided[sum(g.decided for g in self.generations) :]

    @property
    def paused(self) -> bool:
        """Whether a person has paused it: nothing new begins."""
        return self.paused_at is not None and self.search_ended is None

    @property
    def awaiting(self) -> tuple[str, ...]:
        """Of the queue, what a person has to approve before it may begin."""
        if not self.approve or self.search_ended is not None:
            return ()
        return tuple(i for i in self.queue if i not in self.approved and not self.records[i].is_by_hand)

    @property
    def ready(self) -> tuple[str, ...]:
        """Of the queue, what may begin now; nothing while the run is paused."""
        if self.paused:
            return ()
        held = set(self.awaiting)
        return tuple(i for i in self.queue if i not in held)

    @property
    def resting(self) -> bool:
        """Whether it waits for people alone, so that its clock stands still.

        It does when it is paused, or has nothing but what waits for approval and no candidate on its way; as long as
        something trains it does not.
        """
        if self.search_ended is not None or self.stop_asked or self.training:
            return False
        return self.paused or (bool(self.queue) and not self.ready and not self.expected)

    def standing(self, at_work: bool) -> str:
        """`finished`, `running`, `paused`, `waiting` (for approval) or `interrupted`.

        `at_work`: a process works on the run, seen before this state.
        """
        if self.ended is not None:
            return "finished"
        if not at_work:
            return "interrupted"
        return "paused" if self.paused else "waiting" if self.resting else "running"

    def not_trained(self, record: Record, at_work: bool) -> str | None:
        """Why the search has not trained it; None where it has. `at_work`: see `standing`."""
        if record.search is not None:
            return None
        if self.search_ended is not None:
            return f"the search ended before its turn ({self.search_ended})"
        if record.id in self.awaiting:
            return "it waits for the approval of a person"
        if record.id not in self.training:
            return "its turn has not come"
        return "its training goes on" if at_work else "its training was interrupted; a resumed run begins it again"

    def may_ask(self, writer: str, at_once: int | None = None) -> bool:
        """Whether it has fewer than `at_once` asks under way: one after a fault, and none while the fault stands."""
        fault = self.faults.get(writer)
        most = at_once if fault is None else int(fault.tried_again)
        return most is None or sum(writer in (ask.plan.proposer, ask.plan.writer) for ask in self.asks) < most


def training_seed(state: State, candidate: str, stage: Stage) -> int:
    """The seed of a candidate's training, from run, candidate and stage; a baseline's is the same in every run."""
    if state.records[candidate].is_baseline:
        return baseline_seed(candidate, stage)
    return derive_seed(state.seed, candidate, stage)
