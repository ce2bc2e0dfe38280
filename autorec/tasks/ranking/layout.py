"""Which column means what: named by the user, else guessed by its name; the other ones are features."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from autorec.domain.errors import DataError
from autorec.tasks.header import ALIASES, Headed
from autorec.tasks.ranking.columns import Raw, holds_numbers

GUESSES: Mapping[str, tuple[str, ...]] = {
    "label": ("label", "click", "clicked", "target", "y"),
    "user": ALIASES["user"],
    "timestamp": ALIASES["timestamp"],
}
LISTED = ("numeric", "categorical", "ignore")
MEANINGS = (*GUESSES, *LISTED)
BETWEEN_NAMES = "+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which columns mean what, by their place."""

    label: int
    user: int | None = None
    time: int | None = None
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]


def lay_out(table: Headed, raw: Raw, named: Mapping[str, str]) -> Layout:
    """Raises DataError where a name is not in the header, no column looks like a label, or no feature is left."""
    label, user, time = (find(table, meaning, named) for meaning in GUESSES)
    if label is None:
        raise DataError(
            f"{table.path}: no column for label; expected one of {', '.join(GUESSES['label'])}; "
            f"the header has {', '.join(table.header)[:200]}",
            fix="name it: --columns label=<column>",
        )
    numeric, categorical, ignored = (_listed(table, meaning, named) for meaning in LISTED)
    if nested := {label, user, time} & {*raw.unreadable}:
        raise DataError(
            f"{table.path}: the column {table.header[min(p for p in nested if p is not None)]!r} holds lists, "
            "or something else that is neither numbers nor texts",
            fix="name another column, e.g. --columns label=<column>",
        )
    features = [p for p in range(len(raw.columns)) if p not in {label, user, time, *ignored, *raw.unreadable}]
    if not features and user is None:
        raise DataError(f"{table.path}: no column is left as a feature", fix="give columns beside the label")
    guessed = {p for p in features if p not in numeric | categorical and holds_numbers(raw.columns[p])}
    return Layout(
        label=label,
        user=user,
        time=time,
        numeric=tuple(p for p in features if p in numeric | guessed),
        categorical=tuple(p for p in features if p not in numeric | guessed),
    )


def find(table: Headed, meaning: str, named: Mapping[str, str]) -> int | None:
    """The column of a meaning: as it was named, or guessed by its name; None where there is none."""
    if meaning in named:
        return _place(table, named[meaning], meaning)
    names = [name.split(":")[0].strip().lower() for name in table.header]
    return next((names.index(alias) for alias in GUESSES[meaning] if alias in names), None)


def _listed(table: Headed, meaning: str, named: Mapping[str, str]) -> set[int]:
    names = [name.strip() for name in named.get(meaning, "").split(BETWEEN_NAMES)]
    return {_place(table, name, meaning) for name in names if name}


def _place(table: Headed, name: str, meaning: str) -> int:
    names = [field.split(":")[0] for field in table.header]
    for found in (table.header, names):
        if name in found:
            return list(found).index(name)
    close = difflib.get_close_matches(name, names, n=1)
    raise DataError(
        f"{table.path}: no column {name!r} for {meaning}; the header has {', '.join(names)[:200]}",
        fix=f"did you mean {close[0]!r}?" if close else "name one of the columns of the header",
    )
