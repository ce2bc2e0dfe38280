"""Built-in templates as plain files, for people to change."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """What can be ejected."""

    PROMPTS = "prompts"
    SEARCH_SPACES = "search_spaces"


USE = {
    Kind.PROMPTS: """Keep the files that you change, and remove the rest: a file takes the place of the built-in one of
its name. To change a part of one only, begin it with {{% extends "builtin/draft.j2" %}} and give the
blocks that differ. Then:
  autorec search --data YOUR.csv --llm provider/model --prompts {folder}""",
    Kind.SEARCH_SPACES: """A YAML file is a search space; the folders that its `code` names hold the templates of its
families, and {{% include "builtin/NAME" %}} takes a built-in one. Then:
  autorec search --data YOUR.csv --search-space {folder}/retrieval.yaml""",
}


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(eject)


def eject(
    what: Annotated[Kind, typer.Argument(help="prompts or search_spaces")],
    folder: Annotated[Path, typer.Argument(help="a new or empty folder")],
) -> None:
    """Write the built-in prompts or search spaces as plain files, to change and to use instead.

    Example: autorec eject prompts my_prompts
    """
    from autorec.assets import assets
    from autorec.cli.terminal import say

    count = copy(assets(what), folder)
    say(f"{count} files written to {folder}\n\n{USE[what].format(folder=folder)}")


def copy(source: Path, folder: Path) -> int:
    """Copy all files below `source`; whole, or not at all. Returns how many.

    Raises UsageError where the folder holds something, or cannot be written.
    """
    import shutil
    import tempfile

    from autorec.domain.errors import UsageError

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} exists and is not an empty folder", fix="give a new folder; nothing is written over"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".eject-") as name:
            copied = shutil.copytree(source, Path(name) / "files", copy_function=shutil.copyfile)
            copied.replace(folder)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}", fix="give another folder") from None
    return sum(file.is_file() for file in folder.rglob("*"))
