"""The inbox of a run: commands from outside, in a SQLite file of its own that any process may append to.

It is not a table of `run.db`, because SQLite has one writer a file: whoever tells something would make the run wait,
and a process that is halted in the middle would hold it up. Nothing is ever removed; which letters were read is known
from the events alone. The file is made with the run, before anybody else can know of it: of two processes that turn the
same new file into one with a write-ahead log, SQLite tells one that it is locked, however long that would wait.
"""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from autorec.domain.commands import Command, Letter
from autorec.schemas.commands import decode, encode
from autorec.store.events import explained

INBOX = "inbox.db"
WAIT_S = 30.0
"""How long one who tells waits for another who is telling."""
_TABLE = """
CREATE TABLE letters (number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, content TEXT NOT NULL)
"""


class InboxTable:
    """Implements `ports.Inbox`; the file is opened when it is first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    @classmethod
    def create(cls, path: Path) -> "InboxTable":
        """A new, empty one. Raises StoreError."""
        with explained(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
            path.chmod(0o600)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(_TABLE)
        return cls(path)

    def tell(self, command: Command) -> int:
        """Append a command, durable on return; returns its number. Raises StoreError."""
        with explained(self._path):
            row = (time.time(), encode(command))
            cursor = self._opened().execute("INSERT INTO letters (time, content) VALUES (?, ?)", row)
        return int(cursor.lastrowid or 0)

    def after(self, number: int) -> tuple[Letter, ...]:
        """See `ports.Inbox`."""
        with explained(self._path):
            query = "SELECT number, content FROM letters WHERE number > ? ORDER BY number"
            rows = self._opened().execute(query, (number,)).fetchall()
        return tuple(Letter(number=found, command=decode(content)) for found, content in rows)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            address = f"{self._path.absolute().as_uri()}?mode=rw"
            self._db = sqlite3.connect(address, uri=True, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
        return self._db
