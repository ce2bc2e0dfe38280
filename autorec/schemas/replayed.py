"""What is said of a run that follows a recording, wherever its figures are shown: who vouches for them."""

from collections.abc import Mapping
from typing import Any

from autorec.schemas.model_names import REPLAY, folder_of


def replay_of(config: Mapping[str, Any]) -> str | None:
    """The recording that a run of this configuration follows; None where it searches by itself."""
    folder = folder_of(config.get("llm") or (), REPLAY)
    return str(folder) if folder else None


def replayed_line(config: Mapping[str, Any]) -> str | None:
    """That in a sentence, to stand beside figures; None where a run searches by itself."""
    recording = replay_of(config)
    if recording is None:
        return None
    if config.get("retrain"):
        return (
            f"Trained and judged here again; what was tried, and in which order, is that of the recording {recording}."
        )
    return (
        f"Replayed, not measured here: every figure and verdict is what the recording {recording} says, "
        "and nothing was trained or judged."
    )
