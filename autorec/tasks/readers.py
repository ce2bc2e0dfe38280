"""Read an interaction log, whatever its format, and make a data set of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from autorec.tasks import columnar, feature_files, filters, plain
from autorec.tasks.canonical import Log, canonical, dataset_of
from autorec.tasks.datasets import Dataset, Feature, Side
from autorec.tasks.delimited import Table
from autorec.tasks.features import FeatureTable, join
from autorec.tasks.files import text_bytes
from autorec.tasks.formats import Source, recognise
from autorec.tasks.header import find_columns

LARGE_TEXT = 8 * 2**20
"""Bytes of text from which duckdb, where it is installed, is faster than a loop (see docs/decisions/010)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which rows to keep and which features to join, as the user asked for.

    `min_rating` keeps rows of at least that value, `k_core` users and items with at least so many rows each.
    """

    min_rating: float | None = None
    k_core: int | None = None
    user_features: Path | None = None
    item_features: Path | None = None

    def feature_tables(self) -> Iterator[FeatureTable]:
        """The named files, read. Raises DataError."""
        sides: Sequence[tuple[Side, Path | None]] = (("user", self.user_features), ("item", self.item_features))
        yield from (feature_files.read(path, side) for side, path in sides if path is not None)


ALL = Selection()


def load(path: Path | str, *, columns: Mapping[str, str] | None = None, selection: Selection = ALL) -> Dataset:
    """Read a log: CSV, TSV, Parquet, SASRec lines, or a file or folder of RecBole, of MovieLens, of given splits.

    `columns` maps user, item, timestamp, value to column names, where the usual names do not fit; an empty name says
    that there is no such column. Every item of the files is in the catalogue, every row an interaction, but for what
    `selection` leaves out: small values first, then duplicates, then what is not in the k-core.
    Raises DataError with the file, the line and what to do next.
    """
    source = recognise(Path(path))
    log = read_log(source, columns or {})
    log = replace(log, source_digest=log.pairs_digest)
    if selection.min_rating is not None:
        log = filters.at_least(log, selection.min_rating)
    log = canonical(log)
    if selection.k_core is not None:
        log = filters.k_core(log, selection.k_core)
    features, notes = _joined((*source.features, *selection.feature_tables()), log)
    return dataset_of(replace(log, notes=(*log.notes, *notes)), name=source.name, features=features)


def read_log(source: Source, columns: Mapping[str, str]) -> Log:
    """The rows of a source, its columns found; through duckdb where they are Parquet or many. Raises DataError."""
    positions = [find_columns(table, columns) for table in source.tables]
    log = None
    if not isinstance(source.tables[0], Table) or (is_large(source.tables) and has_duckdb()):
        log = columnar.read(source.tables, positions)
    if log is None:
        log = plain.read([table for table in source.tables if isinstance(table, Table)], positions)
    header = source.tables[0].header
    found = ", ".join(f"{header[position].split(':')[0]} as {role}" for role, position in positions[0].items())
    return replace(log, sequential=source.sequential, notes=(f"read as {source.kind}: {found}", *log.notes))


def is_large(tables: Sequence[object]) -> bool:
    """Whether a loop over the rows of the tables that are text would take long."""
    return sum(text_bytes(table.path) for table in tables if isinstance(table, Table)) >= LARGE_TEXT


def has_duckdb() -> bool:
    return find_spec("duckdb") is not None


def _joined(tables: Sequence[FeatureTable], log: Log) -> tuple[list[Feature], list[str]]:
    features: list[Feature] = []
    notes: list[str] = []
    for table in tables:
        found, said = join(table, log.user_ids if table.side == "user" else log.item_ids)
        features.extend(found)
        notes.extend(said)
    return features, notes
