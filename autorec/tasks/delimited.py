"""Delimited text: a header line, where there is one, then rows, streamed in chunks of columns."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from autorec.domain.errors import DataError
from autorec.tasks.files import HEAD_BYTES, opened_text, read_head, require_text

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = "\t,;|"
QUOTE = '"'
UNIT_SEPARATOR = "\x1f"
CHUNK_ROWS = 2_000

Columns = list[tuple[str, ...]]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How fields are told apart: by `delimiter`, one character or several, and by quotes where `quoted`."""

    delimiter: str
    quoted: bool = True
    encoding: str = "utf-8-sig"

    @contextmanager
    def records(self, path: Path) -> "Iterator[Reader]":
        """A reader of the file; what it meets on the way and cannot read raises DataError."""
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE
        with opened_text(path, self.encoding) as stream:
            lines, delimiter = self._lines(stream)
            reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, skipinitialspace=self.quoted, strict=True)
            try:
                yield reader
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, after line {reader.line_num}: expected UTF-8 text, "
                    f"found byte 0x{error.object[error.start]:02x}",
                    fix="convert the file, e.g. iconv -f latin1 -t utf-8",
                ) from error
            except csv.Error as error:
                raise self._unreadable(path, reader.line_num, error) from error

    def _lines(self, stream: Iterable[str]) -> tuple[Iterable[str], str]:
        """The csv module parts fields by one character only: a longer delimiter becomes one that text never has."""
        if len(self.delimiter) == 1:
            return stream, self.delimiter
        return (line.replace(self.delimiter, UNIT_SEPARATOR) for line in stream), UNIT_SEPARATOR

    def _unreadable(self, path: Path, line: int, error: csv.Error) -> DataError:
        """What the reader could not take on a line: a field without end, or a misplaced quote."""
        if "field larger than" not in str(error):
            return DataError(f"{path}, line {line}: {error}", fix="mend the quotes on that line")
        limit = csv.field_size_limit()
        with opened_text(path, self.encoding) as stream:
            lines, delimiter = self._lines(stream)
            first, column = _first_overlong(lines, delimiter, self.quoted, limit)
        return DataError(
            f"{path}, line {first}: column {column} holds more than the {limit:,} characters that a field may have",
            fix="mend the quote that opens there and does not close"
            if line > first
            else "shorten or remove that column",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A delimited text file; `header` holds the raw column names, from its first line where it is `headed`."""

    path: Path
    dialect: Dialect
    header: tuple[str, ...]
    headed: bool = True

    def chunks(self) -> Iterator[tuple[int, Columns]]:
        """(number of the first row, columns) of at most CHUNK_ROWS rows at a time, rows counted from 0.

        Blank lines are left out. Raises DataError where the text cannot be read.
        """
        first = 0
        with self.dialect.records(self.path) as reader:
            rows = islice(filter(None, reader), int(self.headed), None)
            while batch := list(islice(rows, CHUNK_ROWS)):
                self._require_even(batch, first)
                yield first, list(zip(*batch, strict=True))
                first += len(batch)

    def whole(self) -> Columns:
        """All rows at once, by column. Raises DataError where there are none."""
        chunks = [columns for _, columns in self.chunks()]
        if not chunks:
            raise DataError(f"{self.path}: no rows after the header", fix="remove the file or fill it")
        return [tuple(text for chunk in chunks for text in chunk[i]) for i in range(len(self.header))]

    def line(self, row: int) -> int:
        """The line of the file, from 1, on which a row (from 0, the header left out) ends."""
        with self.dialect.records(self.path) as reader:
            next(islice(filter(None, reader), row + int(self.headed), None))
            return reader.line_num

    def _require_even(self, batch: list[list[str]], first: int) -> None:
        width = len(self.header)
        if set(map(len, batch)) == {width}:
            return
        row = next(i for i, fields in enumerate(batch) if len(fields) != width)
        raise DataError(
            f"{self.path}, line {self.line(first + row)}: expected {width} fields as in the "
            f"{'header' if self.headed else 'first line'}, found {len(batch[row])}",
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


def first_lines(path: Path) -> list[str]:
    """The first lines that are not blank, 20 at most, without their ends; one that is cut off is left out."""
    require_text(path)
    head = read_head(path).decode("utf-8-sig", errors="replace")
    lines = head.splitlines()
    whole = lines[:-1] if len(lines) > 1 and not head.endswith(("\n", "\r")) and len(head) > HEAD_BYTES // 4 else lines
    return [line for line in whole if line.strip()][:20]


def open_table(path: Path, *, delimiter: str | None = None, quoted: bool = True) -> Table:
    """Read the header of a text file; the delimiter is the one that the header holds most of, unless given.

    Raises DataError when the file is missing, empty, not UTF-8 text, or has one column only.
    """
    require_text(path)
    if delimiter is None:
        delimiter = max(DELIMITERS, key="".join(first_lines(path)[:1]).count)
    dialect = Dialect(delimiter, quoted)
    with dialect.records(path) as reader:
        header = next(filter(None, reader), None)
    if header is None:
        raise DataError(f"{path}: the file is empty", fix="give a file with a header line and one interaction a line")
    if len(header) < 2:
        raise DataError(
            f"{path}: expected columns separated by comma, tab, semicolon or bar, found one: {header[0][:80]!r}",
            fix="convert the file to CSV with a header such as user_id,item_id,timestamp",
        )
    return Table(path=path, dialect=dialect, header=tuple(name.strip() for name in header))


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
