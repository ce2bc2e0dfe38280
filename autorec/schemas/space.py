"""A search space: the declared action space of a role, as `search_spaces/<role>.yaml` has it.

Parameters are drawn from top to bottom, structure before tunables; each is active only when the earlier choices
named in `when` have one of the listed values. A design is a flat mapping of the active parameters to values.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autorec.domain.errors import SpaceError
from autorec.schemas.complaint import shown, wanted

Value = bool | int | float | str
Design = Mapping[str, Value]


class Strict(BaseModel):
    """Unknown keys and near-enough types are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Conditional(Strict):
    """`when` maps earlier parameters to the values that make this one active; all of them must hold."""

    when: dict[str, list[Value]] = Field(default_factory=dict)

    def active(self, design: Design) -> bool:
        """Whether this parameter has a value, given the choices made before it."""
        return all(name in design and _listed(design[name], values) for name, values in self.when.items())


class Choice(Conditional):
    """One of a few values; those in `only_named` are open to named designs and never drawn."""

    type: Literal["choice"]
    choices: list[Value] = Field(min_length=1)
    only_named: list[Value] = Field(default_factory=list)
    default: Value

    def allows(self, value: Value) -> bool:
        return _listed(value, [*self.choices, *self.only_named])

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(str(choice) for choice in [*self.choices, *self.only_named])


class Bool(Conditional):
    """Yes or no."""

    type: Literal["bool"]
    default: bool

    def allows(self, value: Value) -> bool:
        return isinstance(value, bool)

    @property
    def expected(self) -> str:
        return "true or false"


class Range(Conditional):
    """Numbers from `low` to `high`, both included; `log` draws them evenly in the logarithm."""

    log: bool = False


class Int(Range):
    """Whole numbers."""

    type: Literal["int"]
    low: int
    high: int
    default: int

    def allows(self, value: Value) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def expected(self) -> str:
        return f"a whole number from {self.low} to {self.high}"


class Float(Range):
    """Real numbers."""

    type: Literal["float"]
    low: float
    high: float
    default: float

    def allows(self, value: Value) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    @property
    def expected(self) -> str:
        return f"a number from {self.low} to {self.high}"


TYPES: Mapping[str, type[BaseModel]] = {"choice": Choice, "bool": Bool, "int": Int, "float": Float}
Parameter = Annotated[Choice | Bool | Int | Float, Field(discriminator="type")]


class SearchSpace(Strict):
    """The action space of a role and the folders of templates that render its designs.

    `code` maps each family to the folder, beside the file, of its model.py.j2 and train.py.j2. The families of
    `ends_by_itself` are done when they are done; the others train until their time is up.
    """

    role: str
    code: dict[str, str]
    ends_by_itself: list[str] = Field(default_factory=list)
    structure: dict[str, Parameter]
    tunables: dict[str, Parameter]
    designs: dict[str, dict[str, Value]] = Field(default_factory=dict)

    @property
    def parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters in the order in which they are drawn."""
        yield from self.structure.items()
        yield from self.tunables.items()

    @property
    def families(self) -> tuple[str, ...]:
        """The families that are drawn."""
        family = self.structure["family"]
        return tuple(str(choice) for choice in family.choices) if isinstance(family, Choice) else ()

    def complete(self, given: Design) -> dict[str, Value]:
        """A whole design: what is given, and the default of every other active parameter."""
        design: dict[str, Value] = {}
        for name, parameter in self.parameters:
            if parameter.active(design):
                design[name] = given.get(name, parameter.default)
        return design

    def until_time_is_up(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the named designs that use the whole training time that they are given."""
        return tuple(name for name in names if self.named(name)["family"] not in self.ends_by_itself)

    def named(self, name: str) -> dict[str, Value]:
        """The whole design of a baseline.

        Raises SpaceError when there is none of that name.
        """
        if name not in self.designs:
            raise SpaceError(
                f"the {self.role} space has no design named {name!r}; expected one of {', '.join(self.designs)}",
                fix=nearest(name, self.designs) or "give one of these names",
            )
        return self.complete(self.designs[name])


def is_path(search_space: str) -> bool:
    """Whether a configured search space is a file of a person's own: it has a slash, or ends as YAML files do."""
    return "/" in search_space or search_space.endswith((".yaml", ".yml"))


def find_space(name: str, folder: Path) -> Path:
    """The file of the search space `name` in `folder`.

    Raises SpaceError that lists the known names.
    """
    known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    if name not in known:
        raise SpaceError(
            f"search_space: there is no {name!r}; expected one of {', '.join(known)}",
            fix=nearest(name, known) or "give one of these names, or the path of a YAML file of your own",
        )
    return known[name]


def load_space(path: Path) -> SearchSpace:
    """Read and check a search space.

    Raises SpaceError naming the file, the key and what was expected there.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpaceError(f"{path}: cannot be read as YAML: {error}", fix="check the path and the syntax") from error
    return parse_space(text, path, lambda template: (path.parent / template).is_file())


def parse_space(text: str, path: Path, has: Callable[[str], bool]) -> SearchSpace:
    """Check a search space that was read from `path`; `has` tells whether a template is there.

    Raises SpaceError as `load_space` does.
    """
    try:
        space = SearchSpace.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise SpaceError(f"{path}: cannot be read as YAML: {error}", fix="check the path and the syntax") from error
    except ValidationError as error:
        raise _space_error(path, error) from error
    for key, problem in _breaches(space, has):
        raise SpaceError(f"{path}: {key} {problem}", fix=f"edit {key} in {path}")
    return space


def nearest(name: str, known: Mapping[str, object] | list[str]) -> str:
    """A suggestion for a misspelt name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _listed(value: Value, values: list[Value]) -> bool:
    """Membership that tells True from 1."""
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in values)


def _breaches(space: SearchSpace, has: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """What pydantic cannot see: (key, what is wrong with it)."""
    if not isinstance(space.structure.get("family"), Choice):
        yield "structure.family", "is missing; expected a choice, the family of a design"
        return
    earlier: dict[str, Parameter] = {}
    for section, parameters in (("structure", space.structure), ("tunables", space.tunables)):
        for name, parameter in parameters.items():
            yield from _parameter_breaches(f"{section}.{name}", name, parameter, earlier)
            earlier[name] = parameter
    yield from _code_breaches(space, has)
    for name, given in space.designs.items():
        yield from _design_breaches(f"designs.{name}", given, space, earlier)


def _parameter_breaches(
    key: str, name: str, parameter: Parameter, earlier: Mapping[str, Parameter]
) -> Iterator[tuple[str, str]]:
    if name in earlier:
        yield key, "is declared twice; expected one name a parameter"
    if isinstance(parameter, Int | Float):
        yield from _range_breaches(key, parameter)
    if not parameter.allows(parameter.default):
        yield f"{key}.default", f"is {parameter.default}; expected {parameter.expected}"
    for other, values in parameter.when.items():
        if other not in earlier:
            hint = nearest(other, earlier)
            yield f"{key}.when.{other}", f"is no parameter declared before; {hint or 'expected an earlier one'}"
            return
        for value in values:
            if not earlier[other].allows(value):
                yield f"{key}.when.{other}", f"is {value}; expected {earlier[other].expected}"


def _range_breaches(key: str, parameter: Int | Float) -> Iterator[tuple[str, str]]:
    if parameter.high < parameter.low:
        yield f"{key}.high", f"is {parameter.high}; expected at least {parameter.low} (its low)"
    if parameter.log and parameter.low <= 0:
        yield f"{key}.low", f"is {parameter.low}; expected above 0, because log is true"


def _code_breaches(space: SearchSpace, has: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    family = space.structure["family"]
    if not isinstance(family, Choice):
        return
    for name in (*family.choices, *family.only_named):
        templates = space.code.get(str(name))
        if templates is None:
            yield f"code.{name}", "is missing; expected the folder of its templates"
            continue
        for file in ("model.py.j2", "train.py.j2"):
            if not has(f"{templates}/{file}"):
                yield f"code.{name}", f"is {templates}; expected a folder with {file}"
    for name in space.ends_by_itself:
        if not family.allows(name):
            yield "ends_by_itself", f"names {name}; expected {family.expected}"


def _design_breaches(
    key: str, given: Design, space: SearchSpace, known: Mapping[str, Parameter]
) -> Iterator[tuple[str, str]]:
    active = space.complete(given)
    for name, value in given.items():
        if name not in known:
            yield f"{key}.{name}", f"is no parameter; {nearest(name, known) or 'expected one of this file'}"
        elif name not in active:
            yield f"{key}.{name}", f"is not active here; expected {known[name].when}"
        elif not known[name].allows(value):
            yield f"{key}.{name}", f"is {value}; expected {known[name].expected}"


def _space_error(path: Path, error: ValidationError) -> SpaceError:
    """The first complaint of pydantic, a misspelt key before what is missing for it, in our words."""
    first = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    keys = [str(part) for part in first["loc"] if part not in TYPES]
    key = ".".join(keys) or "the file"
    if first["type"] == "extra_forbidden":
        hint = nearest(keys[-1], _keys_beside(first["loc"]))
        return SpaceError(f"{path}: {key} is not a known key", fix=hint or f"remove {key}")
    if first["type"] == "missing":
        return SpaceError(f"{path}: {key} is missing; expected a value", fix=f"add {key}")
    if first["type"].startswith("union_tag"):
        came = first["input"].get("type", "missing") if isinstance(first["input"], dict) else "missing"
        return SpaceError(f"{path}: {key}.type is {came}; expected one of {', '.join(TYPES)}", fix=f"edit {key}.type")
    return SpaceError(f"{path}: {key} is {shown(first['input'])}; {wanted(first)}", fix=f"edit {key} in {path}")


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that are known where an unknown one stood: the file's, or those of a parameter's type."""
    return list(TYPES.get(str(loc[-2]) if len(loc) > 1 else "", SearchSpace).model_fields)
