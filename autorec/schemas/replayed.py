"""What is said of a run that follows a recording, wherever its figures are shown: who vouches for them."""

from collections.abc import Mapping
from shlex import quote
from typing import Any

from autorec.schemas.flags import data_flags
from autorec.schemas.model_names import REPLAY, folder_of


def replay_of(config: Mapping[str, Any]) -> str | None:
    """The recording that a run of this configuration follows; None where it searches by itself."""
    folder = folder_of(config.get("llm") or (), REPLAY)
    return str(folder) if folder else None


def go_on_line(run: str, config: Mapping[str, Any]) -> str:
    """How a run that broke off is gone on with; one that follows a recording is never taken up."""
    if replay_of(config) is None:
        return f"`autorec resume {run}` goes on"
    return f"no replay is taken up: `{again_line(config)}` begins it anew"


def again_line(config: Mapping[str, Any]) -> str:
    """The command that plays the recording of a replay once more, from its beginning."""
    again = f" --retrain{data_flags(config)}" if config.get("retrain") else ""
    return f"autorec search --llm {quote(f'{REPLAY}:{replay_of(config)}')}{again}"


def replayed_line(config: Mapping[str, Any]) -> str | None:
    """That in a sentence, to stand beside figures; None where a run searches by itself.

    Pages and cards are given away, so that of the recording's folder only the name is told.
    """
    folder = folder_of(config.get("llm") or (), REPLAY)
    if folder is None:
        return None
    recording = folder.name
    if config.get("retrain"):
        return (
            f"Trained and judged here again; what was tried, and in which order, is that of the recording {recording}."
        )
    return (
        f"Replayed, not measured here: every figure and verdict is what the recording {recording} says, "
        "and nothing was trained or judged."
    )
