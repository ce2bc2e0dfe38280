"""The inbox of a run: commands from outside, in a SQLite file of its own that any process may append to.

It is not a table of `run.db`, because SQLite has one writer a file: whoever tells something would make the run wait,
and a process that is halted in the middle would hold it up. Nothing is ever removed; which letters were read is known
from the events alone.
"""

import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from autorec.domain.commands import Command, Letter
from autorec.schemas.commands import decode, encode
from autorec.store.events import explained

INBOX = "inbox.db"
WAIT_S = 30.0
"""How long one who tells waits for another who is telling."""
_TABLE = """
CREATE TABLE IF NOT EXISTS letters (number INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, content TEXT NOT NULL)
"""


class InboxTable:
    """Implements `ports.Inbox`; the file is made by the first letter."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def tell(self, command: Command) -> int:
        """Append a command, durable on return; returns its number. Raises StoreError."""
        with explained(self._path):
            row = (time.time(), encode(command))
            cursor = self._opened().execute("INSERT INTO letters (time, content) VALUES (?, ?)", row)
        return int(cursor.lastrowid or 0)

    def after(self, number: int) -> tuple[Letter, ...]:
        """See `ports.Inbox`."""
        if self._db is None and not self._path.exists():
            return ()
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
            with suppress(OSError):  # SQLite says next what is the matter
                self._path.touch(mode=0o600)
            self._db = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute(_TABLE)
        return self._db
