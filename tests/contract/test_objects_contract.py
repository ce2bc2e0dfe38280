"""Every store of objects keeps the same contract."""

from pathlib import Path

from autorec.store.objects import ObjectFolder
from autorec.testing.conformance import check_objects
from autorec.testing.memory import MemoryObjects


def test_a_folder(tmp_path: Path) -> None:
    check_objects(ObjectFolder(tmp_path / "objects"))


def test_memory() -> None:
    check_objects(MemoryObjects())
