"""Delimited text through duckdb: which files it finds the same rows in, and which spellings it reads alike."""

from collections.abc import Mapping

from autorec.tasks.delimited import Table
from autorec.tasks.files import is_gzip, read_head
from autorec.tasks.parquet import literal, path_literal

SPELLINGS: Mapping[str, str] = {
    "code": r"0|-?[1-9][0-9]{0,17}",
    "unpadded": r"[^ ][\s\S]*",
    "whole": r"-?[0-9]{1,18}",
    "number": r"-?[0-9]{1,15}(\.[0-9]{1,15})?",
    "date": r"[1-9]\d{3}-\d\d-\d\d([T ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?Z?)?",
}
"""Regular expressions (RE2); `code` is how a program writes an integer, so the number tells the text again."""


class Declined(Exception):
    """A cell is spelled in a way that is left to the plain reader."""


def is_plain(table: Table) -> bool:
    """Whether duckdb would find the same rows: UTF-8, and a first line that is not blank."""
    return table.dialect.encoding == "utf-8-sig" and not read_head(table.path).lstrip(b"\xef\xbb\xbf")[:1].isspace()


def text_sql(table: Table) -> str:
    """What to select the columns c0, c1 and so on of a text file from, all of them texts."""
    quote = '"' if table.dialect.quoted else ""
    columns = ", ".join(f"c{position}: 'VARCHAR'" for position in range(len(table.header)))
    options = {
        "delim": literal(table.dialect.delimiter),
        "quote": literal(quote),
        "escape": literal(quote),
        "header": str(table.headed).lower(),
        "compression": "'gzip'" if is_gzip(table.path) else "'none'",
        "auto_detect": "false",
        "columns": f"{{{columns}}}",
    }
    return f"read_csv({path_literal(table.path)}, {', '.join(f'{k}={v}' for k, v in options.items())})"
