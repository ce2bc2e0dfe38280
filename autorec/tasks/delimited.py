"""Delimited text: a header line, then rows, streamed in chunks of columns."""

import csv
import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from autorec.domain.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

ALIASES: Mapping[str, tuple[str, ...]] = {
    "user": ("user_id", "userid", "user", "uid"),
    "item": ("item_id", "itemid", "movieid", "item", "iid"),
    "timestamp": ("timestamp", "datetime", "ts", "time"),
    "value": ("rating", "weight", "label", "click"),
}
REQUIRED = ("user", "item")
DELIMITERS = "\t,;|"
QUOTE = '"'
CHUNK_ROWS = 2_000
HEAD_BYTES = 8_192
MAGIC = {b"PAR1": "a Parquet file", b"\x1f\x8b": "a gzip archive", b"PK\x03\x04": "a zip archive"}

Columns = list[tuple[str, ...]]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A delimited text file with its header read: `header` holds the raw column names."""

    path: Path
    delimiter: str
    quoted: bool
    header: tuple[str, ...]

    def chunks(self) -> Iterator[tuple[int, Columns]]:
        """(number of the first row, columns) of at most CHUNK_ROWS rows at a time, rows counted from 0.

        Blank lines are left out. Raises DataError where the text cannot be read.
        """
        first = 0
        with _records(self.path, self.delimiter, self.quoted) as reader:
            rows = islice(filter(None, reader), 1, None)
            while batch := list(islice(rows, CHUNK_ROWS)):
                self._require_even(batch, first)
                yield first, list(zip(*batch, strict=True))
                first += len(batch)

    def line(self, row: int) -> int:
        """The line of the file, from 1, on which a row (from 0, after the header) ends."""
        with _records(self.path, self.delimiter, self.quoted) as reader:
            next(islice(filter(None, reader), row + 1, None))
            return reader.line_num

    def _require_even(self, batch: list[list[str]], first: int) -> None:
        width = len(self.header)
        if set(map(len, batch)) == {width}:
            return
        row = next(i for i, fields in enumerate(batch) if len(fields) != width)
        raise DataError(
            f"{self.path}, line {self.line(first + row)}: expected {width} fields as in the header, "
            f"found {len(batch[row])}",
            fix="mend or remove that line",
        )

    def parse(self, parse: Callable[[Sequence[str]], Parsed], texts: Sequence[str], first: int, wanted: str) -> Parsed:
        """Parse a column of a chunk; raises DataError naming the line of the first value that `parse` refuses."""
        try:
            return parse(texts)
        except ValueError as error:
            row = next(i for i, text in enumerate(texts) if _refused(parse, text))
            raise DataError(
                f"{self.path}, line {self.line(first + row)}: expected {wanted}, found {texts[row]!r}",
                fix="mend or remove that line, or name another column, e.g. --columns timestamp=<column>",
            ) from error


def open_table(path: Path, *, delimiter: str | None = None, quoted: bool = True) -> Table:
    """Read the header of a text file; the delimiter is the one that the header holds most of, unless given.

    Raises DataError when the file is missing, empty, not UTF-8 text, or has one column only.
    """
    _require_text(path)
    if delimiter is None:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            first = stream.readline()
        delimiter = max(DELIMITERS, key=first.count)
    with _records(path, delimiter, quoted) as reader:
        header = next(filter(None, reader), None)
    if header is None:
        raise DataError(f"{path}: the file is empty", fix="give a file with a header line and one interaction a line")
    if len(header) < 2:
        raise DataError(
            f"{path}: expected columns separated by comma, tab, semicolon or bar, found one: {header[0][:80]!r}",
            fix="convert the file to CSV with a header such as user_id,item_id,timestamp",
        )
    return Table(path=path, delimiter=delimiter, quoted=quoted, header=tuple(name.strip() for name in header))


def _require_text(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", fix="check the path of the data and who may read it") from error
    kind = next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
    if kind is None and b"\0" in head:
        kind = "a binary file, or text that is not UTF-8"
    if kind:
        raise DataError(f"{path}: expected CSV or TSV text, found {kind}", fix="convert it to CSV in UTF-8")


@contextmanager
def _records(path: Path, delimiter: str, quoted: bool) -> "Iterator[Reader]":
    """A reader of the file; what it meets on the way and cannot read raises DataError."""
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, quoting=quoting, skipinitialspace=quoted, strict=True)
        try:
            yield reader
        except UnicodeDecodeError as error:
            raise DataError(
                f"{path}, after line {reader.line_num}: expected UTF-8 text, "
                f"found byte 0x{error.object[error.start]:02x}",
                fix="convert the file, e.g. iconv -f latin1 -t utf-8",
            ) from error
        except csv.Error as error:
            raise _unreadable(path, delimiter, quoted, reader.line_num, error) from error


def _unreadable(path: Path, delimiter: str, quoted: bool, line: int, error: csv.Error) -> DataError:
    """What the reader could not take on a line: a field without end, or a misplaced quote."""
    if "field larger than" not in str(error):
        return DataError(f"{path}, line {line}: {error}", fix="mend the quotes on that line")
    limit = csv.field_size_limit()
    with path.open(encoding="utf-8-sig", newline="") as stream:
        first, column = _first_overlong(stream, delimiter, quoted, limit)
    return DataError(
        f"{path}, line {first}: column {column} holds more than the {limit:,} characters that a field may have",
        fix="mend the quote that opens there and does not close" if line > first else "shorten or remove that column",
    )


def _first_overlong(lines: Iterable[str], delimiter: str, quoted: bool, limit: int) -> tuple[int, int]:
    """(line on which it begins, column) of the first field longer than the limit, both from 1."""
    inside = wrapped = False
    began, column, length = 1, 1, 0
    for number, line in enumerate(lines, 1):
        if not inside:
            began, column, length, wrapped = number, 1, 0, False
            if len(line) <= limit and QUOTE not in line:
                continue
        for character in line:
            if quoted and character == QUOTE and (wrapped or not length):
                length += wrapped and not inside
                inside, wrapped = not inside, True
            elif character == delimiter and not inside:
                began, column, length, wrapped = number, column + 1, 0, False
            elif length or inside or character != " ":
                length += 1
            if length > limit:
                return began, column
    return began, column


def _refused(parse: Callable[[Sequence[str]], object], text: str) -> bool:
    try:
        parse((text,))
    except ValueError:
        return True
    return False


def find_columns(table: Table, named: Mapping[str, str]) -> dict[str, int]:
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


def _named(table: Table, role: str, name: str) -> int | None:
    if not name:
        return None
    if name in table.header:
        return table.header.index(name)
    close = difflib.get_close_matches(name, table.header, n=1)
    raise DataError(
        f"{table.path}: no column {name!r} for {role}; the header has {', '.join(table.header)}",
        fix=f"did you mean {close[0]!r}?" if close else "name one of the columns of the header",
    )


def _guess(table: Table, role: str) -> int | None:
    names = [name.split(":")[0].strip().lower() for name in table.header]
    return next((names.index(alias) for alias in ALIASES[role] if alias in names), None)


def _no_column(table: Table, role: str) -> DataError:
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
