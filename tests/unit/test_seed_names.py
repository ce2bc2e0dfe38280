"""People's candidates go by the names of their folders: a run, and its recording, need not tell where those lie."""

from autorec.schemas.config import SearchConfig
from autorec.wiring.seeds import read_seeds


def test_seeds_are_called_by_the_last_name_of_their_folder_each_by_another(tmp_path):
    folders = [tmp_path / "a/mine", tmp_path / "b/mine", tmp_path / "other"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        for name in ("model.py", "train.py"):
            (folder / name).write_text(f"NUMBER = {number}\n")
    seeds = read_seeds(SearchConfig(seed_code=(*folders, folders[0])))
    assert list(seeds) == ["mine", "mine (2)", "other"]
    assert [files["model.py"] for files in seeds.values()] == ["NUMBER = 0\n", "NUMBER = 1\n", "NUMBER = 2\n"]
