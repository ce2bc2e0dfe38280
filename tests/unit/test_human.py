"""People's folders: read once, at the door, with messages that help."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from autorec.domain.candidate import Operator
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Objective, Task
from autorec.domain.state import Ask, DeclinedAsk, Record, State
from autorec.proposers.human import HumanProposer, read_seed_code

TASK = Task(
    role="retrieval", data_name="d", data_digest="0", split_rule="given", split_digest="0",
    sizes={"users": 1, "items": 1, "interactions": 1}, objectives=(Objective(name="ndcg@10"),),
)  # fmt: skip
EMPTY = State(seq=0, task=TASK, seed=0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    seed = tmp_path / "mine"
    (seed / "layers").mkdir(parents=True)
    (seed / "model.py").write_text("def build(data, params): ...\n")
    (seed / "train.py").write_text("def fit(recommender, data, params, run): ...\n")
    (seed / "layers" / "gate.py").write_text("x = 'é'\n", encoding="utf-8")
    return seed


def test_reads_text_files_and_leaves_out_hidden_ones_and_caches(folder: Path):
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("secret")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "model.pyc").write_bytes(b"\xff\xfe")
    files = read_seed_code(folder)
    assert set(files) == {"model.py", "train.py", "layers/gate.py"}
    assert files["layers/gate.py"] == "x = 'é'\n"


def test_a_folder_is_proposed_once(folder: Path):
    proposer = HumanProposer({"mine": read_seed_code(folder), "other": {"model.py": "", "train.py": ""}})
    first = proposer.plan(EMPTY, 1)
    assert (first.operator, first.proposer) == (Operator.HUMAN, "human")
    assert proposer.propose(first, EMPTY).files == read_seed_code(folder)
    under_way = replace(EMPTY, asks=(Ask(number=0, plan=first, seen=0),))
    second = proposer.plan(under_way, 2)
    assert proposer.propose(second, under_way).files == {"model.py": "", "train.py": ""}
    record = Record(id="a", number=0, operator=Operator.HUMAN, proposer="human", design=first.design)
    declined = DeclinedAsk(number=1, plan=second, reason="a duplicate")
    assert proposer.plan(replace(EMPTY, records={"a": record}, declined=(declined,)), 3) is None


def link(folder: Path) -> None:
    (folder / "linked.py").symlink_to("/etc/passwd")


def linked_folder(folder: Path) -> None:
    (folder / "elsewhere").symlink_to("/etc")


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py")


def too_many(folder: Path) -> None:
    for number in range(20):
        (folder / f"part{number}.py").write_text("")


def too_large(folder: Path) -> None:
    (folder / "big.py").write_text("#" * 100_000)


def too_large_together(folder: Path) -> None:
    for number in range(5):
        (folder / f"part{number}.py").write_text("#" * 60_000)


def binary(folder: Path) -> None:
    (folder / "notes.txt").write_bytes(b"\xff\x00")


def weights(folder: Path) -> None:
    (folder / "weights.pt").write_bytes(b"abc")


def no_model(folder: Path) -> None:
    (folder / "model.py").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (link, "linked.py is a link or no regular file"),
        (linked_folder, "elsewhere is a link or no regular file"),
        (fifo, "pipe.py is a link or no regular file"),
        (too_many, "has too many files; expected at most 12"),
        (too_large, "big.py has 100,000 bytes; expected at most 65,536"),
        (too_large_together, "bytes in all"),
        (binary, "notes.txt is not UTF-8 text"),
        (weights, "weights.pt"),
        (no_model, "has no model.py"),
    ],
)
def test_what_cannot_be_a_candidate_is_refused(folder: Path, damage, message: str):
    damage(folder)
    with pytest.raises(UsageError) as raised:
        read_seed_code(folder)
    assert str(raised.value).startswith(f"{folder}: ")
    assert message in str(raised.value)
    assert raised.value.fix


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="is no folder"):
        read_seed_code(tmp_path / "nowhere")
