"""Which column of a table plays which role: named by the user, else guessed from the usual names."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from autorec.domain.errors import DataError

ALIASES: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "userid", "user", "uid"),
    "item": ("item_id", "itemid", "movieid", "item", "iid"),
    "timestamp": ("timestamp", "datetime", "ts", "time"),
    "value": ("rating", "weight", "label", "click"),
}
REQUIRED = ("user", "item")


class Headed(Protocol):
    """A table with named columns: all that guessing needs."""

    @property
    def path(self) -> Path: ...

    @property
    def header(self) -> tuple[str, ...]: ...


def find_columns(table: Headed, named: Mapping[str, str]) -> dict[str, int]:
    """Positions of the user, item, timestamp and value columns; the last two only where there are any.

    `named` says which column plays a role; an empty name says that none does. What it leaves out is guessed.
    Raises DataError when a name is not in the header, or no column looks like a user or an item.
    """
    if unknown := set(named) - set(ALIASES):
        raise DataError(
            f"columns: expected {', '.join(ALIASES)}; found {', '.join(sorted(unknown))}",
            fix="write for example --columns user=customer,item=sku",
        )
    found = {role: _named(table, role, named[role]) if role in named else _guess(table, role) for role in ALIASES}
    for role in REQUIRED:
        if found[role] is None:
            raise _no_column(table, role)
    return {role: position for role, position in found.items() if position is not None}


def _named(table: Headed, role: str, name: str) -> int | None:
    if not name:
        return None
    if name in table.header:
        return table.header.index(name)
    close = difflib.get_close_matches(name, table.header, n=1)
    raise DataError(
        f"{table.path}: no column {name!r} for {role}; the header has {', '.join(table.header)}",
        fix=f"did you mean {close[0]!r}?" if close else "name one of the columns of the header",
    )


def _guess(table: Headed, role: str) -> int | None:
    names = [name.split(":")[0].strip().lower() for name in table.header]
    return next((names.index(alias) for alias in ALIASES[role] if alias in names), None)


def _no_column(table: Headed, role: str) -> DataError:
    aliases = ", ".join(ALIASES[role])
    if any(_is_number(name) for name in table.header):
        return DataError(
            f"{table.path}, line 1: expected a header line, found what looks like data: {', '.join(table.header)[:80]}",
            fix="add a header line such as user_id,item_id,timestamp; "
            "columns of other names are given as --columns user=<column>,item=<column>,timestamp=<column>",
        )
    return DataError(
        f"{table.path}: no column for {role}; expected one of {aliases}; "
        f"the header has {', '.join(table.header)[:200]}",
        fix=f"name it: --columns {role}=<column>",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
