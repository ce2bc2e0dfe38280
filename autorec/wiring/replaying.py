"""A search played again from its recording: without data, sandbox, model or network."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from autorec import __version__
from autorec.domain import events as ev
from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.errors import ReplayError, UsageError
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.recording import Recording, objects_of
from autorec.domain.state import State
from autorec.finals import Finals
from autorec.journal import Journal, Listener
from autorec.ports import Objects
from autorec.replay import Tape, TapedCrew, TapedInbox, TapedJournal, TapedProposer
from autorec.schemas.config import SearchConfig
from autorec.schemas.model_names import REPLAY, folder_of, shown
from autorec.search import Pace, Search, enter_baseline
from autorec.wiring.cassette import open_cassette
from autorec.wiring.limits import limits_of
from autorec.wiring.own import Own
from autorec.wiring.stored import config_of, lay_out_sources

if TYPE_CHECKING:
    from autorec.llm.tape import Due
    from autorec.proposers.rotation import Rotation
    from autorec.store.folder import RunFolder

OWN = frozenset({"llm", "run"})
"""What is said of the replay itself."""
DATA = ("data", "user_features", "item_features")
OF_TRAINING = frozenset({*DATA, "retrain", "isolation", "unsafe_no_sandbox", "executor", "metrics"})
"""What may be said besides where trainings are done again: where the data are, and how candidates are kept apart. No
recording says what code of a person's own is run: it may be a stranger's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One replay at work. `recording` is what it follows."""

    config: SearchConfig
    folder: "RunFolder"
    journal: Journal
    search: Search
    finals: Finals
    tape: Tape

    @property
    def recording(self) -> Recording:
        return self.tape.recording

    def work(self) -> State:
        """Play the search and its finals to the end. Raises ReplayError where they part from the recording."""
        for name, candidate, plan in baselines_of(self.tape):
            enter_baseline(self.journal, self.folder.objects, name, candidate, plan)
        self.search.run()
        self.finals.run()
        return self.journal.state

    def lay_out_champion(self) -> dict[str, str]:
        """Write the champion's files under `champion/`; returns the files."""
        return lay_out_sources(self.folder, self.journal.state)

    @property
    def worked_s(self) -> float:
        """Wall clock of the replay so far."""
        return self.folder.events.worked_until_now_s()


@contextmanager
def replay(config: SearchConfig, path: Path | str, listeners: tuple[Listener, ...] = ()) -> Iterator[Replay]:
    """Play the recording that `config.llm` names into a new run at `path`.

    All else of the configuration is the recording's. A run that parts from it is removed, as it can neither go on nor
    be believed. Raises ReplayError, UsageError, RunError, StoreError.
    """
    from autorec.store.folder import RunFolder

    recording, objects, played = open_played(config)
    refuse_else(config, recording, OWN)
    started = replace(
        recording.started,
        version=__version__,
        config={**recording.started.config, "llm": config.llm, "run": str(path)},
    )
    folder = RunFolder.create(Path(path))
    try:
        folder.events.begin_sitting()
        bring = partial(_bring, objects, folder.objects)
        journal = TapedJournal(folder.events, recording, (bring, *listeners))
        try:
            journal.record(started)
            sitting = _sit_down(played, folder, Tape(recording=recording, objects=objects, journal=journal))
        except BaseException:
            folder.discard()
            raise
        try:
            yield sitting
        except ReplayError as error:
            folder.discard()
            raise ReplayError(str(error), fix=f"{error.fix or 'give another recording'}; {path} was removed") from error
    finally:
        folder.close()


def open_recording(config: SearchConfig) -> Recording:
    """The recording that `config.llm` names. Raises ReplayError, UsageError."""
    return open_played(config)[0]


def baselines_of(tape: Tape) -> Iterator[tuple[str, Candidate, Plan]]:
    """Name, sources and plan of each baseline, as they were entered."""
    for event in tape.recording.events:
        if isinstance(event, ev.Admitted) and event.plan.operator is Operator.BASELINE and event.name:
            yield event.name, Candidate.from_bytes(tape.objects.get(event.candidate)), event.plan


def open_played(config: SearchConfig) -> tuple[Recording, Objects, SearchConfig]:
    """The recording, its objects, and the configuration that was recorded. Raises ReplayError."""
    folder = folder_of(config.llm, REPLAY)
    if folder is None:
        raise UsageError("there is no recording to follow", fix="name one: --llm replay:DIR")
    if len(config.llm) > 1:
        raise UsageError("a recording answers for every model", fix="give --llm replay:DIR alone")
    recording, objects = open_cassette(folder)
    try:
        played, _, own = config_of(recording.started)
        Own.from_json(own)
    except ValidationError as error:
        raise ReplayError(
            f"{folder} cannot be read as a recording: {error}", fix="play it with the version of autorec that made it"
        ) from None
    return recording, objects, played


def refuse_else(config: SearchConfig, recording: Recording, may: frozenset[str]) -> None:
    """Raises UsageError for what is asked for and was otherwise in the recording."""
    played = config_of(recording.started)[0]
    for key in sorted(config.model_fields_set - may):
        given, recorded = getattr(config, key), getattr(played, key)
        if given != recorded:
            raise UsageError(
                f"{key}: {given} is asked for, and the recording was made with {recorded}",
                fix=f"leave it out: a replay takes all but {', '.join(sorted(may))} from its recording"
                + ("" if key not in OF_TRAINING else "; --retrain trains again, and may have it"),
            )


def _sit_down(played: SearchConfig, folder: "RunFolder", tape: Tape) -> Replay:
    from autorec.judging.evidence import compare
    from autorec.selection.study import NsgaSelector

    recording, task = tape.recording, tape.recording.started.task
    crew = TapedCrew(tape=tape)
    for event in recording.events[1:2]:
        if isinstance(event, ev.Checked):
            tape.journal.record(event)
    search = Search(
        journal=tape.journal,
        inbox=TapedInbox(tape=tape),
        proposer=TapedProposer(tape=tape, asked=_models(played, folder, tape)),
        train=_never,
        selector=NsgaSelector(objectives=task.objectives, constraints=task.constraints, size=played.survivors),
        objects=folder.objects,
        crew=crew,
        pace=Pace(
            workers=played.workers,
            population=played.population,
            out_of_time=tape.out_of_time,
            too_late=tape.too_late,
            max_candidates=played.max_candidates,
        ),
    )
    chosen = [event.candidates for event in recording.events if isinstance(event, ev.FinalistsChosen)]
    finals = Finals(
        journal=tape.journal,
        objects=folder.objects,
        trainer=_Nobody(),
        crew=crew,
        workers=played.workers,
        finalists=len(chosen[0]) if chosen else 0,
        time_left_s=lambda: 0.0,
        open_test=tape.opened,
        settle=search.settle,
        compare=partial(compare, seed=played.seed),
        at_chance=tape.control,
        choose=tape.choose,
    )
    return Replay(config=played, folder=folder, journal=tape.journal, search=search, finals=finals, tape=tape)


def _models(played: SearchConfig, folder: "RunFolder", tape: Tape) -> "Rotation | None":
    """Who writes the prompts and reads the replies; None where no language model was asked."""
    if not played.llm:
        return None
    from autorec.llm.tape import ReplayClient
    from autorec.proposers.llm import LLMProposer
    from autorec.proposers.llm_plans import NAME as LLM
    from autorec.proposers.reflector import NAME as REFLECT
    from autorec.proposers.reflector import Reflector
    from autorec.proposers.rotation import Rotation

    own = Own.from_json(config_of(tape.recording.started)[2])
    llm = LLMProposer(
        clients={
            name: ReplayClient(model=name, due=partial(_due, tape), recorded=tuple(tape.recording.exchanges.values()))
            for name in map(shown, played.llm)
        },
        templates=own.templates,
        objects=folder.objects,
        limits=limits_of(played, played.training or 0.0, answer_bytes=0),
        max_usd=played.max_usd,
        budget_tokens=played.max_tokens,
        max_tokens=played.llm_max_tokens,
        prompt_tokens=played.prompt_tokens,
    )
    first = {REFLECT: Reflector(llm=llm)} if played.reflect else {}
    return Rotation(first=first, then={LLM: llm}, at_once=played.workers)


def _due(tape: Tape) -> "Due":
    from autorec.llm.tape import Due

    event, state = tape.next, tape.journal.state
    number = getattr(event, "ask", None)
    said = next((f"ask {ask.number} ({ask.plan.operator})" for ask in state.asks if ask.number == number), "an ask")
    rejected = event if isinstance(event, ev.Rejected) else None
    return Due(
        place=state.seq,
        said=said,
        calls=tape.recording.calls(event) if event else (),
        reason=rejected.reason if rejected else "",
        lasting=bool(rejected and rejected.lasting),
    )


def _bring(source: Objects, target: Objects, event: ev.Event, state: State) -> None:
    """A listener: what an event names and the recording holds is kept with the run as well."""
    if isinstance(event, ev.Finished):
        for digest in objects_of(event):
            target.put(source.get(digest))


def _never(candidate: Candidate, stage: Stage, seed: int) -> Trained:
    raise AssertionError("a replay takes what became of each training from its recording")


class _Nobody:
    """A `ports.Trains` that is never asked."""

    train = staticmethod(_never)

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        return _never(candidate, stage, kept.seed)
