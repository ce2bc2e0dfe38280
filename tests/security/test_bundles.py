"""What a job can see: permuted ids, and no label of the part that it is judged on, nor of any later one.

Every kind of job of every stage is handed to a scripted executor, and the two folders that it would see are read back.
"""

from pathlib import Path

import numpy as np
import pytest

from autorec.domain.candidate import Candidate
from autorec.domain.evaluation import Trained
from autorec.domain.job import HISTORY_OF, Job, JobKind, OutcomeKind, Part, Stage, Usage
from autorec.schemas.config import SearchConfig
from autorec.tasks.parts import rows_of
from autorec.testing.executors import ScriptedExecutor, fails
from autorec.testing.memory import MemoryObjects
from autorec.wiring.arena import open_arena
from autorec.wiring.own import read_own
from autorec.wiring.task import load_data, settle

SECRET = b"s" * 32
CANDIDATE = Candidate.of({"model.py": "x = 1\n", "train.py": "y = 1\n"})
ORDER = list(Part)
ROLES = ("retrieval", "ranking")


def jobs_of(role: str, folder: Path):
    """The material, and (job, the part that it answers for) of every training and prediction of a run."""
    config = settle(SearchConfig(role=role, baselines=()))
    material, executor = load_data(config), ScriptedExecutor(lambda job: fails(OutcomeKind.CRASHED))
    objects = MemoryObjects()
    arena = open_arena(
        config, material, executor=executor, objects=objects, secret=SECRET, folder=folder, training_s=1.0,
        own=read_own(config),
    )  # fmt: skip
    kept = Trained(
        candidate=CANDIDATE.id, stage=Stage.SEARCH, seed=1, outcome=OutcomeKind.COMPLETED, reason="", tier="",
        usage=Usage(), state=objects.put(b"state"),
    )  # fmt: skip
    asked = []
    for stage in Stage:
        arena.trainer.inner.train(CANDIDATE, stage, 1)
        asked.append(stage.checkpoint_part)
        arena.trainer.inner.predict(CANDIDATE, stage, kept)
        asked.append(stage.judged_on)
    return material, list(zip(executor.jobs, asked, strict=True))


@pytest.fixture(scope="module", params=ROLES)
def handed_over(request, tmp_path_factory):
    return request.param, *jobs_of(request.param, tmp_path_factory.mktemp("work"))


def test_every_stage_trains_and_predicts(handed_over):
    _, _, jobs = handed_over
    assert [job.kind for job, _ in jobs] == [JobKind.TRAIN, JobKind.PREDICT] * len(Stage)


def test_the_folders_hold_what_is_allowed_and_nothing_else(handed_over):
    role, _, jobs = handed_over
    for job, _ in jobs:
        names = {file.name for file in folders(job)}
        features = {name for name in names if name.startswith(("user_f", "item_f"))}
        log = {"indptr.npy", "users.npy", "items.npy", "timestamps.npy", "values.npy"}
        rows = {"numeric.npy", "categorical.npy", "labels.npy", "users.npy", "timestamps.npy"}
        assert names - features - {"meta.json"} <= (log if role == "retrieval" else rows)
        assert not any(file.is_symlink() for file in folders(job))


def test_no_judged_row_is_in_any_folder(handed_over):
    """Of logs, pairs are looked for by the permutation that only the trusted side can undo."""
    role, material, jobs = handed_over
    if role == "ranking":
        pytest.skip("rows of ranking are asked about with their features; see the labels below")
    permutation, log = material.permutation(SECRET), material.data
    for job, part in jobs:
        seen = pairs(Path(job.data_dir), log.n_items) | pairs(Path(job.query_dir), log.n_items)
        known = rows_of(material.split.part, *HISTORY_OF[part])
        later = rows_of(material.split.part, *ORDER[ORDER.index(part) :])
        keys = permutation.users[log.users].astype(np.int64) * log.n_items + permutation.items[log.items]
        assert seen == set(keys[known].tolist())
        judged = set(keys[later].tolist()) - set(keys[known].tolist())
        assert judged and not judged & seen


def test_labels_are_those_of_the_parts_that_are_learned_from(handed_over):
    role, material, jobs = handed_over
    if role == "retrieval":
        pytest.skip("the labels of retrieval are its rows; see above")
    for job, part in jobs:
        assert not (Path(job.query_dir) / "labels.npy").exists()
        labels = np.load(Path(job.data_dir) / "labels.npy")
        learned = [p for p in ORDER[: ORDER.index(part)] if p in (Part.TRAIN, Part.SELECT)]
        counts = [int(rows_of(material.split.part, *learned[:n]).sum()) for n in range(1, len(learned) + 1)]
        assert len(labels) in counts


def test_no_raw_id_or_name_is_in_any_folder(handed_over):
    role, material, jobs = handed_over
    if role == "retrieval":
        raw = [*material.data.user_ids[:50], *material.data.item_ids[:50], material.data.name]
        raw += [feature.name for feature in material.data.features]
    else:
        raw = [value for field in material.data.fields for value in field.values[:50] if len(value) > 4]
        raw += [field.name for field in (*material.data.fields, *material.data.numbers) if len(field.name) > 5]
    content = {file: file.read_bytes() for job, _ in jobs for file in folders(job)}
    told = b"".join(content[file] for file in content if file.name == "meta.json")
    for text in raw:
        assert f'"{text}"'.encode() not in told, text
    bodies = b"".join(content[file] for file in content if file.name != "meta.json")
    assert [text for text in raw if len(text) >= 6 and text.encode() in bodies] == []


def test_another_secret_gives_other_ids(tmp_path):
    material, jobs = jobs_of("retrieval", tmp_path)
    log, first, second = material.data, material.permutation(SECRET), material.permutation(b"t" * 32)
    assert (first.items == second.items).mean() < 0.05 and (first.users == second.users).mean() < 0.05
    assert (material.permutation(SECRET).items == first.items).all()
    counts = np.bincount(first.items[log.items], minlength=log.n_items)
    popular = np.bincount(log.items, minlength=log.n_items)
    assert abs(np.corrcoef(np.arange(log.n_items), counts)[0, 1]) < 0.2  # the order of ids says nothing of popularity
    assert (np.sort(counts) == np.sort(popular)).all()
    assert jobs


def folders(job: Job) -> list[Path]:
    return [file for folder in (job.data_dir, job.query_dir) for file in sorted(Path(folder).iterdir())]


def pairs(folder: Path, n_items: int) -> set[int]:
    users, items = np.load(folder / "users.npy"), np.load(folder / "items.npy")
    if len(users) != len(items):  # a query: `users` are those who are asked about
        users = np.repeat(np.arange(len(np.load(folder / "indptr.npy")) - 1), np.diff(np.load(folder / "indptr.npy")))
    return set((users.astype(np.int64) * n_items + items).tolist())
