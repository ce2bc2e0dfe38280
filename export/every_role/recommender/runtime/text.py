"""Files of rows: delimited text with a header, where there is one; or Parquet."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.runtime.parquet import Rows, is_parquet, parquet_rows
from recommender.runtime.refusal import Refusal

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = "\t,;|"


@contextmanager
def opened(file: Path, *, quoted: bool = True) -> "Iterator[Reader | Rows]":
    """The lines of a file as fields, parted by whatever its first line holds most of; of Parquet, names and then rows.

    Where fields are not `quoted`, a quote and a space before a field are like any character.
    Raises Refusal for what cannot be read, with the file and the line.
    """
    reader = None
    how = {"skipinitialspace": True, "strict": True} if quoted else {"quoting": csv.QUOTE_NONE}
    try:
        if is_parquet(file):
            with parquet_rows(file) as rows:
                yield rows
            return
        with file.open(encoding="utf-8-sig", errors="strict" if quoted else "replace", newline="") as lines:
            delimiter = max(DELIMITERS, key=lines.readline().count)
            lines.seek(0)
            reader = csv.reader(lines, delimiter=delimiter, **how)
            yield reader
    except OSError as error:
        raise Refusal(
            f"{file}: {error.strerror}", "give a CSV, TSV or Parquet file; repeat --data for several"
        ) from None
    except UnicodeDecodeError:
        raise Refusal(f"{file} is not UTF-8 text", "convert it to CSV in UTF-8") from None
    except csv.Error as error:
        at = f", line {reader.line_num}" if reader else ""
        raise Refusal(f"{file}{at}: {error}", "mend the quotes on that line") from None
