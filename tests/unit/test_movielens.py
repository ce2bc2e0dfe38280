"""The script that downloads and splits MovieLens, on a tiny archive made up here."""

import importlib.util
import io
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from autorec.tasks.readers import load
from autorec.tasks.splits import split

SCRIPT = Path(__file__).parents[2] / "examples" / "movielens.py"


@pytest.fixture(scope="module")
def movielens() -> ModuleType:
    spec = importlib.util.spec_from_file_location("movielens", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def archive() -> bytes:
    rows = [(u, i, 1 + i % 5, 100 - i + u) for i in range(1, 7) for u in (3, 1)] + [(2, 1, 5, 9), (2, 2, 5, 9)]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr("ml-100k/u.data", "".join("\t".join(map(str, row)) + "\n" for row in rows))
    return buffer.getvalue()


def test_split_and_read_again(movielens: ModuleType, tmp_path: Path) -> None:
    parts = movielens.leave_one_out(movielens.read_archive(archive()))
    assert parts["test"].tolist() == [[1, 1, 2, 100], [3, 1, 2, 102]]
    assert parts["valid"].tolist() == [[1, 2, 3, 99], [3, 2, 3, 101]]
    assert len(parts["train"]) == 10
    movielens.write_parts(parts, tmp_path / "loo")
    assert (tmp_path / "loo" / "train.csv").read_text().splitlines()[0] == "user,item,rating,timestamp"
    dataset = load(tmp_path / "loo")
    assert dataset.n_interactions == 14
    assert split(dataset).counts == {"train": 7, "select": 3, "confirm": 2, "test": 2}


def test_another_archive_is_refused(movielens: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ml.zip").write_bytes(archive())
    monkeypatch.setattr(sys, "argv", ["movielens.py", str(tmp_path), "--archive", str(tmp_path / "ml.zip")])
    with pytest.raises(SystemExit, match="not MovieLens 100K"):
        movielens.main()
