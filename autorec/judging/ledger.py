"""The ledger of test openings: how often the sealed test of a data set was looked at, over all runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autorec.domain.errors import StoreError

_WAIT_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS openings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    data_digest TEXT NOT NULL,
    split_digest TEXT NOT NULL,
    run TEXT NOT NULL,
    opened_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (data_digest, split_digest, run)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One entry of the ledger; `count` is the number of openings of this data set, this one included."""

    number: int
    data_digest: str
    split_digest: str
    run: str
    count: int


@dataclass(frozen=True, slots=True)
class TestLedger:
    """An append-only SQLite file, kept outside the runs; any number of processes may write to it."""

    __test__ = False
    path: Path

    def open(self, data_digest: str, split_digest: str, run: str) -> Opening:
        """Enter an opening, durably, before the test is looked at. A run that is resumed finds the one it made.

        `data_digest` names the data as it was read, so that another choice of columns or rows is no fresh start. Roles
        name it by what they read of it: retrieval by the pairs of user and item, ranking by all columns of the rows.
        So one file that serves both is counted apart for each, and the count is told with the role.

        Raises StoreError when it cannot be recorded.
        """
        key = (data_digest, split_digest, run)
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO openings (data_digest, split_digest, run) VALUES (?, ?, ?)", key)
            (number,) = connection.execute(
                "SELECT number FROM openings WHERE data_digest = ? AND split_digest = ? AND run = ?", key
            ).fetchone()
            count = _count(connection, data_digest)
        return Opening(number=number, data_digest=data_digest, split_digest=split_digest, run=run, count=count)

    def count(self, data_digest: str) -> int:
        """How often the test of this data set was opened, whatever the split. Raises StoreError."""
        with self._transaction() as connection:
            return _count(connection, data_digest)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_WAIT_S, isolation_level=None)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(_SCHEMA)
                yield connection
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the ledger of test openings at {self.path} cannot be used: {error}",
                fix="free space or mend the file's permissions; a test that is not entered stays sealed",
            ) from error


def _count(connection: sqlite3.Connection, data_digest: str) -> int:
    (count,) = connection.execute("SELECT COUNT(*) FROM openings WHERE data_digest = ?", (data_digest,)).fetchone()
    return int(count)
