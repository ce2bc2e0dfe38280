"""Templates of a person's own over the built-in ones.

A file of the same name takes the place of the built-in one; `builtin/NAME` is the built-in one all the same, to be
extended or included.
"""

import difflib
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.meta import find_referenced_templates
from jinja2.sandbox import ImmutableSandboxedEnvironment

from autorec.domain.errors import UsageError

BUILTIN = "builtin"
SUFFIX = ".j2"
FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError)
"""What a template can raise when it is rendered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFiles:
    """A person's files as they were read, once: path below `folder` -> text."""

    folder: Path
    files: Mapping[str, str]


def read_templates(folder: Path, key: str) -> TemplateFiles:
    """All templates of a folder, hidden ones apart. `key` names the setting in errors.

    Raises UsageError where there is none, or one is not text.
    """
    if not folder.is_dir():
        raise UsageError(f"{key}: {folder} is no folder", fix=f"`autorec eject {key} {folder}` makes one")
    paths = [path.relative_to(folder) for path in sorted(folder.rglob(f"*{SUFFIX}")) if path.is_file()]
    names = [path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)]
    if not names:
        raise UsageError(f"{key}: {folder} holds no {SUFFIX} file", fix="put a template there, or leave the option out")
    return TemplateFiles(folder=folder, files={name: read_text(folder / name) for name in names})


def read_text(path: Path) -> str:
    """The text of a person's file. Raises UsageError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", fix="check the path") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text (byte {error.start})", fix="save it as UTF-8") from None


def environment(builtin: Path | TemplateFiles, own: TemplateFiles | None = None) -> Environment:
    """Renders the templates of `builtin`, those of `own` before them. What nobody gives is an error, not a blank.

    Templates of a recording may be a stranger's: none reaches behind the facts that it is given, or changes them.
    """
    shipped = _loader(builtin)
    mine = [_Held(own)] if own else []
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([*mine, PrefixLoader({BUILTIN: shipped}), shipped]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )


def refuse_strangers(own: TemplateFiles, templates: Environment, builtin: Path | TemplateFiles) -> None:
    """Every file has the name of a built-in one, or another file of its folder names it.

    Raises UsageError with the nearest name for one that nothing would ever render.
    """
    known = _loader(builtin).list_templates()
    named: set[str | None] = set()
    for name, text in own.files.items():
        named |= _named_in(name, text, own, templates)
    for name in own.files:
        computed = None in named and "/" in name
        if name not in known and name not in named and not computed:
            raise UsageError(
                f"{own.folder / name} takes the place of no built-in template, and no other file there names it",
                fix=nearest_template(name, known) or f"its name must be one of {', '.join(known)}",
            )


def fault_of(error: Exception, name: str, templates: Environment) -> UsageError:
    """A template's fault in words: the file and the line where it happened, and what to do."""
    place = _place(error) or name
    if isinstance(error, TemplateNotFound):
        known = [] if templates.loader is None else templates.loader.list_templates()
        return UsageError(
            f"{place}: there is no template {error.name}",
            fix=nearest_template(str(error.name), known) or f"built-in ones are {BUILTIN}/NAME",
        )
    told = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
    return UsageError(f"{place}: {told}", fix="edit the template; `autorec eject` writes the built-in ones to compare")


def nearest_template(name: str, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _named_in(name: str, text: str, own: TemplateFiles, templates: Environment) -> set[str | None]:
    """The templates that one extends, includes or imports; None among them where a name is computed."""
    try:
        return set(find_referenced_templates(templates.parse(text, name, str(own.folder / name))))
    except TemplateSyntaxError as error:
        raise fault_of(error, name, templates) from None


def _place(error: Exception) -> str:
    """`file:line` of the innermost template; Jinja writes both into the traceback."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    return next((f"{f.filename}:{f.lineno}" for f in reversed(frames) if f.filename.endswith(SUFFIX)), "")


def _loader(files: Path | TemplateFiles) -> BaseLoader:
    return FileSystemLoader(files) if isinstance(files, Path) else _Held(files)


class _Held(BaseLoader):
    """Loads files that were read before; errors name the place that they were read from."""

    def __init__(self, own: TemplateFiles) -> None:
        self._own = own

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        if template not in self._own.files:
            raise TemplateNotFound(template)
        return self._own.files[template], str(self._own.folder / template), lambda: True

    def list_templates(self) -> list[str]:
        return sorted(self._own.files)
