"""Where the plain data that travels with the package lies: prompts, search spaces, sandbox, templates of exports."""

from pathlib import Path

from autorec.domain.errors import UsageError

PACKAGE = Path(__file__).resolve().parent


def assets(name: str) -> Path:
    """The folder `name` (`prompts`, `search_spaces`, `sandbox`, `export`): of the installed package or the checkout.

    Raises UsageError when neither has it.
    """
    tried = (PACKAGE / "_assets" / name, PACKAGE.parent / name)
    for folder in tried:
        if folder.is_dir():
            return folder
    raise UsageError(
        f"the folder {name!r} that belongs to autorec is missing; looked in {tried[0]} and {tried[1]}",
        fix="install autorec again, or run it from a complete checkout",
    )
