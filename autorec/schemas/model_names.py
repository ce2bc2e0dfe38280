"""Names of models that are folders: `mailbox:DIR` is answered by whoever writes there, `replay:DIR` is a recording."""

from collections.abc import Sequence
from pathlib import Path

MAILBOX, REPLAY = "mailbox", "replay"


def folder_of(models: str | Sequence[str], kind: str) -> Path | None:
    """The folder that the first name of this kind gives; None where there is none."""
    for model in [models] if isinstance(models, str) else models:
        prefix, colon, folder = model.partition(":")
        if prefix == kind and colon and folder.strip():
            return Path(folder)
    return None


def absolute(model: str) -> str:
    """The name, with its folder found from anywhere."""
    for kind in (MAILBOX, REPLAY):
        if folder := folder_of(model, kind):
            return f"{kind}:{folder.absolute()}"
    return model


def shown(model: str) -> str:
    """The name that a mailbox has in a run, wherever it lies: that of its folder. Any other name is as it is."""
    folder = folder_of(model, MAILBOX)
    return f"{MAILBOX}:{folder.name}" if folder else model
