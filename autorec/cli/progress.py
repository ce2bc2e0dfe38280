"""Live progress of a search on standard error: a panel on a terminal, a line an event elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from autorec.cli.summary import describe, fault_line, short, stage_of, waits_line
from autorec.cli.terminal import Screen
from autorec.domain import events as ev
from autorec.domain.candidate import Operator
from autorec.domain.commands import Approve, Ban, Command, Hypothesize, Pause, Pin, Resume, Stop, Unreadable
from autorec.domain.evaluation import Trained, value_of
from autorec.domain.state import State
from autorec.domain.text import count, duration, plain

RECENT = 6
STANDING_EVERY_S = 30.0
"""How often, without a terminal, the standing of the whole run follows the line of an event."""


class Progress:
    """Follows the events of a run. `budget_s` is the wall clock of the whole command; None: no clock ends it."""

    def __init__(
        self,
        console: Screen,
        *,
        budget_s: float | None,
        worked_s: float,
        max_usd: float | None = None,
        max_tokens: int | None = None,
    ) -> None:
        self._console = console
        self._began = time.monotonic() - worked_s
        self._budget_s = budget_s
        self._max_usd, self._max_tokens = max_usd, max_tokens
        self._state: State | None = None
        self._run = "RUN"
        self._rests_since: float | None = None
        self._since: dict[str, float] = {}
        self._recent: list[str] = []
        self._standing_at = self._began

    def set_limits(self, *, budget_s: float | None, max_usd: float | None, max_tokens: int | None) -> None:
        """What a resumed run turns out to be allowed."""
        self._budget_s, self._max_usd, self._max_tokens = budget_s, max_usd, max_tokens

    def follow(self, run: str, state: State) -> None:
        """The run, as commands take it, and where it stands now: what waits for approval is said at once."""
        self._run = run
        self._look(state)
        if not state.paused and (waits := self._waits(state)):  # to be taken up ends a pause
            self._note(waits, state)

    @contextmanager
    def live(self) -> Iterator[None]:
        """Show the panel while the block runs, where standard error is a terminal."""
        if not self._console.is_terminal:
            yield
            return
        with Live(get_renderable=self._panel, console=self._console, refresh_per_second=4, transient=True):
            yield

    def listen(self, event: ev.Event, state: State) -> None:
        """Take an event in; a `journal.Listener`."""
        waited = self._state and self._waits(self._state)
        self._look(state)
        if isinstance(event, ev.Started):
            self._since[event.candidate] = time.monotonic()
        if isinstance(event, ev.Finished):
            self._since.pop(event.trained.candidate, None)
        if line := _line(event, state):
            self._note(line, state)
        if (waits := self._waits(state)) and waits != waited:
            self._note(waits, state)

    def _look(self, state: State) -> None:
        """Take the state in; while it rests, no time passes."""
        now = time.monotonic()
        if self._state is None:
            self._since = dict.fromkeys(state.training, now)  # taken up again by a resumed run
        if self._rests_since is not None:
            self._began += now - self._rests_since
        self._rests_since = now if state.resting else None
        self._state = state

    def _elapsed_s(self) -> float:
        rests_since = self._rests_since  # once: the panel is drawn by another thread than the one that listens
        return (time.monotonic() if rests_since is None else rests_since) - self._began

    def _waits(self, state: State) -> str | None:
        """What a run that rests waits for, and what to do."""
        return waits_line(state, self._run) if state.resting else None

    def _note(self, line: str, state: State) -> None:
        stamped = f"{duration(self._elapsed_s()):>7}  {line}"
        self._recent = [*self._recent[1 - RECENT :], stamped]
        if not self._console.is_terminal:
            self._print(stamped)
            self._print_standing(state)

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)

    def _print_standing(self, state: State) -> None:
        """What the panel shows on a terminal, as one line now and then."""
        now = time.monotonic()
        if now - self._standing_at < STANDING_EVERY_S:
            return
        self._standing_at = now
        running = ", ".join(short(state.records[candidate]) for candidate in self._since) or "nothing"
        parts = [best_so_far(state), f"running {running}", self._rate(state)]
        if self._budget_s is not None:
            parts.append(f"{duration(self._budget_s - self._elapsed_s())} left")
        money = self._money(state)
        self._print(f"{'':>7}  {'; '.join([*parts, *([money] if money else [])])}")

    def _rate(self, state: State) -> str:
        decided = len(state.decided)
        return f"{decided} decided, {decided / max(self._elapsed_s(), 1) * 60:.1f} a minute"

    def _money(self, state: State) -> str | None:
        """What language models have cost; None where none is used."""
        if not (state.spent.calls or self._max_usd or self._max_tokens):
            return None
        usd_cap = f" of ${self._max_usd:.2f}" if self._max_usd else ""
        tokens_cap = f" of {self._max_tokens:,}" if self._max_tokens else ""
        unknown = f", {count(state.spent.unpriced, 'call')} of UNKNOWN price" if state.spent.unpriced else ""
        return f"${state.spent.usd:.4f}{usd_cap}, {state.spent.tokens:,}{tokens_cap} tokens{unknown}"

    def _panel(self) -> RenderableType:
        state = self._state
        if state is None:
            return "preparing data"
        head = Table.grid(padding=(0, 2))
        head.add_row("best so far", best_so_far(state))
        head.add_row("candidates", self._rate(state))
        of = f" of {duration(self._budget_s)}" if self._budget_s is not None else ""
        head.add_row("time", f"{duration(self._elapsed_s())}{of}, {stage_of(state)}")
        if waits := waits_line(state, self._run):
            head.add_row("waits", waits)
        if money := self._money(state):
            head.add_row("money", money)
        running = Table.grid(padding=(0, 2))
        for candidate, since in list(self._since.items()):
            record = state.records[candidate]
            running.add_row("running", short(record), describe(record), duration(time.monotonic() - since))
        for name, fault in state.faults.items():
            head.add_row("out", fault_line(name, fault))
        if state.asks:
            running.add_row("asking", ", ".join(str(a.plan.operator) for a in state.asks), "", "")
        return Group(*self._recent, "", head, running)


def best_so_far(state: State) -> str:
    """The best decided candidate and the best baseline, by the primary objective on select."""
    name = state.task.primary.name
    best = [*state.best_first(state.candidates)[:1], *state.best_first(state.baselines)[:1]]
    parts = [f"{short(r)} {describe(r)} {name} {state.value(r):.4f}" for r in best]
    return plain("   against   ".join(parts)) or "nothing judged yet"


def _line(event: ev.Event, state: State) -> str | None:
    match event:
        case ev.Told(command=command):
            return plain(_told(command))
        case ev.Finished(trained=trained):
            return _finished(trained, state)
        case ev.Rejected(lasting=True, ask=ask):
            new = [fault_line(name, fault) for name, fault in state.faults.items() if fault.ask == ask]
            return f"{new[0]} The search goes on without it." if new else None
        case ev.TriedAgain(writer=writer):
            return plain(f"{writer} is asked once more")
        case ev.Rejected(reason=reason):
            plan = state.declined[-1].plan
            wanted = "lesson" if plan.operator is Operator.REFLECT else "candidate"
            return plain(f"an answer of {plan.writer} gave no {wanted}: {reason.splitlines()[0] if reason else ''}")
        case ev.Reflected(notes=notes):
            known = sum(note.known is not None for note in notes)
            told = (count(len(notes) - known, "new lesson"), f"{count(known, 'known one')} weighed again")
            return f"looked back: {', '.join(told) if notes else 'nothing new'}"
        case ev.GenerationClosed(number=number, survivors=survivors):
            return f"generation {number} closed: {len(survivors)} survive, {best_so_far(state)}"
        case ev.SearchEnded(reason=reason):
            return f"search over ({reason}); finalists are trained again on fresh seeds"
        case ev.ChampionChosen(reason=reason):
            return f"champion: {reason}"
        case ev.TestOpened(count=times):
            return f"the sealed test is opened (time {times} for {state.task.role} on this data set)"
    return None


def _told(command: Command) -> str:
    match command:
        case Hypothesize(hypothesis=hypothesis):
            return f"told a hypothesis: {hypothesis.sentence}"
        case Pause():
            return "told to pause: what is under way ends, nothing new begins"
        case Resume():
            return "told to go on"
        case Approve(candidate=candidate):
            return f"{candidate[:10]} is approved: it may be run"
        case Stop():
            return "told to stop: nothing new is begun"
        case Pin(candidate=candidate):
            return f"{candidate[:10]} is pinned: the search goes on building on it"
        case Ban(candidate=candidate, why=why):
            return f"{candidate[:10]} is banned{f' ({why})' if why else ''}: the search builds on it no more"
        case Unreadable(problem=problem):
            return f"told something that this version does not understand: {problem}"


def _finished(trained: Trained, state: State) -> str:
    record = state.records[trained.candidate]
    head = f"{short(record):<12} {describe(record)}"
    if not trained.ok:
        return plain(
            f"{head}: {trained.outcome}: {trained.reason.strip().splitlines()[-1] if trained.reason.strip() else ''}"
        )
    name = state.task.primary.name
    part = trained.evaluation.part if trained.evaluation else ""
    took = "cached" if trained.cached else f"{trained.usage.training_s:.1f} s"
    return plain(f"{head}: {name} {value_of(trained, name):.4f} on {part}, {took}")
