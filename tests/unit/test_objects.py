"""The object folder: where things lie, and what happens when the disk does not play along."""

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest

from autorec.domain.errors import StoreError
from autorec.store.objects import ObjectFolder


def stored(objects: ObjectFolder, digest: str) -> Path:
    return objects.path / digest[:2] / digest[2:]


@pytest.fixture
def objects(tmp_path: Path) -> ObjectFolder:
    return ObjectFolder(tmp_path / "objects")


def test_an_object_lies_under_its_sha256_and_nothing_else_is_left(objects: ObjectFolder) -> None:
    digest = objects.put(b"content")
    assert digest == sha256(b"content").hexdigest()
    assert [path for path in objects.path.rglob("*") if path.is_file()] == [stored(objects, digest)]


@pytest.mark.parametrize("damage", [b"cont", b"confent"], ids=["shorter", "of the same size"])
def test_damage_is_noticed_and_a_second_put_mends_it(objects: ObjectFolder, damage: bytes) -> None:
    digest = objects.put(b"content")
    stored(objects, digest).write_bytes(damage)
    with pytest.raises(StoreError, match="damaged"):
        objects.get(digest)
    objects.put(b"content")
    assert objects.get(digest) == b"content"


def test_a_missing_object_is_an_error_with_a_fix(objects: ObjectFolder) -> None:
    with pytest.raises(StoreError, match="cannot be read") as raised:
        objects.get("0" * 64)
    assert raised.value.fix


def test_sweep_removes_what_a_dead_writer_left(objects: ObjectFolder) -> None:
    digest = objects.put(b"content")
    (objects.path / digest[:2] / "tmp-dead").write_bytes(b"cont")
    assert objects.sweep() == 1
    assert objects.sweep() == 0
    assert objects.get(digest) == b"content"


def test_a_full_disk_is_an_error_that_says_so_and_leaves_nothing(
    objects: ObjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    objects.put(b"before")
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="No space left") as raised:
        patch.setattr("autorec.store.objects.os.fsync", full)
        objects.put(b"content")
    assert "free some space" in raised.value.fix
    assert objects.sweep() == 0
    assert objects.get(objects.put(b"content")) == b"content"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write") as raised:
        ObjectFolder(tmp_path / "file" / "objects").put(b"content")
    assert raised.value.fix


def test_an_object_can_be_removed_and_put_again(tmp_path: Path) -> None:
    objects = ObjectFolder(tmp_path / "objects")
    digest = objects.put(b"weights")
    assert objects.holds(digest)
    objects.remove(digest)
    objects.remove(digest)
    assert not objects.holds(digest)
    with pytest.raises(StoreError, match="cannot be read"):
        objects.get(digest)
    objects.remove("../run.db")
    assert objects.put(b"weights") == digest
    assert objects.get(digest) == b"weights"
