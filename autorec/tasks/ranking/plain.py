"""Raw of delimited text, gathered chunk by chunk without any package beyond numpy."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np

from autorec.tasks.canonical import Numbering
from autorec.tasks.datasets import Bools, Float64s, Int32s, Int64s
from autorec.tasks.delimited import Table
from autorec.tasks.ranking.columns import (
    MISSING_TEXTS,
    Look,
    Raw,
    Refused,
    label_of,
    look_of,
    moment_of,
    number_of,
    parser_of_times,
    seconds,
)
from autorec.tasks.ranking.impressions import MISSING, Category, as_texts


def gathered(tables: Sequence[Table], names: Sequence[str]) -> Raw:
    """The columns of tables with the same columns, one table after the other. Raises DataError."""
    columns, sizes = [TextColumn(name) for name in names], []
    for table in tables:
        size = 0
        for _, chunk in table.chunks():
            size += len(chunk[0])
            for column, texts in zip(columns, chunk, strict=True):
                column.add(texts)
        sizes.append(size)
    return Raw(columns=columns, sizes=sizes)


class TextColumn:
    """One column of text as codes of its distinct values, so that each value is looked at once."""

    def __init__(self, header: str) -> None:
        self.name, _, self.declared = header.partition(":")
        self._numbering = Numbering()
        self._chunks: list[Int32s] = []

    def add(self, texts: Sequence[str]) -> None:
        self._chunks.append(self._numbering.encode(texts))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The distinct values, in the order in which they first came; asked for when all have come."""
        return self._numbering.ids

    @cached_property
    def codes(self) -> Int32s:
        return np.concatenate(self._chunks)

    @cached_property
    def look(self) -> Look:
        return look_of(text for text in self.texts if text not in MISSING_TEXTS)

    def labels(self) -> Bools:
        return self._parsed(label_of, np.bool_)

    def numbers(self) -> Float64s:
        return self._parsed(number_of, np.float64)

    def moments(self) -> Int64s:
        return self._parsed(moment_of, np.int64)

    def times(self) -> tuple[Int64s, tuple[str, ...]]:
        parse, clock = parser_of_times(self.texts[0])
        try:
            parsed = parse(self.texts)[self.codes]
        except ValueError:
            parsed = self._parsed(lambda text: int(parse((text,))[0]), np.int64)
        return seconds([parsed], clock)

    def category(self) -> Category:
        kept = sorted(text for text in self.texts if text not in MISSING_TEXTS)
        place = {text: code for code, text in enumerate(kept)}
        renumbered = np.array([place.get(text, MISSING) for text in self.texts], dtype=np.int32)
        return Category(name=self.name, codes=renumbered[self.codes], values=as_texts(kept))

    def _parsed(self, parse: Callable[[str], object], dtype: type[np.generic]) -> np.ndarray:
        values = []
        for code, text in enumerate(self.texts):
            try:
                values.append(parse(text))
            except ValueError:
                raise Refused(int(np.argmax(self.codes == code)), text) from None
        return np.array(values, dtype=dtype)[self.codes]
