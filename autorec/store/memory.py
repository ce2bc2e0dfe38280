"""The file of lessons that outlives a run: a JSON object a line, for people and for several runs at once.

It is read whole, and written whole under a lock beside it, to a temporary name that is then renamed: a reader sees
the file before or after, never between, and no run loses what another has learned. What does not read is never
written over.
"""

import fcntl
import os
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from autorec.domain.errors import StoreError, UsageError
from autorec.domain.lesson import key_of
from autorec.schemas.complaint import complaint, where
from autorec.schemas.lessons import LessonLine, RunLine

FILE_BYTES = 16 << 20
MEND = "mend that line or remove it, or name another file; nothing was written to this one"

Lines = tuple[LessonLine, ...]


def read_memory(path: Path) -> Lines:
    """Every lesson, each sentence of a role once; none where there is no file yet.

    Raises UsageError, with file and line, where one does not read.
    """
    try:
        if not (folder := _file(path).parent).is_dir():
            raise UsageError(f"memory: there is no folder {folder}", fix=f"make it: mkdir -p {folder}")
        if not path.is_file() and path.exists():
            raise UsageError(f"memory: {path} is no regular file", fix="name a file; one that is not there is made")
        if not path.exists():
            return ()
        if (size := path.stat().st_size) > FILE_BYTES:
            raise UsageError(
                f"memory: {path} has {size:,} bytes; expected at most {FILE_BYTES:,}", fix="remove lessons from it"
            )
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark at the head
    except UnicodeDecodeError as error:
        raise UsageError(f"memory: {path} is no UTF-8 text (byte {error.start})", fix=MEND) from None
    except OSError as error:
        raise UsageError(f"memory: {path} cannot be read: {error.strerror}", fix="check who may read it") from None
    lines = text.split("\n")
    return once_each(_parsed(path, at, line) for at, line in enumerate(lines, start=1) if line.strip())


def check_writable(path: Path) -> None:
    """Raises UsageError where the file could not be written, when a run that costs hours has ended."""
    file = _file(path)
    for place in filter(Path.exists, (file.parent, file)):
        if not os.access(place, os.W_OK):
            raise UsageError(
                f"memory: {place} may not be written, and lessons go there when the run ends",
                fix=f"check who may write it, or name another file: --memory {path.name}",
            )


def update_memory(path: Path, change: Callable[[Lines], Lines]) -> None:
    """Write what `change` makes of the lessons as they stand; where that is nothing new, nothing is written.

    Raises UsageError as `read_memory` does, StoreError.
    """
    with _locked(path):
        known = read_memory(path)
        changed = change(known)
        if changed != known:
            _write(path, "".join(f"{line.model_dump_json(exclude_defaults=True)}\n" for line in changed))


def once_each(lines: Iterable[LessonLine]) -> Lines:
    """Each sentence of a role once, where it stands first, with what every run says of it."""
    first: dict[tuple[str, str], LessonLine] = {}
    runs: dict[tuple[str, str], dict[str, RunLine]] = defaultdict(dict)
    for line in lines:
        key = (line.role, key_of(line.lesson))
        first.setdefault(key, line)
        runs[key] |= {run.run_id: run for run in line.runs}
    return tuple(line.model_copy(update={"runs": tuple(runs[key].values())}) for key, line in first.items())


def _parsed(path: Path, at: int, line: str) -> LessonLine:
    try:
        return LessonLine.model_validate_json(line)
    except ValidationError as error:
        told = (f"{where(each)}: {complaint(each)}".removeprefix(": ") for each in error.errors())
        raise UsageError(f"{path}:{at}: {'; '.join(told)}", fix=MEND) from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other run writes; the kernel frees the lock of a process that dies."""
    file = _file(path)  # whoever comes by a link waits as well
    lock = file.with_name(f".{file.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritten(path, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, text: str) -> None:
    """Replace the file at once, links followed; its permissions stay."""
    target = _file(path)
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), target.stat().st_mode & 0o777 if target.exists() else 0o644)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _unwritten(path, error) from error


def _file(path: Path) -> Path:
    """What a path leads to, links followed; unlike `Path.resolve` it raises nothing."""
    return Path(os.path.realpath(path))


def _unwritten(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"memory: {path} cannot be written: {error.strerror}",
        fix="mend that; the run keeps its lessons, and `autorec resume` writes them again",
    )
