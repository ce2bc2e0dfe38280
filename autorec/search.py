"""The search: a steady-state loop over ask, admit, train, select.

A free slot never waits for a slow sibling or for a language model: proposals are made `ahead` of the slots, and each
one records the last event that it could know. A generation closes whenever `population` candidates are decided.
Every turn reads the state and nothing else, so a resumed run goes on as an uninterrupted one would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from autorec.domain import events as ev
from autorec.domain.candidate import Candidate, Declined, Operator, Plan, Proposal
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.lesson import Lessons
from autorec.domain.paths import names_fault
from autorec.domain.seeds import derive_seed
from autorec.domain.spending import bills_of
from autorec.domain.state import State, training_seed
from autorec.journal import Journal
from autorec.ports import Crew, Inbox, Objects, Proposer, Selector

Train = Callable[[Candidate, Stage, int], Trained]

DRY_SPELL = 30
"""Asks in a row that may give nothing new before the proposers count as exhausted."""

OUT_OF_TIME = "out of time"
LATE = "it came when the search was over"
KNOWN = "the same sources as a known candidate"
NEVER_CAME = "no answer came before the run ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much is under way at a time, and when it is enough.

    `out_of_time` forbids new trainings, so that time is left for the finals; while no candidate has been judged there
    would be none, and candidates may begin until it is `too_late` for the shortest.
    """

    workers: int
    population: int
    out_of_time: Callable[[], bool]
    too_late: Callable[[], bool]
    max_candidates: int | None = None

    @property
    def ahead(self) -> int:
        """Candidates that wait, so that a free slot finds one."""
        return self.workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The loop and what it stands on."""

    journal: Journal
    inbox: Inbox
    proposer: Proposer
    train: Train
    selector: Selector
    objects: Objects
    crew: Crew
    pace: Pace

    def run(self) -> None:
        """Search until the pace says enough; what was under way when a run broke off is taken up again."""
        self._take_up()
        while self.journal.state.search_ended is None:
            state = self._hear()
            if _generation_is_full(state, self.pace):
                self._close_generation(state)
            elif _wants_training(state, self.pace):
                self._start(state)
            elif _wants_proposal(state, self.pace) and (plan := self._plan(state)):
                self._ask(state, plan)
            elif reason := _over(state, self.pace):
                self._end(reason)
            else:
                self._land()

    def settle(self) -> None:
        """Book, before the run ends, what was asked and not used: late answers, and calls that nobody answered yet."""
        self._book_late_answers()
        for ask in self.journal.state.asks:
            bills = (ev.Bill(model=ask.plan.model, calls=1, unpriced=1),) if ask.plan.model else ()
            self.journal.record(ev.Rejected(ask=ask.number, reason=NEVER_CAME, bills=bills))

    def _hear(self) -> State:
        """What people told the run since the last turn becomes events; returns the state that knows of it."""
        for letter in self.inbox.after(self.journal.state.heard):
            self.journal.record(ev.Told(number=letter.number, command=letter.command))
        return self.journal.state

    def _take_up(self) -> None:
        """What was under way begins again; a call that costs does not where its answer could not be used any more."""
        if self.journal.state.search_ended is not None:
            return
        state = self._hear()
        closing = _closing(state, self.pace)
        for ask in state.asks:
            if closing and ask.plan.model:
                continue
            self.crew.submit(("ask", ask.number), partial(self.proposer.propose, ask.plan, self.journal.at(ask.seen)))
        for candidate in state.training:
            self._submit_training(candidate)

    def _plan(self, state: State) -> Plan | None:
        return self.proposer.plan(state, derive_seed(state.seed, "ask", state.asked))

    def _ask(self, state: State, plan: Plan) -> None:
        self.journal.record(ev.Asked(number=state.asked, plan=plan, seen=state.seq))
        self.crew.submit(("ask", state.asked), partial(self.proposer.propose, plan, state))

    def _start(self, state: State) -> None:
        candidate = _next_up(state, self.pace)
        seed = training_seed(state, candidate, Stage.SEARCH)
        self.journal.record(ev.Started(candidate=candidate, stage=Stage.SEARCH, seed=seed))
        self._submit_training(candidate)

    def _submit_training(self, candidate: str) -> None:
        source = Candidate.from_bytes(self.objects.get(candidate))
        seed = training_seed(self.journal.state, candidate, Stage.SEARCH)
        self.crew.submit(("train", candidate), partial(self.train, source, Stage.SEARCH, seed))

    def _land(self) -> None:
        match self.crew.next(timeout_s=1.0):
            case (("ask", int(number)), answer):
                self.journal.record(self._admit(number, answer))
            case (("train", _), Trained() as trained):
                self.journal.record(ev.Finished(trained=trained))

    def _admit(self, number: int, answer: Proposal | Lessons | Declined) -> ev.Event:
        if isinstance(answer, Lessons):
            return self._learn(number, answer)
        ask = next(ask for ask in self.journal.state.asks if ask.number == number)
        if isinstance(answer, Declined):
            return self._reject(number, answer)
        if fault := names_fault(answer.files):
            return self._reject(number, Declined(reason=fault, exchanges=answer.exchanges))
        candidate = Candidate.of(answer.files)
        if candidate.id in self.journal.state.records:
            known = Declined(reason=KNOWN, duplicate_of=candidate.id, exchanges=answer.exchanges)
            return self._reject(number, known)
        self.objects.put(candidate.to_bytes())
        return ev.Admitted(
            candidate=candidate.id,
            plan=ask.plan,
            ask=number,
            hypothesis=answer.hypothesis,
            predicted_effect=answer.predicted_effect,
            exchanges=self._keep(answer),
            bills=bills_of(answer.exchanges),
        )

    def _learn(self, number: int, answer: Lessons) -> ev.Reflected:
        kept, bills = self._keep(answer), bills_of(answer.exchanges)
        return ev.Reflected(ask=number, notes=answer.notes, exchanges=kept, bills=bills)

    def _reject(self, number: int, answer: Declined) -> ev.Rejected:
        return ev.Rejected(
            ask=number,
            reason=answer.reason,
            lasting=answer.lasting,
            duplicate_of=answer.duplicate_of,
            exchanges=self._keep(answer),
            unanswered=self.objects.put(answer.unanswered.to_bytes()) if answer.unanswered else None,
            bills=bills_of(answer.exchanges),
        )

    def _keep(self, answer: Proposal | Lessons | Declined) -> tuple[str, ...]:
        return tuple(self.objects.put(exchange.to_bytes()) for exchange in answer.exchanges)

    def _close_generation(self, state: State) -> None:
        reasons, survivors = self.selector.select(state)
        self.journal.record(
            ev.GenerationClosed(
                number=len(state.generations) + 1,
                decided=len(state.decided_since),
                survivors=tuple(record.id for record in survivors),
                reasons=reasons,
            )
        )

    def _end(self, reason: str) -> None:
        """In a replay, a refusal that was heard in the middle of the end is heard there again, and one more closes."""
        self._book_late_answers()
        while self.journal.state.decided_since:
            self._close_generation(self.journal.state)
        self.journal.record(ev.SearchEnded(reason=reason))
        self._look_back()

    def _look_back(self) -> None:
        """What the last generation taught is asked while the finals go on, and booked when they are over."""
        state = self.journal.state
        plan = None if state.stop_asked or state.paused else self._plan(state)
        if plan and plan.operator is Operator.REFLECT:
            self._ask(state, plan)

    def _book_late_answers(self) -> None:
        """Answers that have come by the end become no candidates, but what they cost is booked."""
        while self.journal.state.asks and (landed := self.crew.next(timeout_s=0.0)):
            match landed:
                case (("ask", int(number)), Declined() | Lessons() as answer):
                    self.journal.record(self._admit(number, answer))
                case (("ask", int(number)), answer):
                    late = Declined(reason=LATE, exchanges=answer.exchanges)
                    self.journal.record(self._reject(number, late))


def enter_baseline(journal: Journal, objects: Objects, name: str, candidate: Candidate, plan: Plan) -> None:
    """Queue a baseline, unless the run knows it already. Baselines stand outside the count of candidates."""
    if candidate.id not in journal.state.records:
        objects.put(candidate.to_bytes())
        journal.record(ev.Admitted(candidate=candidate.id, plan=plan, name=name))


def _generation_is_full(state: State, pace: Pace) -> bool:
    return len(state.decided_since) >= pace.population


def _wants_training(state: State, pace: Pace) -> bool:
    return bool(state.ready) and len(state.training) < pace.workers and not _closing(state, pace)


def _wants_proposal(state: State, pace: Pace) -> bool:
    waiting = sum(not state.records[i].is_baseline for i in state.queue)
    under_way = pace.ahead - waiting if state.approve else 2 * pace.ahead  # nothing is paid ahead that may be refused
    short = waiting < pace.ahead and len(state.expected) < under_way and not state.paused
    return short and not _enough(state, pace) and not _exhausted(state) and not _closing(state, pace)


def _next_up(state: State, pace: Pace) -> str:
    """The first that is ready; where time is short, the first that may become the champion."""
    first = state.ready[0]
    if not pace.out_of_time():
        return first
    return next((each for each in state.ready if not state.records[each].is_baseline), first)


def _closing(state: State, pace: Pace) -> str | None:
    """Why nothing new may begin."""
    if state.stop_asked:
        return "a person asked it to stop"
    late = pace.out_of_time() if _has_hope(state) else pace.too_late()
    return OUT_OF_TIME if late else None


def _has_hope(state: State) -> bool:
    """Whether there is, or may soon be, a candidate to judge in the finals."""
    return any(record.ok or record.id in state.training for record in state.candidates)


def _enough(state: State, pace: Pace) -> bool:
    return pace.max_candidates is not None and len(state.candidates) + len(state.expected) >= pace.max_candidates


def _exhausted(state: State) -> bool:
    last_new = max((r.asked for r in state.records.values() if r.asked is not None), default=-1)
    dry = (declined for declined in state.declined if declined.plan.operator is not Operator.REFLECT)
    return sum(declined.number > last_new for declined in dry) >= DRY_SPELL


def _over(state: State, pace: Pace) -> str | None:
    if state.training or state.paused:
        return None
    if reason := _closing(state, pace):
        return reason
    if state.queue or state.expected:
        return None
    if _enough(state, pace):
        return f"all {pace.max_candidates} candidates are decided"
    return "the proposers have nothing new to offer"
