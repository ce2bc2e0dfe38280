"""Rows of your own: Parquet, CSV or TSV with a header, or laid out as the rows that the model was trained on."""

import difflib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from recommender.runtime.columns import USUAL, Column, Layout, Misread
from recommender.runtime.parquet import Rows, parts
from recommender.runtime.refusal import Refusal
from recommender.runtime.text import opened

CHUNK_ROWS = 2_000
SHOWN = 5


@dataclass(frozen=True)
class Table:
    """Rows as they stand in `files`. `features` by name; `label` and `time` None where there is no such column.

    `lines` of the files that rows end on; `starts` the first row of each file; `unused` columns mean nothing here.
    """

    files: tuple[Path, ...]
    features: Mapping[str, Column]
    label: Column | None
    time: Column | None
    lines: array
    starts: tuple[int, ...]
    unused: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def numbers(self, name: str) -> np.ndarray:
        """Float32 [n]. Raises Refusal, as do those below."""
        return self._read(self.features[name], Column.numbers)

    def labels(self) -> np.ndarray:
        return self._read(self._required(self.label, "label"), Column.labels)

    def seconds(self) -> np.ndarray:
        return self._read(self._required(self.time, "timestamp"), Column.seconds)

    def _required(self, column: Column | None, meaning: str) -> Column:
        if column is None:
            raise Refusal(
                f"{self.files[0]}: no column for {meaning} (looked for {', '.join(USUAL[meaning])})",
                f"add it, or name it: --columns {meaning}=NAME",
            )
        return column

    def _read(self, column: Column, values: Callable[[Column], np.ndarray]) -> np.ndarray:
        try:
            return values(column)
        except Misread as error:
            file = self.files[int(np.searchsorted(self.starts, error.row, side="right")) - 1]
            raise Refusal(
                f"{file}, line {self.lines[error.row]}: expected {error.wanted} in {column.name!r}, "
                f"found {error.text!r}",
                "mend or remove that line",
            ) from None


def read_table(files: Sequence[Path], layout: Layout) -> Table:
    """Read files one after the other. Columns are found by name, in whatever order; a label is not needed.

    Raises Refusal that names the columns that are missing, or the line that cannot be read.
    """
    features, meanings = ({name: Column(name) for name in names} for names in (layout.features, USUAL))
    lines, starts, unused, present = array("q"), [], {}, set(USUAL)
    files = tuple(parts(files))
    for file in files:
        starts.append(len(lines))
        header, headed = _header(file, layout)
        told = _meanings_at(file, header, layout)
        present &= set(told)
        at = [(features[name], place) for name, place in _features_at(file, header, layout).items()]
        at += [(meanings[meaning], place) for meaning, place in told.items()]
        unused |= dict.fromkeys(name for place, name in enumerate(header) if place not in [p for _, p in at])
        with opened(file, quoted=headed) as reader:
            rows = _rows(file, reader, len(header), lines, headed)
            while batch := list(islice(rows, CHUNK_ROWS)):
                texts = list(zip(*batch, strict=True))
                for column, place in at:
                    column.add(texts[place])
    if not len(lines):
        raise Refusal(f"{', '.join(map(str, files))}: no rows", "give a file with rows in it")
    label, time = (meanings[name] if name in present else None for name in USUAL)
    return Table(files, features, label, time, lines, tuple(starts), tuple(unused))


def table_of(rows: Sequence[Mapping[str, object]], layout: Layout) -> Table:
    """Rows that are at hand, a value by name of the column. Raises Refusal where a column is missing."""
    here = Path("rows")
    for row in rows:
        _features_at(here, tuple(row), layout)
    times = [_meanings_at(here, tuple(row), layout).get("timestamp") for row in rows]
    features = {name: Column(name) for name in layout.features}
    for name, column in features.items():
        column.add([_text(row[name]) for row in rows])
    time = None
    if None not in times:
        time = Column("timestamp")
        time.add([_text(list(row.values())[place]) for row, place in zip(rows, times, strict=True)])  # type: ignore[index]
    return Table((here,), features, None, time, array("q", range(1, len(rows) + 1)), (0,), ())


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _header(file: Path, layout: Layout) -> tuple[tuple[str, ...], bool]:
    """The names of the columns, and whether the file tells them itself."""
    with opened(file) as reader:
        first = next(filter(None, reader), [])
        may_lack_one = bool(layout.headless) and not isinstance(reader, Rows)
    names = tuple(field.strip().partition(":")[0] for field in first)
    label = layout.named.get("label", "label")
    for known in ((label, *layout.headless), layout.headless):
        if may_lack_one and len(known) == len(first) and not set(layout.features) & set(names):
            return known, False
    return names, True


def _rows(file: Path, reader: Iterator[list[str]], width: int, lines: array, headed: bool) -> Iterator[list[str]]:
    """Rows, whose lines are noted in `lines`."""
    for row in islice(filter(None, reader), int(headed), None):
        if len(row) != width:
            raise Refusal(
                f"{file}, line {reader.line_num}: expected {width} fields, found {len(row)}",  # type: ignore[attr-defined]
                "mend or remove that line",
            )
        lines.append(reader.line_num)  # type: ignore[attr-defined]
        yield row


def _features_at(file: Path, header: Sequence[str], layout: Layout) -> dict[str, int]:
    missing = [name for name in layout.features if name not in header]
    if missing:
        shown = ", ".join(_with_near(name, header) for name in missing[:SHOWN])
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise Refusal(
            f"{file}: the model takes the columns {shown}{more}, and the file has none of that name; it has "
            f"{', '.join(header)[:200] or 'nothing'}",
            "rename them, or add them, with nothing in the rows where they are not known",
        )
    if twice := [name for name in layout.features if header.count(name) > 1]:
        raise Refusal(f"{file}: two columns are called {twice[0]!r}", "rename the one that the model does not take")
    return {name: header.index(name) for name in layout.features}


def _meanings_at(file: Path, header: Sequence[str], layout: Layout) -> dict[str, int]:
    """Where label and timestamp stand, if they do."""
    found = {}
    for meaning, usual in USUAL.items():
        name = layout.named.get(meaning)
        plain = ["" if each in layout.features else each if name else each.lower() for each in header]
        place = next((plain.index(each) for each in ((name,) if name else usual) if each in plain), None)
        if place is not None:
            found[meaning] = place
    return found


def _with_near(name: str, header: Sequence[str]) -> str:
    close = {each.lower(): each for each in header}
    near = difflib.get_close_matches(name.lower(), close, n=1)
    return f"{name!r} (near: {close[near[0]]!r})" if near else repr(name)
