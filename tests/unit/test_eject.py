import pytest

from autorec.assets import assets
from autorec.cli.main import run


@pytest.mark.parametrize("what", ["prompts", "search_spaces"])
def test_all_files_are_written_as_they_are(what, tmp_path, capsys):
    assert run(["eject", what, str(tmp_path / "deep" / "mine")]) == 0
    shipped = sorted(file.relative_to(assets(what)) for file in assets(what).rglob("*") if file.is_file())
    for file in shipped:
        assert (tmp_path / "deep" / "mine" / file).read_bytes() == (assets(what) / file).read_bytes()
    said = capsys.readouterr().out
    assert f"{len(shipped)} files written" in said
    assert f"{tmp_path}/deep/mine" in said.split("autorec search")[1]


def test_nothing_is_written_over(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert run(["eject", "prompts", str(tmp_path / "mine")]) == 0
    (tmp_path / "mine" / "draft.j2").write_text("changed")
    assert run(["eject", "prompts", str(tmp_path / "mine")]) == 2
    said = capsys.readouterr().err
    assert "is not an empty folder" in said
    assert "fix: " in said
    assert (tmp_path / "mine" / "draft.j2").read_text() == "changed"


def test_a_file_in_the_way_is_told_and_nothing_is_left(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(["eject", "prompts", str(tmp_path / "file" / "mine")]) == 2
    assert "cannot write" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
