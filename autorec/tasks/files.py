"""Files as bytes and as text; a gzip archive is undone, whatever its name."""

import difflib
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO, cast

from autorec.domain.errors import DataError

HEAD_BYTES = 8_192
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
MAGIC = {PARQUET: "a Parquet file", b"PK\x03\x04": "a zip archive"}
SHOWN = 8
ACCEPTED = (
    "give a CSV, TSV or Parquet file, or a folder of files that belong together; `autorec data synth world.csv` "
    "writes one to try"
)
DEFLATED = 4
"""About how much larger a log is than its gzip archive."""


def is_folder(path: Path) -> bool:
    """Whether the path is a folder. Raises DataError where the path itself cannot be."""
    try:
        return path.is_dir()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", fix="check the path of the data") from error


def is_gzip(path: Path) -> bool:
    with _opened(path) as stream:
        return stream.read(len(GZIP)) == GZIP


def read_head(path: Path) -> bytes:
    """The first bytes of a file, at most HEAD_BYTES, of what is inside where it is a gzip archive.

    Raises DataError where it cannot be read, or is named .gz and is none.
    """
    if path.suffix == ".gz" and not is_gzip(path):
        raise DataError(
            f"{path}: expected a gzip archive, as the name says; its first bytes are none",
            fix="rename the file if it is plain text, or compress it again",
        )
    with opened(path) as stream:
        return stream.read(HEAD_BYTES)


def require_text(path: Path) -> None:
    """Raises DataError where the file is not text, as far as its beginning tells."""
    head = read_head(path)
    kind = next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
    if kind is None and b"\0" in head:
        kind = "a binary file, or text that is not UTF-8"
    if kind:
        raise DataError(f"{path}: expected CSV or TSV text, found {kind}", fix="convert it to CSV in UTF-8")


def text_bytes(path: Path) -> int:
    """About how much text a file holds."""
    return path.stat().st_size * (DEFLATED if is_gzip(path) else 1)


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file's bytes, decompressed. A broken archive raises DataError wherever it is met."""
    with _unbroken(path), _opened(path) as raw:
        if raw.read(len(GZIP)) == GZIP:
            raw.seek(0)
            yield cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        else:
            raw.seek(0)
            yield raw


@contextmanager
def opened_text(path: Path, encoding: str = "utf-8-sig") -> Iterator[TextIO]:
    """A file's text, decompressed, line ends kept. A broken archive raises DataError wherever it is met."""
    with _unbroken(path):
        opens = gzip.open if is_gzip(path) else open
        with opens(path, "rt", encoding=encoding, newline="") as stream:
            yield cast(TextIO, stream)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        stream = path.open("rb")
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}", fix="check the path of the data and who may read it") from error
    with stream:
        yield stream


def _missing(path: Path) -> DataError:
    """What lies there instead, and what may be given."""
    folder = path.absolute().parent
    if not folder.is_dir():
        return DataError(f"{path}: there is no folder {folder}", fix=ACCEPTED)
    there = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    shown = ", ".join(there[:SHOWN]) + (f" and {len(there) - SHOWN} more" if len(there) > SHOWN else "")
    near = difflib.get_close_matches(path.name, there, n=1, cutoff=0.5)
    return DataError(
        f"{path}: there is no such file or folder; {folder} holds {shown or 'nothing'}",
        fix=(f"did you mean {folder / near[0]}? Else " if near else "") + ACCEPTED,
    )


@contextmanager
def _unbroken(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: the gzip archive is damaged or cut short ({error})", fix="fetch or compress the file again"
        ) from error
