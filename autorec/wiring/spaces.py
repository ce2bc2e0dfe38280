"""The search space of a run: the role's, or a person's own YAML file with the template folders beside it.

Templates of an own space stand below the first folder of each path in `code`: `code: {tiny: mine/tiny}` takes all of
`mine/`. `builtin/NAME` is a built-in template; a name that is not there is looked for among the built-in ones too, so
that a built-in template finds what it includes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from autorec.assets import assets
from autorec.domain.candidate import Candidate
from autorec.domain.errors import SpaceError
from autorec.prompting.admission import breaches
from autorec.prompting.templates import BUILTIN, SUFFIX, TemplateFiles, read_text
from autorec.proposers.space_code import SpaceCode
from autorec.schemas.config import SearchConfig
from autorec.schemas.space import (
    Bool,
    Choice,
    Design,
    SearchSpace,
    find_space,
    is_path,
    load_space,
    nearest,
    parse_space,
)
from autorec.tasks.known_roles import ROLES, role_named


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSpace:
    """A search space with its code. Where it is a person's own, `builtin` is that of the role."""

    space: SearchSpace
    code: SpaceCode
    builtin: "OpenSpace | None" = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every design that may be a baseline: this space's, then those of the role that it does not name itself."""
        shipped = self.builtin.names if self.builtin else ()
        return tuple(dict.fromkeys((*self.space.designs, *shipped)))

    def until_time_is_up(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the named designs that use the whole training time that they are given."""
        chosen = tuple(names)
        own = self.space.until_time_is_up(name for name in chosen if name in self.space.designs or not self.builtin)
        shipped = [name for name in chosen if name not in self.space.designs]
        return own + (self.builtin.until_time_is_up(shipped) if self.builtin else ())

    def baseline(self, name: str) -> tuple[dict[str, Any] | None, Candidate]:
        """A named design and its candidate; one that an own space does not name is the role's, and no design of it.

        Raises SpaceError when neither names it.
        """
        if self.builtin is not None and name not in self.space.designs:
            return None, self.builtin.baseline(name)[1]
        design = self.space.named(name)
        return design, Candidate.of(self.code.render(design))


def read_space(config: SearchConfig) -> TemplateFiles | None:
    """The files of a space of one's own: the YAML file under its name, and its templates; None for a built-in space.

    Raises SpaceError, UsageError.
    """
    if not is_path(config.search_space or ""):
        return None
    file = Path(config.search_space or "")
    if not file.is_file():
        raise SpaceError(
            f"search_space: there is no file {file}",
            fix=f"give the path of a YAML file; `autorec eject search_spaces {file.parent}` makes some to begin with",
        )
    text = read_text(file)
    paths = [path for top in _tops(file, text) for path in sorted((file.parent / top).rglob(f"*{SUFFIX}"))]
    templates = {path.relative_to(file.parent).as_posix(): read_text(path) for path in paths if path.is_file()}
    return TemplateFiles(folder=file.parent, files={file.name: text, **templates})


def open_space(config: SearchConfig, kept: TemplateFiles | None = None) -> OpenSpace:
    """The configured space, or that of the role; one's own from the files that are `kept`, or read now.

    Raises SpaceError, naming file, key or line, for a space that does not hold together, that is of another role, or
    whose designs do not render to candidates.
    """
    role, folder, own = role_named(config.role), assets("search_spaces"), kept or read_space(config)
    if own is None:
        file = find_space(config.search_space or role.search_space, folder)
        space = load_space(file)
        _check_role(space, file, config.role)
        return OpenSpace(space=space, code=SpaceCode(space, folder))
    file = Path(config.search_space or "")

    def has(template: str) -> bool:
        shipped = template.removeprefix(f"{BUILTIN}/")
        return template in own.files or (folder / shipped).is_file()

    space = parse_space(own.files[file.name], file, has)
    _check_role(space, file, config.role)
    code = SpaceCode(space, folder, own)
    _check_designs(space, code, file)
    builtin = open_space(config.model_copy(update={"search_space": role.search_space}))
    return OpenSpace(space=space, code=code, builtin=builtin)


def _tops(file: Path, text: str) -> set[str]:
    """The first folders of the paths in `code`, built-in ones apart; what else is wrong is found when it is parsed."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return set()
    code = content.get("code") if isinstance(content, Mapping) else None
    named = [path for path in code.values() if isinstance(path, str)] if isinstance(code, Mapping) else []
    for path in named:
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or path.startswith(("/", ".")):
            raise SpaceError(
                f"{file}: code has the path {path!r}; expected a folder beside the file, as mine/tiny",
                fix=f"edit code in {file}",
            )
    return {PurePosixPath(path).parts[0] for path in named} - {BUILTIN}


def _check_role(space: SearchSpace, file: Path, role: str) -> None:
    if space.role not in ROLES:
        raise SpaceError(
            f"{file}: role is {space.role}; expected one of {', '.join(ROLES)}",
            fix=nearest(space.role, ROLES) or f"edit role in {file}",
        )
    if space.role != role:
        raise SpaceError(
            f"{file}: role is {space.role}; the search is for {role}",
            fix=f"give --role {space.role}, or a search space of the role {role}",
        )


def _check_designs(space: SearchSpace, code: SpaceCode, file: Path) -> None:
    """Render each family, each choice of structure by itself and each named design, and look at what comes out."""
    for what, design in _trials(space):
        for fault in breaches(code.render(design)):
            raise SpaceError(
                f"{file}: {what} renders to no candidate: {fault}",
                fix="edit its templates, model.py.j2 and train.py.j2",
            )


def _trials(space: SearchSpace) -> Iterator[tuple[str, Design]]:
    for family in space.families:
        default = space.complete({"family": family})
        yield f"the family {family}", default
        for name, parameter in space.structure.items():
            values = parameter.choices if isinstance(parameter, Choice) else [True, False]
            if name in default and name != "family" and isinstance(parameter, Choice | Bool):
                yield from ((f"{name}={value}", space.complete({**default, name: value})) for value in values)
    yield from ((f"the design {name}", space.named(name)) for name in space.designs)
