"""Files of features that are named by the user: CSV, TSV, RecBole's or Parquet, with an id in each row."""

from collections.abc import Sequence
from pathlib import Path

from autorec.tasks import atomic, parquet
from autorec.tasks.datasets import Side
from autorec.tasks.delimited import open_table
from autorec.tasks.features import FeatureTable, of_texts
from autorec.tasks.header import ALIASES


def read(path: Path, side: Side) -> FeatureTable:
    """Features of users or items. The id column has a usual name of its side, or is called id, or is the first.

    Raises DataError where the file cannot be read.
    """
    if parquet.is_parquet(path):
        return parquet.read_features(path, side, _key(parquet.open_parquet(path).header, side))
    table = open_table(path)
    if atomic.is_typed(table.header):
        return atomic.read_features(path, side)
    texts = dict(zip(table.header, table.whole(), strict=True))
    keys = texts.pop(_key(table.header, side))
    return of_texts(side, path.name, keys, texts, {})


def _key(header: Sequence[str], side: Side) -> str:
    lowered = [name.lower() for name in header]
    return next((header[lowered.index(a)] for a in (*ALIASES[side], "id") if a in lowered), header[0])
