"""Events into state: `Fold` takes events one by one, `snapshot()` gives the read-only picture.

The fold is the only way to a `State`, for a live run and a resumed one alike. It is mutable inside so that folding
n events costs O(n); a snapshot shares the immutable records and copies only the containers.
"""

from dataclasses import dataclass, field, replace
from functools import singledispatchmethod

from autorec.domain import events as ev
from autorec.domain.commands import Approve, Ban, Hypothesize, Pause, Pin, Resume, Stop
from autorec.domain.control import Control
from autorec.domain.evaluation import Task, Trained
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.job import OutcomeKind, Stage, Usage
from autorec.domain.lesson import Lesson, learn
from autorec.domain.seeds import derive_seed
from autorec.domain.spending import total
from autorec.domain.state import Ask, DeclinedAsk, Fault, Generation, Record, Reflection, State

REFUSED = "a person refused it, and it was never run"


@dataclass(slots=True)
class Fold:
    """The growing picture of a run. `seq` counts the events taken in."""

    seq: int = 0
    task: Task | None = None
    seed: int = 0
    controls: tuple[Control, ...] = ()
    hypotheses: dict[str, Hypothesis] = field(default_factory=dict)
    heard: int = 0
    stop_asked: bool = False
    paused_at: int | None = None
    approve: bool = False
    approved: set[str] = field(default_factory=set)
    verdicts: dict[str, bool] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    asked: int = 0
    asks: dict[int, Ask] = field(default_factory=dict)
    declined: list[DeclinedAsk] = field(default_factory=list)
    reflections: list[Reflection] = field(default_factory=list)
    lessons: tuple[Lesson, ...] = ()
    faults: dict[str, Fault] = field(default_factory=dict)
    queue: list[str] = field(default_factory=list)
    training: list[str] = field(default_factory=list)
    decided: list[str] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    search_ended: str | None = None
    finalists: tuple[str, ...] = ()
    finals_begun: list[tuple[str, Stage]] = field(default_factory=list)
    champion: str | None = None
    champion_reason: str | None = None
    test_opened: int | None = None
    ended: str | None = None
    evidence: ev.Evidence | None = None
    spent: ev.Bill = field(default_factory=ev.Bill)

    def take(self, event: ev.Event) -> None:
        """Fold one event in; events come in the order of their sequence numbers."""
        self.seq += 1
        self._apply(event)

    def snapshot(self) -> State:
        """The read-only picture after the last event taken."""
        if self.task is None:
            raise ValueError("a run begins with RunStarted; no event was folded in before the first snapshot")
        return State(
            seq=self.seq,
            task=self.task,
            seed=self.seed,
            controls=self.controls,
            hypotheses=tuple(self.hypotheses.values()),
            heard=self.heard,
            stop_asked=self.stop_asked,
            paused_at=self.paused_at,
            approve=self.approve,
            approved=frozenset(self.approved),
            verdicts=dict(self.verdicts),
            records=dict(self.records),
            asked=self.asked,
            asks=tuple(self.asks.values()),
            declined=tuple(self.declined),
            reflections=tuple(self.reflections),
            lessons=self.lessons,
            faults=dict(self.faults),
            queue=tuple(self.queue),
            training=tuple(self.training),
            decided=tuple(self.decided),
            generations=tuple(self.generations),
            search_ended=self.search_ended,
            finalists=self.finalists,
            finals_begun=tuple(self.finals_begun),
            champion=self.champion,
            champion_reason=self.champion_reason,
            test_opened=self.test_opened,
            ended=self.ended,
            evidence=self.evidence,
            spent=self.spent,
        )

    @singledispatchmethod
    def _apply(self, event: object) -> None:
        raise TypeError(f"no fold for the event {type(event).__name__}")

    @_apply.register
    def _(self, event: ev.RunStarted) -> None:
        self.task, self.seed, self.approve = event.task, event.seed, event.approve
        self.lessons = event.lessons
        for sentence in event.hypotheses:
            self._hypothesize(Hypothesis(sentence=sentence))

    @_apply.register
    def _(self, event: ev.Checked) -> None:
        self.controls += event.controls

    @_apply.register
    def _(self, event: ev.Told) -> None:
        self.heard = event.number
        match event.command:
            case Hypothesize(hypothesis=hypothesis):
                self._hypothesize(hypothesis)
            case Stop():
                self.stop_asked, self.paused_at = True, None
            case Pause() if not self.stop_asked and self.paused_at is None:
                self.paused_at = self.seq
            case Resume():
                self.paused_at = None
            case Approve(candidate=candidate):
                self.approved.add(candidate)
            case Pin(candidate=candidate):
                self.verdicts[candidate] = True
            case Ban(candidate=candidate, why=why):
                self.verdicts[candidate] = False
                if candidate in self.queue and not self.records[candidate].is_baseline:
                    self._refuse(self.records[candidate], why)

    @_apply.register
    def _(self, event: ev.Asked) -> None:
        self.asked = max(self.asked, event.number + 1)
        self.asks[event.number] = Ask(number=event.number, plan=event.plan, seen=event.seen)

    @_apply.register
    def _(self, event: ev.Admitted) -> None:
        ask = None if event.ask is None else self.asks.pop(event.ask)
        self.records[event.candidate] = Record(
            id=event.candidate,
            number=len(self.records),
            operator=event.plan.operator,
            proposer=event.plan.proposer,
            parents=event.plan.parents,
            hypothesis=event.hypothesis,
            predicted_effect=event.predicted_effect,
            design=event.plan.design,
            model=event.plan.model,
            why=event.plan.why,
            name=event.name,
            asked=event.ask,
            seen=ask.seen if ask else 0,
            exchanges=event.exchanges,
            bills=event.bills,
        )
        self.queue.append(event.candidate)
        if ask:
            self._believe(ask, fault=None, heard=True)
        self.spent = total((self.spent, *event.bills))

    @_apply.register
    def _(self, event: ev.Rejected) -> None:
        ask = self.asks.pop(event.ask)
        self.declined.append(
            DeclinedAsk(
                number=event.ask,
                plan=ask.plan,
                reason=event.reason,
                lasting=event.lasting,
                duplicate_of=event.duplicate_of,
                exchanges=event.exchanges,
                bills=event.bills,
            )
        )
        self._believe(ask, fault=event.reason if event.lasting else None, heard=bool(event.exchanges))
        self.spent = total((self.spent, *event.bills))

    @_apply.register
    def _(self, event: ev.Reflected) -> None:
        ask = self.asks.pop(event.ask)
        self.reflections.append(
            Reflection(number=event.ask, plan=ask.plan, notes=event.notes, exchanges=event.exchanges, bills=event.bills)
        )
        self.lessons = learn(self.lessons, event.notes, ask.plan.writer)
        self._believe(ask, fault=None, heard=True)
        self.spent = total((self.spent, *event.bills))

    @_apply.register
    def _(self, event: ev.TriedAgain) -> None:
        self.faults[event.writer] = replace(self.faults[event.writer], tried_again=True)

    @_apply.register
    def _(self, event: ev.Started) -> None:
        if event.stage is Stage.SEARCH:
            self.queue.remove(event.candidate)
            self.training.append(event.candidate)
        else:
            self.finals_begun.append((event.candidate, event.stage))

    @_apply.register
    def _(self, event: ev.Finished) -> None:
        trained = event.trained
        record = self.records[trained.candidate]
        if trained.stage is not Stage.SEARCH:
            self.records[record.id] = replace(record, finals=(*record.finals, trained))
            return
        self.training.remove(record.id)
        self.records[record.id] = replace(record, search=trained)
        if not record.is_baseline:
            self.decided.append(record.id)

    @_apply.register
    def _(self, event: ev.GenerationClosed) -> None:
        self.generations.append(
            Generation(number=event.number, survivors=event.survivors, reasons=event.reasons, decided=event.decided)
        )

    @_apply.register
    def _(self, event: ev.SearchEnded) -> None:
        self.search_ended = event.reason

    @_apply.register
    def _(self, event: ev.FinalistsChosen) -> None:
        self.finalists = event.candidates

    @_apply.register
    def _(self, event: ev.ChampionChosen) -> None:
        self.champion, self.champion_reason = event.candidate, event.reason

    @_apply.register
    def _(self, event: ev.TestOpened) -> None:
        self.test_opened = event.count

    @_apply.register
    def _(self, event: ev.RunEnded) -> None:
        self.ended, self.evidence = event.reason, event.evidence

    def _refuse(self, record: Record, why: str | None) -> None:
        """What a person refuses before it begins is decided: a failure that cost nothing, for the reason given."""
        self.queue.remove(record.id)
        refused = Trained(
            candidate=record.id,
            stage=Stage.SEARCH,
            seed=derive_seed(self.seed, record.id, Stage.SEARCH),
            outcome=OutcomeKind.REFUSED,
            reason=f"{REFUSED}: {why}" if why else REFUSED,
            tier="",
            usage=Usage(),
        )
        self.records[record.id] = replace(record, search=refused)
        self.decided.append(record.id)

    def _believe(self, ask: Ask, *, fault: str | None, heard: bool) -> None:
        """The first ask that meets a lasting fault sets it; only what is heard after another try takes it back."""
        writer, known = ask.plan.writer, self.faults.get(ask.plan.writer)
        if known is not None and not known.tried_again:
            return
        if fault is not None:
            self.faults[writer] = Fault(ask=ask.number, reason=fault)
        elif heard:
            self.faults.pop(writer, None)

    def _hypothesize(self, hypothesis: Hypothesis) -> None:
        """A sentence that is known already stays as it was told first."""
        self.hypotheses.setdefault(hypothesis.sentence, hypothesis)
