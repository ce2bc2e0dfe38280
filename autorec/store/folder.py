"""One run on disk: `run.db`, `objects/`, the lock that keeps writers apart, and scratch space for bundles.

runs/<name>/
    run.db           events, meta, sittings
    inbox.db         commands from outside
    objects/         sources, prompts, replies, logs, predictions, weights by sha256
    work/            bundles of the process at work; rebuilt on resume
    champion/        the champion's files, when there is one
"""

import fcntl
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autorec.domain.errors import RunError, StoreError
from autorec.store.events import EventTable
from autorec.store.inbox import INBOX, InboxTable
from autorec.store.objects import ObjectFolder

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
RUNS = Path("runs")
"""Where runs lie that are called by a name; below the folder in which a command is given."""
DATABASE = "run.db"
LOCK = "run.lock"
SPACE = "free space, or mend the permissions; then `autorec resume` goes on and nothing that was recorded is lost"


@dataclass(slots=True)
class RunFolder:
    """An open run. A writer holds the lock until `close`; the kernel frees it if the process dies."""

    path: Path
    events: EventTable
    objects: ObjectFolder
    inbox: InboxTable
    _lock: int | None = None

    @classmethod
    def create(cls, path: Path) -> "RunFolder":
        """A new run.

        Raises RunError when the folder holds a run already, StoreError when it cannot be made.
        """
        with _explained(f"cannot make the run folder {path}", "free space, or give another --run"), ExitStack() as undo:
            _refuse_run(path)
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunError(f"{path} exists and is not empty", fix="give another --run")
            undo.callback(_remove_empty, [folder for folder in (path, *path.parents) if not folder.exists()])
            path.mkdir(parents=True, exist_ok=True)
            lock = _take_lock(path)
            undo.callback(os.close, lock)
            _refuse_run(path)
            undo.callback(_remove_files, path)
            events = EventTable(path / DATABASE, create=True)
            undo.callback(events.close)
            events.put_meta("secret", secrets.token_bytes(32))
            events.put_meta("run_id", secrets.token_hex(16).encode())
            (path / DATABASE).chmod(0o600)
            inbox = InboxTable.create(path / INBOX)
            undo.pop_all()
        return cls(path, events, ObjectFolder(path / "objects"), inbox, lock)

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> "RunFolder":
        """An existing run, to read or to go on with.

        Raises RunError when it is no run, of another version, or (to write) in use, StoreError when it cannot be
        read or written.
        """
        objects, lock = ObjectFolder(path / "objects"), None
        with _explained(f"cannot open the run {path}", "check who may read and write there"), ExitStack() as undo:
            if not path.is_dir():
                fix = "`autorec list` shows the runs; a path needs a slash, as in ./demo"
                raise RunError(f"there is no run at {path}", fix=fix)
            if not (path / DATABASE).exists():
                raise RunError(
                    f"{path} is not a run: there is no {DATABASE} in it", fix="`autorec list` shows the runs"
                )
            if write:
                lock = _take_lock(path)
                undo.callback(os.close, lock)
                objects.sweep()
            events = EventTable(path / DATABASE, read_only=not write)
            undo.pop_all()
        return cls(path, events, objects, InboxTable(path / INBOX), lock)

    @property
    def secret(self) -> bytes:
        """What permutes the ids of this run; never leaves the trusted side."""
        return self.events.get_meta("secret")

    @property
    def run_id(self) -> str:
        """A name that no other run has, wherever the folder is moved to."""
        return self.events.get_meta("run_id").decode()

    @property
    def called(self) -> str:
        """What a command takes for this run, quoted for a shell."""
        return called(self.path)

    @property
    def at_work(self) -> bool:
        """Whether a process holds the lock of this run now."""
        try:
            descriptor = os.open(self.path / LOCK, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def fresh_work(self) -> Path:
        """An empty scratch folder.

        Raises StoreError.
        """
        work = self.path / "work"
        shutil.rmtree(work, ignore_errors=True)
        with _explained(f"cannot make the scratch folder {work}", SPACE):
            work.mkdir(mode=0o755)
        return work

    def write_champion(self, files: dict[str, str]) -> Path:
        """Lay the champion's files out for people; returns the folder.

        Raises StoreError.
        """
        folder = self.path / "champion"
        shutil.rmtree(folder, ignore_errors=True)
        with _explained(f"cannot write the champion to {folder}", SPACE):
            for name, text in files.items():
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        return folder

    def close(self) -> None:
        """Leave the run: remove scratch space, free the lock."""
        self.events.close()
        self.inbox.close()
        if self._lock is not None:
            shutil.rmtree(self.path / "work", ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    def discard(self) -> None:
        """Remove a run that never began."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)


def resolve_run(name: str) -> Path:
    """A path, which has a slash, or a name under `RUNS`, whatever else of that name lies here."""
    if "/" in name:
        return Path(name)
    if not _NAME.fullmatch(name):
        raise RunError(f"{name!r} is not a run name", fix="use letters, digits, '.', '_' and '-', or give a path")
    return RUNS / name


def called(path: Path) -> str:
    """What `resolve_run` makes the path of again, quoted for a shell: a name, or a path with a slash."""
    if path.parent == RUNS and _NAME.fullmatch(path.name):
        return path.name
    return shlex.quote(str(path) if "/" in str(path) else f"./{path}")


def _refuse_run(path: Path) -> None:
    if (path / DATABASE).exists():
        raise RunError(
            f"{path} holds a run already", fix=f"`autorec resume {called(path)}` goes on with it; or give another --run"
        )


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove what is there and empty, the innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _remove_files(folder: Path) -> None:
    """Remove the databases, what SQLite keeps beside them, and the lock."""
    for pattern in ("run.*", "inbox.*"):
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)


@contextmanager
def _explained(problem: str, fix: str) -> Iterator[None]:
    """Whatever the disk refuses becomes a StoreError that says what could not be done."""
    try:
        yield
    except (OSError, StoreError) as error:
        reason = error.strerror or error if isinstance(error, OSError) else error
        raise StoreError(f"{problem}: {reason}", fix=fix) from error


def _take_lock(path: Path) -> int:
    descriptor = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if not isinstance(error, BlockingIOError):
            raise
        raise RunError(
            f"{path} is in use by another process", fix="wait for it to end, or stop it, then try again"
        ) from None
    return descriptor
