"""What a hostile candidate may leave in place of a result file, and that none of it is read.

Each attack has its control: a plain `open` follows it, so the attack is real.
"""

import os
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autorec.domain.errors import MalformedPredictions
from autorec.execution.results import read_result

NAME = "0.answer.npy"
SECRET = b"labels of the test"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(SECRET)
    return folder


@pytest.fixture
def work_fd(work: Path) -> Iterator[int]:
    descriptor = os.open(work, os.O_PATH | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def refused(work_fd: int, reason: str, max_bytes: int = 1000) -> None:
    with pytest.raises(MalformedPredictions, match=reason):
        read_result(work_fd, NAME, max_bytes)


def test_an_ordinary_file_is_read_whole(work: Path, work_fd: int) -> None:
    content = os.urandom(300_000)
    (work / NAME).write_bytes(content)
    assert read_result(work_fd, NAME, 300_000) == content


def test_an_empty_file_is_read(work: Path, work_fd: int) -> None:
    (work / NAME).touch()
    assert read_result(work_fd, NAME, 10) == b""


def test_the_folder_is_the_one_that_was_taken_wherever_it_moved(work: Path, work_fd: int, tmp_path: Path) -> None:
    (work / NAME).write_bytes(b"mine")
    work.rename(tmp_path / "moved")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / NAME).write_bytes(b"swapped")
    assert read_result(work_fd, NAME, 100) == b"mine"


def test_a_missing_file(work_fd: int) -> None:
    refused(work_fd, "it was announced, but is not there")


@pytest.mark.parametrize("target", ["../secret", "{absolute}"])
def test_a_symlink(work: Path, work_fd: int, target: str) -> None:
    (work / NAME).symlink_to(target.format(absolute=work.parent / "secret"))
    assert (work / NAME).read_bytes() == SECRET, "control: a plain open follows the link"
    refused(work_fd, "it is a link")


def test_a_symlink_to_a_neighbour(work: Path, work_fd: int) -> None:
    (work / "other").write_bytes(b"x")
    (work / NAME).symlink_to("other")
    refused(work_fd, "it is a link")


def test_a_magic_link(work: Path, work_fd: int) -> None:
    (work / NAME).symlink_to("/proc/self/exe")
    refused(work_fd, "it is a link")


def test_a_hardlink(work: Path, work_fd: int) -> None:
    (work / NAME).hardlink_to(work.parent / "secret")
    assert (work / NAME).read_bytes() == SECRET, "control: a plain open reads it"
    refused(work_fd, "2 names")


def test_a_pipe_does_not_block(work: Path, work_fd: int) -> None:
    os.mkfifo(work / NAME)
    refused(work_fd, "is a pipe")


def test_a_socket(work: Path, work_fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(NAME)
        refused(work_fd, "expected an ordinary file")


def test_a_device(work: Path, work_fd: int) -> None:
    try:
        os.mknod(work / NAME, 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("device nodes cannot be made here")
    refused(work_fd, "is a device|expected an ordinary file")


def test_a_folder(work: Path, work_fd: int) -> None:
    (work / NAME).mkdir()
    refused(work_fd, "is a folder")


def test_a_huge_sparse_file_is_refused_before_it_is_read(work: Path, work_fd: int) -> None:
    with (work / NAME).open("wb") as file:
        file.truncate(1 << 40)
    refused(work_fd, "holds 1099511627776 bytes; expected at most 1000")


def test_a_file_that_grows_gives_what_it_was_or_is_refused(work: Path, work_fd: int) -> None:
    """A writer appends all the while; every answer is the size at the opening, never beyond the cap."""
    (work / NAME).write_bytes(b"x" * 100_000)
    stop = threading.Event()

    def grow() -> None:
        with (work / NAME).open("ab", buffering=0) as file:
            while not stop.is_set() and file.tell() < 50_000_000:
                file.write(b"y" * 1000)

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        for _ in range(200):
            try:
                content = read_result(work_fd, NAME, 10_000_000)
            except MalformedPredictions as error:
                assert re.search("changed (its size )?while it was read|expected at most", str(error))
            else:
                assert 100_000 <= len(content) <= 10_000_000
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub/0.answer.npy", "0.answer.npy\0x"])
def test_only_names_in_the_folder_itself_are_asked_for(work_fd: int, name: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a file"):
        read_result(work_fd, name, 100)


def test_descriptors_are_closed_whatever_was_found(work: Path, work_fd: int) -> None:
    (work / NAME).mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        refused(work_fd, "is a folder")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_that_is_rewritten_while_it_is_copied_is_refused(work: Path, work_fd: int) -> None:
    """Of the same size before and after; the control: what was copied is one content, what lies there another."""
    (work / NAME).write_bytes(b"a" * 1000)
    os.utime(work / NAME, ns=(0, 0))
    copied = []

    def rewrite(frame: object, event: str, called: object) -> None:
        if event == "c_return" and called is os.read and not copied:
            copied.append((work / NAME).read_bytes())
            (work / NAME).write_bytes(b"b" * 1000)

    sys.setprofile(rewrite)
    try:
        refused(work_fd, "was changed while it was read")
    finally:
        sys.setprofile(None)
    assert copied == [b"a" * 1000]
    assert (work / NAME).read_bytes() == b"b" * 1000
