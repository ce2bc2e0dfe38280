"""What a run that began was told, and what it leaves in its folder."""

from typing import TYPE_CHECKING, Any

from autorec.domain import events as ev
from autorec.domain.candidate import Candidate
from autorec.domain.errors import RunError
from autorec.domain.state import State
from autorec.schemas.config import SearchConfig
from autorec.schemas.replayed import again_line, replay_of

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder


def stored_config(folder: "RunFolder") -> tuple[SearchConfig, dict[str, dict[str, str]], dict[str, Any]]:
    """What a run was told when it began, people's candidates by name of the folder, and what else was theirs.

    Raises RunError.
    """
    return config_of(first_event(folder))


def refuse_replay(folder: "RunFolder") -> None:
    """Raises RunError for a run that follows a recording: it is never taken up, and what to do instead is said."""
    config = stored_config(folder)[0].model_dump(mode="json")
    if recording := replay_of(config):
        raise RunError(
            f"{folder.path} follows the recording {recording}, and no replay is taken up",
            fix=f"begin it anew: {again_line(config)}",
        )


def config_of(started: ev.RunStarted) -> tuple[SearchConfig, dict[str, dict[str, str]], dict[str, Any]]:
    """The same of a run's first event."""
    stored = dict(started.config)
    seeds, own = stored.pop("seed_sources", {}), stored.pop("own", {})
    return SearchConfig.model_validate(stored), seeds, own


def first_event(folder: "RunFolder") -> ev.RunStarted:
    started = next(folder.events.read(upto=1), None)
    if not isinstance(started, ev.RunStarted):
        raise RunError(f"{folder.path} was never fully begun", fix="remove it and begin a new run")
    return started


def lay_out_sources(folder: "RunFolder", state: State) -> dict[str, str]:
    """Write the champion's files under `champion/`; returns the files, none where there is no champion."""
    if state.champion is None:
        return {}
    files = dict(Candidate.from_bytes(folder.objects.get(state.champion)).files)
    folder.write_champion(files)
    return files
