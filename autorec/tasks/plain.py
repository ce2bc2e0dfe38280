"""Rows of delimited text as a log, read chunk by chunk without any package beyond numpy."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from autorec.domain.errors import DataError
from autorec.tasks import timestamps
from autorec.tasks.canonical import Log, Numbering
from autorec.tasks.datasets import Float32s, Float64s, Int8s, Int32s, Int64s
from autorec.tasks.delimited import Columns, Table


def read(tables: Sequence[Table], positions: Sequence[Mapping[str, int]]) -> Log:
    """The rows of tables, one after the other; `positions` says for each which column plays which role.

    Raises DataError with the file, the line and what to do next.
    """
    return _Gatherer(tables, positions).read()


class _Gatherer:
    """Rows of one or several tables, one after the other; roles that not every table has are left out."""

    def __init__(self, tables: Sequence[Table], positions: Sequence[Mapping[str, int]]) -> None:
        self.tables = tables
        self.positions = positions
        self.roles = set.intersection(*map(set, self.positions))
        self.clock: timestamps.Clock | None = None
        self.users, self.items = Numbering(), Numbering()
        self.user_codes: list[Int32s] = []
        self.item_codes: list[Int32s] = []
        self.times: list[Int64s | Float64s] = []
        self.values: list[Float32s] = []
        self.given: list[Int8s] = []

    def read(self) -> Log:
        for number, table in enumerate(self.tables):
            n_chunks = len(self.given)
            for first, chunk in table.chunks():
                self._take(number, first, chunk)
            if len(self.given) == n_chunks:
                raise DataError(f"{table.path}: no rows after the header", fix="give a file with interactions in it")
        return self._log()

    def _take(self, number: int, first: int, chunk: Columns) -> None:
        table, positions = self.tables[number], self.positions[number]
        self.given.append(np.full(len(chunk[0]), number, dtype=np.int8))
        for role, numbering, codes in (
            ("user", self.users, self.user_codes),
            ("item", self.items, self.item_codes),
        ):
            raw = chunk[positions[role]]
            table.parse(_require_ids, raw, first, f"the id of {role}")
            codes.append(numbering.encode(raw))
        if "timestamp" in self.roles:
            self.times.append(self._times(table, chunk[positions["timestamp"]], first))
        if "value" in self.roles:
            self.values.append(table.parse(_numbers, chunk[positions["value"]], first, "a finite number as value"))

    def _times(self, table: Table, texts: Sequence[str], first: int) -> Int64s | Float64s:
        if self.clock is None:
            self.clock = table.parse(_clock, texts[:1], first, "a timestamp: a number or an ISO 8601 date")
        parse = partial(timestamps.parse, clock=self.clock)
        return table.parse(parse, texts, first, f"a timestamp, as in the first row {self.clock.value}")

    def _log(self) -> Log:
        times = timestamps.join(self.times, self.clock) if self.clock is not None else None
        return Log(
            user_ids=self.users.ids,
            item_ids=self.items.ids,
            users=np.concatenate(self.user_codes),
            items=np.concatenate(self.item_codes),
            times=None if times is None else times.ticks,
            per_second=1 if times is None else times.per_second,
            values=np.concatenate(self.values) if self.values else None,
            given=np.concatenate(self.given) if len(self.tables) > 1 else None,
            notes=() if times is None else times.notes,
        )


def _clock(texts: Sequence[str]) -> timestamps.Clock:
    return timestamps.clock_of(texts[0])


def _require_ids(texts: Sequence[str]) -> None:
    if "" in texts:
        raise ValueError("empty id")


def _numbers(texts: Sequence[str]) -> Float32s:
    numbers = np.array(list(map(float, texts)), dtype=np.float64)
    if not np.all(np.abs(numbers) <= np.finfo(np.float32).max):
        raise ValueError("not finite in float32")
    return numbers.astype(np.float32)
