"""The candidates of a recording trained again for real, in its order, and judged anew."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from autorec.domain import events as ev
from autorec.domain.candidate import Candidate
from autorec.domain.errors import ReplayError, UsageError
from autorec.domain.state import State
from autorec.journal import Listener
from autorec.replay import Tape, TapedCrew, TapedInbox, TapedProposer
from autorec.schemas.config import SearchConfig
from autorec.schemas.space import is_path
from autorec.tasks.known_roles import role_of
from autorec.wiring.replaying import DATA, OF_TRAINING, OWN, baselines_of, open_played, refuse_else
from autorec.wiring.sitting import Sitting, begin
from autorec.wiring.spaces import open_space


@contextmanager
def retrain(config: SearchConfig, path: Path | str, listeners: tuple[Listener, ...] = ()) -> Iterator[Sitting]:
    """Train the candidates of a recording again, in its order, and judge them: selection, finals and test are new.

    Nothing is verified unless its baselines are those of this version: see `unlike`.
    Raises ReplayError where data or split are not those of the recording, and what `begin` raises.
    """
    recording, objects, played = open_played(config)
    refuse_else(config, recording, OWN | OF_TRAINING)
    again = _with_data_of(config, played)
    with begin(again, path, (*listeners, partial(_demand_same, recording.started))) as sitting:
        yield _on_tape(sitting, Tape(recording=recording, objects=objects, journal=sitting.journal))


def unlike(entered: Mapping[str, Candidate], config: SearchConfig) -> dict[str, str]:
    """Baselines of a recording that this version does not know as such, and those of the role that it lacks: name ->
    why. A stranger's recording may call anything `sasrec`, or leave out whoever would win.
    """
    role = role_of(config)
    opened = open_space(config.model_copy(update={"search_space": role.search_space}))
    known = {name: opened.baseline(name)[1].id for name in {*role.baselines, *(set(entered) & set(opened.names))}}
    others = (name for name, candidate in entered.items() if known.get(name) != candidate.id)
    lacking = {name: "the recording has no such baseline" for name in role.baselines if name not in entered}
    return lacking | dict.fromkeys(others, "its sources in the recording are not those of this version of autorec")


def _with_data_of(config: SearchConfig, played: SearchConfig) -> SearchConfig:
    """What was recorded, with the data where they are now; what wrote candidates then is not needed.

    Raises UsageError where the data are not given.
    """
    if played.metrics != config.metrics:
        raise UsageError(
            f"the recording has metrics of somebody's own: {', '.join(played.metrics) or 'none'}",
            fix=f"allow them by naming them: metrics = {played.metrics} in the file of --config",
        )
    for key in DATA:
        if getattr(played, key) is not None and getattr(config, key) is None:
            raise UsageError(
                f"to train again takes the data, {getattr(played, key).name}, which no recording holds",
                fix=f"say where they are: --{key.replace('_', '-')} PATH",
            )
    given = {key: getattr(config, key) for key in OWN | OF_TRAINING}
    space = None if played.search_space and is_path(played.search_space) else played.search_space
    unneeded = {"seed_code": (), "prompts": None, "memory": None, "proposers": (), "llm_fallback": (), "baselines": ()}
    warm = {"spares": min(played.warm, _cores())}
    return played.model_copy(update={**unneeded, **given, **warm, "search_space": space})


def _cores() -> int:
    return os.cpu_count() or 1


def _demand_same(recorded: ev.RunStarted, event: ev.Event, state: State) -> None:
    """A listener. Raises ReplayError where the run is begun on other data, or splits them in another way."""
    if not isinstance(event, ev.RunStarted):
        return
    for what in ("data_digest", "split_digest"):
        found, expected = getattr(event.task, what), getattr(recorded.task, what)
        if found != expected:
            raise ReplayError(
                f"these are not the data of the recording ({recorded.task.data_name}): {what} is {found[:12]}, "
                f"expected {expected[:12]}",
                fix="give the same file, unchanged: --data PATH",
            )


def _on_tape(sitting: Sitting, tape: Tape) -> Sitting:
    """The same sitting, with all but trainings and judgements from the tape.

    The order of then needs as many slots as there were then; of what is in them no more runs at once than there are
    cores here.
    """
    from autorec.execution.crew import AtMost

    at_once = min(sitting.config.workers, _cores())
    search = replace(
        sitting.search,
        inbox=TapedInbox(tape=tape),
        proposer=TapedProposer(tape=tape, asked=None),
        crew=TapedCrew(tape=tape, trains=AtMost(sitting.search.crew, at_once)),
        pace=replace(sitting.search.pace, out_of_time=tape.out_of_time, too_late=tape.too_late),
    )
    entered = list(baselines_of(tape))
    finals = replace(
        sitting.finals,
        settle=search.settle,
        workers=at_once,
        time_left_s=lambda: float("inf"),
        unlike=unlike({name: candidate for name, candidate, _ in entered}, sitting.config),
    )
    arena = replace(
        sitting.arena,
        baselines={name: candidate for name, candidate, _ in entered},
        designs={name: plan.design for name, _, plan in entered},
    )
    return replace(sitting, search=search, finals=finals, arena=arena)
