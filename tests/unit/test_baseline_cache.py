"""Baselines kept across runs: what is recalled, what counts as missing, and a disk that does not play along."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from autorec.domain.candidate import Candidate
from autorec.domain.errors import StoreError
from autorec.domain.evaluation import Evaluation, Trained
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.store.baselines import BaselineCache
from autorec.store.objects import ObjectFolder
from autorec.testing.diagnoses import made_up
from autorec.testing.memory import MemoryObjects

BASELINE = Candidate.of({"model.py": "x = 1\n", "train.py": "x = 1\n", "params.json": "{}"})
SEED = 3


@dataclass
class Counting:
    """A trainer that writes down what it is asked."""

    objects: MemoryObjects
    asked: list[str] = field(default_factory=list)

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        self.asked.append("train")
        return Trained(
            candidate=candidate.id,
            stage=stage,
            seed=seed,
            outcome=OutcomeKind.COMPLETED,
            reason="",
            tier="bwrap",
            usage=Usage(wall_s=1.0),
            evaluation=Evaluation(part=Part.SELECT, metrics={"ndcg@10": 0.1}, n_units=3, fingerprint=(1, 2)),
            predictions=self.objects.put(b"predictions"),
            per_unit=self.objects.put(b"per unit"),
            state=self.objects.put(b"weights"),
            diagnosis=made_up() if stage is Stage.SEARCH else None,
        )

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        self.asked.append("predict")
        return replace(kept, stage=stage)


def cache(home: Path) -> BaselineCache:
    """The cache as a new run opens it."""
    objects = MemoryObjects()
    return BaselineCache(
        inner=Counting(objects),
        baselines=frozenset({BASELINE.id}),
        folder=home / "baselines",
        kept=ObjectFolder(home / "objects"),
        objects=objects,
        context={"data": "d"},
    )


def train(cache: BaselineCache) -> tuple[Trained, list[str]]:
    """One training through the cache, judged on confirm too, and what the trainer behind it was asked."""
    before = len(cache.inner.asked)
    trained = cache.train(BASELINE, Stage.SEARCH, SEED)
    cache.predict(BASELINE, Stage.FINALIST, trained)
    return trained, cache.inner.asked[before:]


def test_a_baseline_is_trained_once_and_recalled_by_the_next_run(tmp_path: Path) -> None:
    first, asked = train(cache(tmp_path))
    assert (first.cached, asked) == (False, ["train", "predict"])
    later = cache(tmp_path)
    again, asked = train(later)
    assert (again.cached, again.state, asked) == (True, None, [])
    assert later.objects.get(again.predictions) == b"predictions"
    assert again.evaluation == first.evaluation
    assert again.diagnosis == first.diagnosis == made_up()


def lose(file: Path) -> None:
    file.unlink()


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:3])


def garble(file: Path) -> None:
    file.write_bytes(b"?" * file.stat().st_size)


@pytest.mark.parametrize("harm", [lose, cut, garble])
@pytest.mark.parametrize("folder", ["objects", "baselines"])
def test_what_is_damaged_counts_as_missing_and_is_kept_again(
    tmp_path: Path, harm: Callable[[Path], None], folder: str
) -> None:
    train(cache(tmp_path))
    for file in [path for path in (tmp_path / folder).rglob("*") if path.is_file()]:
        harm(file)
    assert train(cache(tmp_path))[1][0] == "train"
    assert train(cache(tmp_path))[1] == []


def test_a_training_that_was_never_judged_on_confirm_is_not_recalled(tmp_path: Path) -> None:
    """Its run broke off before the finals; recalled, it would be trained there, where no budget has time for it."""
    cache(tmp_path).train(BASELINE, Stage.SEARCH, SEED)
    assert train(cache(tmp_path))[1] == ["train", "predict"]


def test_a_recalled_baseline_whose_judgement_got_lost_since_is_trained_again(tmp_path: Path) -> None:
    train(cache(tmp_path))
    later = cache(tmp_path)
    kept = later.train(BASELINE, Stage.SEARCH, SEED)
    later._file(BASELINE.id, Stage.FINALIST, SEED).unlink()
    assert later.predict(BASELINE, Stage.FINALIST, kept).stage is Stage.FINALIST
    assert later.inner.asked == ["train"]


def test_a_home_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(StoreError, match=r"cache of baselines at .* cannot be written") as raised:
        cache(tmp_path / "home")
    assert "AUTOREC_HOME" in raised.value.fix


def test_a_cache_that_cannot_be_written_is_explained_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    opened = cache(tmp_path)
    opened._file(BASELINE.id, Stage.SEARCH, SEED).mkdir()
    with pytest.raises(StoreError, match="cannot be written: Is a directory"):
        train(opened)
    assert [path for path in opened.folder.iterdir() if path.is_file()] == []
