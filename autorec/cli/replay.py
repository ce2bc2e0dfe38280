"""A search that follows a recording, on the screen: what is played, and where trainings part from it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autorec.cli.progress import Progress
    from autorec.domain import events as ev
    from autorec.domain.state import State
    from autorec.schemas.config import SearchConfig
    from autorec.wiring import Replay, Sitting


def wanted(config: "SearchConfig") -> bool:
    """Whether a recording is to be followed. Raises UsageError where one is asked for and not named."""
    from autorec.domain.errors import UsageError
    from autorec.schemas.model_names import REPLAY, folder_of

    recording = folder_of(config.llm, REPLAY)
    if config.retrain and recording is None:
        raise UsageError("retrain: there is no recording to train again", fix="name one: --llm replay:DIR")
    return recording is not None


@contextmanager
def following(config: "SearchConfig", path: Path, progress: "Progress") -> "Iterator[Replay | Sitting]":
    """The replay of the recording that `config.llm` names, or its trainings anew; says first what it is, last how far
    they part.
    """
    from autorec.domain.parting import Partings
    from autorec.wiring import open_recording, replay, retrain

    recording = open_recording(config)
    _introduce(config, path, recording.started, len(recording.exchanges))
    progress.set_limits(budget_s=None, max_usd=None, max_tokens=None)
    if not config.retrain:
        with replay(config, path, (progress.listen,)) as playing:
            yield playing
        return
    partings = Partings(recording)
    with retrain(config, path, (progress.listen, _telling(partings.look))) as sitting:
        yield sitting
    _say(partings.summary)


def _introduce(config: "SearchConfig", path: Path, started: "ev.RunStarted", calls: int) -> None:
    from autorec.domain.text import count
    from autorec.schemas.model_names import REPLAY, folder_of

    again = "each candidate is trained again" if config.retrain else "nothing is asked, trained or paid"
    _say(
        f"run    {path}\n"
        f"replay {folder_of(config.llm, REPLAY)}, made by autorec {started.version} "
        f"with {count(calls, 'call')} of {', '.join(started.config.get('llm') or ()) or 'no language model'}\n"
        f"data   {started.task.data_name}; {again}, and costs shown are those of the recording"
    )


def _telling(look: "Callable[[ev.Event, State], str | None]") -> "Callable[[ev.Event, State], None]":
    def listen(event: "ev.Event", state: "State") -> None:
        if told := look(event, state):
            _say(f"parts  {told}")

    return listen


def _say(text: str) -> None:
    from autorec.domain.text import plain

    print(plain(text), file=sys.stderr)
