"""The folder of a mailbox: requests as files for people, and the replies that they put beside them.

    0007-3f2a91c0e1b2.request.md     what is asked: number, and the beginning of the request's digest
    0007-3f2a91c0e1b2.reply.md       what is answered

A file appears whole or not at all, and none is ever written over. A request that is asked again, by whoever, finds
its letter, and the reply where there is one. While somebody waits for a reply, he holds a lock on the request.
"""

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autorec.domain.errors import StoreError, UsageError
from autorec.llm.request import Request

REQUEST, REPLY = ".request.md", ".reply.md"
DIGITS = 12
"""So much of a digest stands in a name."""
REPLY_BYTES = 1 << 20
_NAME = re.compile(r"(\d{4,9})-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What lies beside a request: a usable `text`, or what is wrong with it (`fault`)."""

    text: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Letter:
    """One request in a mailbox, known by its number."""

    number: int
    path: Path

    @property
    def reply_path(self) -> Path:
        return self.path.with_name(self.path.name.removesuffix(REQUEST) + REPLY)

    @property
    def reply(self) -> Reply | None:
        """The reply as it lies there now; None while there is none."""
        try:
            descriptor = os.open(self.reply_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            return Reply(fault=f"cannot be read ({error.strerror}); it must be a file of its own")
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe gives nothing yet, a folder nothing ever
            os.close(descriptor)
            return Reply(fault="cannot be read (not a regular file); it must be a file of its own")
        with os.fdopen(descriptor, "rb") as file:
            try:
                return checked(file.read(REPLY_BYTES + 1))
            except OSError as error:
                return Reply(fault=f"cannot be read ({error.strerror})")

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for the reply now."""
        with self.path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for this letter while the block runs."""
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield


def checked(content: bytes) -> Reply:
    """A reply, if a model's client could have brought it; else what is wrong and what to do."""
    if len(content) > REPLY_BYTES:
        return Reply(fault=f"has more than {REPLY_BYTES:,} bytes; no usable reply is as long: shorten it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Reply(fault=f"is not UTF-8 text (byte {error.start}): save it as UTF-8")
    if not text.strip():
        return Reply(fault="is empty: write the whole reply into it")
    return Reply(text=text.replace("\r\n", "\n"))


def letters(folder: Path) -> list[Letter]:
    """Every request in the folder, in the order of the numbers."""
    found = [(match, path) for path in folder.glob(f"*{REQUEST}") if (match := _NAME.match(path.name))]
    return sorted(Letter(int(match[1]), path) for match, path in found)


def post(folder: Path, request: Request) -> Letter:
    """Write a request as a new letter. Raises StoreError."""
    with _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            number = max((letter.number for letter in letters(folder)), default=0) + 1
            letter = Letter(number, folder / f"{number:04}-{request.digest[:DIGITS]}{REQUEST}")
            if _place(letter.path, _letter_text(letter, request).encode(errors="replace")):
                return letter


def answer(letter: Letter, content: bytes) -> None:
    """Put a reply beside a letter, whole or not at all.

    Raises UsageError for one that cannot be used, and where the letter has a reply already; StoreError.
    """
    if fault := checked(content).fault:
        raise UsageError(f"the reply {fault.partition(':')[0]}", fix=fault.partition(": ")[2] or "give another file")
    with _explained(letter.path.parent):
        if not _place(letter.reply_path, content):
            raise UsageError(
                f"letter {letter.number} has a reply already: {letter.reply_path}",
                fix="a reply is never written over; if nobody has read it yet, remove the file and answer again",
            )


def _place(target: Path, content: bytes) -> bool:
    """Make the file appear whole under a name that is free; False where it is taken, by whatever."""
    descriptor, name = tempfile.mkstemp(prefix=".letter-", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        try:
            os.link(name, target)
        except FileExistsError:
            return False
    finally:
        with suppress(OSError):
            Path(name).unlink(missing_ok=True)
    return True


def _letter_text(letter: Letter, request: Request) -> str:
    return (
        f"<!-- Letter {letter.number} of a search to {request.model}: at most {request.max_tokens:,} tokens, "
        f"temperature {request.temperature:g}.\n"
        f"Write the whole reply, as text in UTF-8, into {letter.reply_path.name} beside this file, or run\n"
        f"  autorec mailbox {letter.path.parent} {letter.number} --answer FILE\n"
        f"Everything below is what the model is asked. -->\n\n{request.text}"
    )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the mailbox {folder} cannot be used: {error.strerror or error}",
            fix="free space, or give mailbox:DIR a folder that you may write to",
        ) from error
