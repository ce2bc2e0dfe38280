"""What a path holds, told by its content: a literal list of recognisers, the first that knows it reads it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autorec.domain.errors import DataError
from autorec.tasks import atomic, movielens, parquet
from autorec.tasks.datasets import GIVEN_FILES
from autorec.tasks.delimited import Dialect, Table, first_lines, open_table
from autorec.tasks.features import FeatureTable
from autorec.tasks.files import is_folder
from autorec.tasks.parquet import ParquetTable

GIVEN_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "valid": ("valid", "validation", "val"),
    "test": ("test",),
}
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
DELIMITER_NAMES = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Opened tables of interactions (several where they are given train, valid and test), and features beside them.

    `kind` says to people what the path was taken for. `sequential` says that the order of rows is that of time.
    """

    kind: str
    name: str
    tables: tuple[Table, ...] | tuple[ParquetTable, ...]
    sequential: bool = False
    features: tuple[FeatureTable, ...] = ()


def recognise(path: Path) -> Source:
    """What the path holds. Raises DataError where no recogniser knows it, or one does and finds it broken."""
    for recogniser in OF_FOLDERS if is_folder(path) else OF_FILES:
        if source := recogniser(path):
            return source
    raise DataError(
        f"{path}: no train.csv, and no .inter, .parquet or MovieLens file",
        fix="give a CSV, TSV or Parquet file, a folder with train.csv, valid.csv and test.csv, or of Parquet parts, "
        "or a folder of RecBole's or of MovieLens files",
    )


def _given(folder: Path) -> Source | None:
    if not holds_given(folder):
        return None
    paths = [given_file(folder, name) for name in GIVEN_FILES]
    kinds = {path.suffix == ".parquet" for path in paths}
    if len(kinds) > 1:
        names = ", ".join(path.name for path in paths)
        raise DataError(f"{folder}: expected Parquet throughout, or text throughout; found {names}", fix="convert one")
    opens = parquet.open_parquet if kinds == {True} else open_table
    tables: tuple[Table, ...] | tuple[ParquetTable, ...] = tuple(opens(path) for path in paths)  # type: ignore[assignment]
    return Source(kind="given train, valid and test files", name=folder.resolve().name, tables=tables)


def holds_given(folder: Path) -> bool:
    """Whether a folder has a train file; the others must then be there too."""
    return bool(_files_called(folder, "train"))


def _files_called(folder: Path, name: str) -> list[Path]:
    candidates = (folder / f"{alias}{suffix}" for alias in GIVEN_NAMES[name] for suffix in SUFFIXES)
    return [path for path in candidates if path.is_file()]


def given_file(folder: Path, name: str) -> Path:
    found = _files_called(folder, name)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name for path in found)
        raise DataError(f"{folder}: expected one {name} file, found {names}", fix="keep one of them")
    raise DataError(
        f"{folder}: no {name}.csv beside the train file", fix="give train, valid and test as CSV, TSV or Parquet"
    )


def _atomic_folder(folder: Path) -> Source | None:
    path = atomic.interactions_file(folder)
    return _atomic(path) if path else None


def _atomic_file(path: Path) -> Source | None:
    is_named = path.suffix == ".inter"
    lines = [] if is_named or parquet.is_parquet(path) else first_lines(path)
    return _atomic(path) if is_named or (lines and atomic.is_typed(lines[0].split("\t"))) else None


def _atomic(path: Path) -> Source:
    return Source(
        kind="RecBole's atomic files",
        name=path.stem,
        tables=(atomic.open_atomic(path),),
        features=atomic.features_beside(path),
    )


def _movielens_folder(folder: Path) -> Source | None:
    path = movielens.ratings_file(folder)
    return _movielens(path) if path else None


def _movielens(path: Path) -> Source | None:
    table = None if parquet.is_parquet(path) else movielens.open_ratings(path)
    if table is None:
        return None
    features = movielens.features_beside(path)
    beside = "".join(f", with {own.name}" for own in features)
    return Source(kind=f"MovieLens ratings{beside}", name=_stem(path), tables=(table,), features=features)


def _parquet_folder(folder: Path) -> Source | None:
    files = parquet.part_files(folder)
    if not files:
        return None
    table = parquet.open_parquet(folder, files)
    return Source(kind=f"Parquet, {len(files)} part files", name=folder.resolve().name, tables=(table,))


def _parquet_file(path: Path) -> Source | None:
    if not parquet.is_parquet(path):
        if path.suffix == ".parquet":
            raise DataError(
                f"{path}: expected Parquet, as the name says; its first bytes are none", fix="write it again"
            )
        return None
    return Source(kind="Parquet", name=_stem(path), tables=(parquet.open_parquet(path),))


def _sasrec(path: Path) -> Source | None:
    """Lines of two integers, `user item`, as SASRec's code reads them (Kang and McAuley, ICDM 2018)."""
    lines = first_lines(path)
    if not lines or not all(len(pair := line.split(" ")) == 2 and all(map(str.isdecimal, pair)) for line in lines):
        return None
    table = Table(path=path, dialect=Dialect(" ", quoted=False), header=("user", "item"), headed=False)
    kind = "SASRec lines, a user and an item each, whose order is that of time"
    return Source(kind=kind, name=_stem(path), tables=(table,), sequential=True)


def _headed_text(path: Path) -> Source:
    table = open_table(path)
    delimiter = DELIMITER_NAMES[table.dialect.delimiter]
    return Source(kind=f"text with a header, parted by {delimiter}", name=_stem(path), tables=(table,))


def _stem(path: Path) -> str:
    return path.with_suffix("").stem if path.suffix == ".gz" else path.stem


Recogniser = Callable[[Path], Source | None]

OF_FOLDERS: tuple[Recogniser, ...] = (_given, _atomic_folder, _movielens_folder, _parquet_folder)
OF_FILES: tuple[Recogniser, ...] = (_parquet_file, _atomic_file, _movielens, _sasrec, _headed_text)
