"""The event table of a run: SQLite in WAL mode, one writer, any number of readers.

A commit is one event, durable when `append` returns. The database also keeps `meta` (the run's secret) and
`sittings`: when a process began and ended work on the run; while it rests, as it waits for people alone, it does not
work, and what comes then begins another. Sittings are apart from the events because they differ between a run that was
interrupted and one that was not, and the events must not.

Within a sitting, times are those of its beginning and of a clock that only goes forward; so a wall clock that is set
back or forward while a run is at work changes nothing. A sitting that begins when the clock says less than before
begins where the last one ended.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from autorec.domain.errors import RunError, StoreError
from autorec.domain.events import Event
from autorec.schemas.events import SCHEMA_VERSION, decode, encode, kind_of

_TABLES = """
CREATE TABLE events (seq INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL,
                     content TEXT NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE sittings (id INTEGER PRIMARY KEY, began REAL NOT NULL, seen REAL NOT NULL);
"""
_BEGIN = "INSERT INTO sittings (began, seen) VALUES (?, ?)"
_TOUCH = "UPDATE sittings SET seen = max(seen, ?) WHERE id = (SELECT max(id) FROM sittings)"


class Clock:
    """Seconds since the epoch: what the wall clock said when this was made, and what has passed since."""

    def __init__(self, wall_s: float, steady: Callable[[], float]) -> None:
        self._wall_s, self._steady = wall_s, steady
        self._since = steady()

    def now(self) -> float:
        return self._wall_s + self._steady() - self._since


class EventTable:
    """Implements `ports.Events` on a SQLite file."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        read_only: bool = False,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open or create the file; `wall` is a clock that may be set back or forward at any time, `steady` is not.

        Raises RunError for a file of another version, StoreError where it cannot be written.
        """
        self._path, self._wall, self._steady = path, wall, steady
        self._clock = Clock(wall(), steady)
        self._earlier_s, self._since, self._rests = 0.0, self._clock.now(), False
        if not create and not path.exists():
            raise RunError(
                f"{path.parent} is not a run: there is no {path.name} in it", fix="`autorec list` shows the runs"
            )
        address = f"{path.absolute().as_uri()}?mode=ro" if read_only else str(path)
        with explained(path), ExitStack() as undo:
            self._db = sqlite3.connect(address, uri=read_only, isolation_level=None, check_same_thread=False)
            undo.callback(self._db.close)
            if create:
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
            self._check_version()
            undo.pop_all()

    def _check_version(self) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        if found != SCHEMA_VERSION:
            raise RunError(
                f"{self._path.parent} is of another version of autorec: format {found}, expected {SCHEMA_VERSION}",
                fix="open it with the version that made it, or begin a new run",
            )

    def append(self, event: Event) -> int:
        """Record one event, and that the process is at work, again if it rested; returns the sequence number."""
        now = self._clock.now()
        with explained(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                cursor = self._db.execute(
                    "INSERT INTO events (time, kind, version, content) VALUES (?, ?, ?, ?)",
                    (now, kind_of(event), SCHEMA_VERSION, encode(event)),
                )
                self._db.execute(*((_BEGIN, (now, now)) if self._rests else (_TOUCH, (now,))))
                self._db.execute("COMMIT")
            except sqlite3.Error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        if self._rests:
            self._since, self._rests = now, False
        return int(cursor.lastrowid or 0)

    def read(self, upto: int | None = None) -> Iterator[Event]:
        """Events in order."""
        for _, event in self.timed(upto):
            yield event

    def timed(self, upto: int | None = None) -> Iterator[tuple[float, Event]]:
        """Events in order, each with the time (seconds since the epoch) at which it was recorded."""
        with explained(self._path):
            rows = self._db.execute(
                "SELECT time, kind, content FROM events WHERE seq <= ? ORDER BY seq",
                (upto if upto is not None else 1 << 62,),
            ).fetchall()
        for moment, kind, content in rows:
            yield moment, decode(kind, content)

    def moment(self, seq: int) -> float:
        """When that event was recorded (seconds since the epoch)."""
        with explained(self._path):
            (moment,) = self._db.execute("SELECT time FROM events WHERE seq = ?", (seq,)).fetchone()
        return float(moment)

    def put_meta(self, key: str, value: bytes) -> None:
        with explained(self._path):
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def get_meta(self, key: str) -> bytes:
        with explained(self._path):
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise RunError(f"{self._path.parent} lacks {key!r}: the run was never fully begun", fix="begin a new run")
        return bytes(row[0])

    def begin_sitting(self, worked_s: float = 0.0) -> None:
        """A process begins work, or began it `worked_s` seconds ago, so that its start-up counts."""
        with explained(self._path):
            (last,) = self._db.execute("SELECT max(seen) FROM sittings").fetchone()
            self._clock = Clock(max(self._wall(), (last or 0.0) + worked_s), self._steady)
            now = self._clock.now()
            self._earlier_s, self._since, self._rests = self.worked_s(), now - worked_s, False
            self._db.execute(_BEGIN, (now - worked_s, now))

    def rest(self) -> None:
        """Time until the next event is no work."""
        if not self._rests:
            self.touch_sitting()
            self._earlier_s, self._rests = self.worked_now_s(), True

    def touch_sitting(self) -> None:
        """The process that began the last sitting is still at work, if it does not rest."""
        if not self._rests:
            with explained(self._path):
                self._db.execute(_TOUCH, (self._clock.now(),))

    def sittings(self) -> tuple[tuple[float, float], ...]:
        """When each process began work and was last seen at it (seconds since the epoch), in order."""
        with explained(self._path):
            rows = self._db.execute("SELECT began, seen FROM sittings ORDER BY id").fetchall()
        return tuple((float(began), float(seen)) for began, seen in rows)

    def worked_s(self) -> float:
        """Seconds of wall clock that all sittings have taken together."""
        return sum((seen - began for began, seen in self.sittings()), 0.0)

    def worked_now_s(self) -> float:
        """The same for the process that began the last sitting; it asks nobody but its own clock."""
        return self._earlier_s + (0.0 if self._rests else self._clock.now() - self._since)

    def worked_until_now_s(self) -> float:
        """The same, and whoever looks at the run sees it as well."""
        self.touch_sitting()
        return self.worked_s()

    def close(self) -> None:
        self._db.close()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What SQLite refuses becomes a RunError or StoreError that names the file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            raise StoreError(
                f"{path}: cannot record: {text}", fix="free disk space, then `autorec resume` goes on"
            ) from error
        if "not a database" in text or "malformed" in text:
            raise RunError(f"{path} is not a run's database: {text}", fix="give another run folder") from error
        raise StoreError(f"{path}: {text}", fix="check that the folder exists and can be written") from error
