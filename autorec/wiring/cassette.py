"""From a run to a recording, and from a folder to one."""

from pathlib import Path
from typing import TYPE_CHECKING

from autorec.domain.candidate import Exchange
from autorec.domain.errors import ReplayError, UsageError
from autorec.domain.events import RunEnded, RunStarted
from autorec.domain.recording import Recording, calls_of
from autorec.ports import Objects
from autorec.schemas.model_names import REPLAY, folder_of

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder


def extract(run: "RunFolder", target: Path) -> int:
    """Write what a run has recorded into a new folder, whole or not at all; returns the number of calls in it.

    Raises UsageError where the run has not ended, or is a replay itself, StoreError.
    """
    from autorec.exporting.cassette import OBJECTS, write_cassette
    from autorec.exporting.folder import new_folder
    from autorec.store.objects import ObjectFolder

    recording = _recorded(run)
    with new_folder(target) as folder:
        return write_cassette(folder, recording, run.objects, ObjectFolder(folder / OBJECTS))


def open_cassette(folder: Path) -> tuple[Recording, Objects]:
    """A recording and the objects that its events name. Raises ReplayError."""
    from autorec.exporting.beneath import RecordedObjects
    from autorec.exporting.cassette import read_cassette

    if not folder.is_dir():
        raise ReplayError(
            f"there is no recording at {folder}", fix="`autorec cassette RUN DIR` extracts one from a run"
        )
    return read_cassette(folder), RecordedObjects(folder)


def _recorded(run: "RunFolder") -> Recording:
    from pydantic import TypeAdapter

    events = tuple(run.events.read())
    started = events[0] if events and isinstance(events[0], RunStarted) else None
    if started and (folder := folder_of(started.config.get("llm") or (), REPLAY)):
        raise UsageError(f"{run.path} is a replay of {folder}", fix="take that recording, or copy it")
    if started is None or not isinstance(events[-1], RunEnded):
        raise UsageError(
            f"{run.path} has not ended, and a recording has to say how",
            fix=f"`autorec resume {run.path}` goes on with it; `autorec stop {run.path}` brings it to its finals",
        )
    adapter = TypeAdapter(Exchange)
    digests = dict.fromkeys(digest for event in events for digest in calls_of(event))
    return Recording(
        events=events, exchanges={digest: adapter.validate_json(run.objects.get(digest)) for digest in digests}
    )
