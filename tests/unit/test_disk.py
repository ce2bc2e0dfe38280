"""What a job wrote is counted and removed, whatever it is."""

import mmap
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.job import Limits
from autorec.execution.disk import DiskLook, deleted, written
from autorec.scratch import remove

ROOM = Limits(disk_bytes=1 << 20, inodes=10)


def too_much(folder: Path, limits: Limits = ROOM) -> bool:
    return DiskLook(folder, limits).finds_too_much([os.getpid()])


def test_bytes_on_disk_are_counted_once_and_holes_are_not(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "real", tmp_path / "again")
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 30)
    found = dict(written(tmp_path))
    assert 100_000 <= sum(found.values()) < 200_000
    assert not too_much(tmp_path)


def test_more_bytes_or_more_files_are_too_much(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "large").write_bytes(b"x" * (2 << 20))
    assert too_much(tmp_path)
    (tmp_path / "inside" / "large").unlink()
    for count in range(8):
        (tmp_path / "inside" / str(count)).touch()
    assert not too_much(tmp_path)
    for count in range(8, 20):
        (tmp_path / str(count)).touch()
    assert too_much(tmp_path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/usr")
    assert len(list(written(tmp_path))) == 1
    assert not too_much(tmp_path)


def test_nesting_without_end_is_too_much(tmp_path: Path) -> None:
    folder = tmp_path
    for _ in range(70):
        folder = folder / "d"
        folder.mkdir()
    assert too_much(tmp_path, Limits(inodes=10_000))


def test_a_deleted_file_counts_while_it_is_open_or_mapped(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("w+b") as file:
        file.write(b"x" * (2 << 20))
        file.flush()
        (tmp_path / "gone").unlink()
        assert sum(dict(deleted(tmp_path, [os.getpid()])).values()) >= 2 << 20
        assert too_much(tmp_path)
        held = mmap.mmap(file.fileno(), 2 << 20)
    assert sum(dict(deleted(tmp_path, [os.getpid()])).values()) == 2 << 20
    held.close()
    assert sum(dict(deleted(tmp_path, [os.getpid()])).values()) == 0


def test_a_look_is_not_taken_again_at_once(tmp_path: Path) -> None:
    look = DiskLook(tmp_path, ROOM)
    assert not look.finds_too_much([])
    (tmp_path / "large").write_bytes(b"x" * (2 << 20))
    assert not look.finds_too_much([])


@pytest.mark.parametrize("gone", [[], [1 << 22]], ids=["none", "not there"])
def test_processes_that_are_gone_are_passed_over(tmp_path: Path, gone: list[int]) -> None:
    assert list(deleted(tmp_path, gone)) == []


TREES = st.recursive(
    st.none(),
    lambda inside: st.dictionaries(st.text("ab\n-é", min_size=1, max_size=3), inside, max_size=4),
    max_leaves=12,
)


@given(tree=TREES, mode=st.sampled_from([0o000, 0o300, 0o500, 0o700]))
@settings(max_examples=30, deadline=None)
def test_whatever_it_holds_a_folder_is_removed(
    tmp_path_factory: pytest.TempPathFactory, tree: object, mode: int
) -> None:
    folder = tmp_path_factory.mktemp("job")
    _lay_out(folder, tree, mode)
    remove(folder)
    assert not folder.exists()


def _lay_out(folder: Path, tree: object, mode: int) -> None:
    if not isinstance(tree, dict):
        return
    for name, inside in tree.items():
        if inside is None:
            (folder / name).touch()
        else:
            (folder / name).mkdir()
            _lay_out(folder / name, inside, mode)
            (folder / name).chmod(mode)


def test_depth_beyond_any_path_is_removed_and_links_lead_nowhere(tmp_path: Path) -> None:
    folder, outside = tmp_path / "job", tmp_path / "outside"
    for made in (folder, outside):
        made.mkdir()
    (outside / "kept").touch()
    (folder / "link").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    remove(folder)
    assert not folder.exists()
    assert (outside / "kept").exists()
