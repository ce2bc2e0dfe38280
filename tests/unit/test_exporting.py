"""The trusted side of an export: the folder, the code, the card, the choice of weights."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from exported import FILES
from hypothesis import given
from hypothesis import strategies as st

from autorec.assets import assets
from autorec.domain.candidate import Operator
from autorec.domain.errors import StoreError, UsageError
from autorec.domain.evaluation import CurvePoint, Direction, Evaluation, Objective, Task, Trained
from autorec.domain.events import RunStarted
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.state import Record, State
from autorec.exporting.card import Card, literal
from autorec.exporting.code import lay_out_code, requirements, served_roles
from autorec.exporting.folder import new_folder
from autorec.store.folder import RunFolder
from autorec.tasks.ranking.role import RANKING, Clicks
from autorec.tasks.retrieval import RETRIEVAL, Interactions
from autorec.tasks.roles import Portable, Role, Takeaway
from autorec.wiring.export import export_candidate, judged_checkpoint

TASK = Task(
    role="retrieval",
    data_name="<script>alert(1)</script>",
    data_digest="d" * 64,
    split_rule="loo",
    split_digest="s" * 64,
    sizes={"users": 10, "items": 20, "interactions": 100},
    objectives=(Objective(name="ndcg@10"),),
)


def trained(stage: Stage, state: str | None = "w", **changes: Any) -> Trained:
    evaluation = Evaluation(part=stage.judged_on, metrics={"ndcg@10": 0.25}, n_units=9)
    return replace(
        Trained(
            candidate="c" * 64,
            stage=stage,
            seed=7,
            outcome=OutcomeKind.COMPLETED,
            reason="finished",
            tier="bwrap",
            usage=Usage(training_s=3.0),
            evaluation=evaluation,
            predictions="p",
            state=state,
        ),
        **changes,
    )


def record(*finals: Trained, search: Trained | None = None, **changes: Any) -> Record:
    made = Record(id="c" * 64, number=1, operator=Operator.POLICY, proposer="policy", search=search, finals=finals)
    return replace(made, **changes)


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "a/b") as folder:
        (folder / "half").write_text("")
        raise KeyboardInterrupt
    assert list((tmp_path / "a").iterdir()) == []
    with new_folder(tmp_path / "a/b") as folder:
        assert not (tmp_path / "a/b").exists()
        (folder / "whole").write_text("")
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]
    assert (tmp_path / "a/b/whole").exists()
    assert (tmp_path / "a/b").stat().st_mode & 0o777 == 0o755


def test_a_folder_may_be_there_when_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with new_folder(tmp_path / "empty") as folder:
        (folder / "x").write_text("")
    assert (tmp_path / "empty/x").exists()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("")
    for name in ("file", "full"):
        with pytest.raises(UsageError, match="not an empty folder"), new_folder(tmp_path / name):
            pytest.fail("the block must not be entered")
    with pytest.raises(StoreError), new_folder(tmp_path / "file/below"):
        pytest.fail("the block must not be entered")


def lay_out(folder: Path, files: dict[str, str]) -> None:
    reckit = assets("sandbox") / "reckit"
    lay_out_code(
        folder, role="retrieval", files=files, templates=assets("export"), reckit=reckit, environment={"torch": "2"}
    )


def test_the_code_is_the_candidates_and_reckit_is_ours(tmp_path: Path) -> None:
    lay_out(tmp_path / "x", {**FILES, "deep/part.py": "A = 'ä'\n"})
    package = tmp_path / "x/recommender"
    for path, text in FILES.items():
        assert (package / path).read_bytes() == text.encode()
    assert (package / "deep/part.py").read_text(encoding="utf-8") == "A = 'ä'\n"
    for file in (assets("sandbox") / "reckit").glob("*.py"):
        assert (package / "reckit" / file.name).read_bytes() == file.read_bytes()
    assert not list(package.rglob("__pycache__"))


def test_the_licence_travels(tmp_path: Path) -> None:
    own = Path(__file__).resolve().parents[2] / "LICENSE"
    lay_out(tmp_path / "x", FILES)
    assert (tmp_path / "x/LICENSE").read_bytes() == own.read_bytes()


@pytest.mark.parametrize("path", ["__main__.py", "reckit/new.py", "runtime.py", "runtime/lists.py"])
def test_a_candidate_may_not_hide_what_is_ours(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError, match=re.escape(path)):
        lay_out(tmp_path / "x", {**FILES, path: ""})


def test_requirements_are_pinned_without_local_builds() -> None:
    text = requirements({"python": "3.11.7", "torch": "2.13.0+cpu", "numpy": "2.4.6", "machine": "x"})
    assert [line for line in text.splitlines() if not line.startswith("#")] == ["torch==2.13.0", "numpy==2.4.6"]


def test_a_role_with_code_for_its_exports_can_be_laid_out() -> None:
    assert served_roles(assets("export")) == ("ranking", "retrieval")
    assert issubclass(Interactions, Portable)
    assert issubclass(Clicks, Portable)


def test_the_last_stage_with_weights_is_kept() -> None:
    search, finalist, final = (trained(stage) for stage in Stage)
    assert record(finalist, final, search=search).kept is final
    assert record(finalist, replace(final, state=None), search=search).kept is finalist
    assert record(search=search).kept is search
    assert record(search=replace(search, evaluation=None)).kept is None
    assert record(search=replace(search, state=None, cached=True)).kept is None


def test_ties_were_broken_for_the_best_checkpoint() -> None:
    curve = tuple(CurvePoint(training_s=t, value=v, predict_s=0.1) for t, v in enumerate((0.1, 0.3, 0.3, 0.2)))
    upward, downward = Objective(name="ndcg@10"), Objective(name="gini@10", direction=Direction.MINIMIZE)
    assert judged_checkpoint(trained(Stage.SEARCH, curve=curve), upward) == 1
    assert judged_checkpoint(trained(Stage.SEARCH, curve=curve), downward) == 0
    assert judged_checkpoint(trained(Stage.FINAL, curve=curve), upward) == 0


REFUSED = {
    "not trained": (record(), {}, "was not trained: its turn has not come"),
    "not reached": (record(), {"search_ended": "out of time"}, "was not trained: the search ended before its turn"),
    "failed": (
        record(search=trained(Stage.SEARCH, evaluation=None, outcome=OutcomeKind.CRASHED, reason="ZeroDivisionError")),
        {},
        "crashed.*ZeroDivisionError",
    ),
    "recalled": (record(search=trained(Stage.SEARCH, state=None, cached=True)), {}, "cache of baselines"),
    "of another role": (record(search=trained(Stage.SEARCH)), {"task": replace(TASK, role="reranking")}, "reranking"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_exported_is_refused_with_why(tmp_path: Path, name: str) -> None:
    refused, changes, about = REFUSED[name]
    state = replace(State(seq=1, seed=0, task=TASK, records={refused.id: refused}), **changes)
    with pytest.raises(UsageError, match=about) as caught:
        export_candidate(RunFolder.create(tmp_path / "run"), state, refused, tmp_path / "x")
    assert caught.value.fix
    assert not (tmp_path / "x").exists()


def card(
    of: Record, takeaway: Takeaway = RETRIEVAL.takeaway, config: Mapping[str, Any] | None = None, **changes: Any
) -> str:
    state = State(seq=1, seed=0, task=TASK, records={of.id: of}, champion=of.id, test_opened=3, **changes)
    started = RunStarted(task=TASK, seed=0, version="1.2", config=config or {}, environment={"torch": "2.13.0"})
    kept = of.kept
    assert kept is not None
    return Card(
        state=state,
        started=started,
        record=of,
        kept=kept,
        protocol="full ranking over 20 items",
        shown=("ndcg@10", "mrr@10"),
        data=(("data", TASK.data_name), ("note", "7 duplicate rows dropped"), ("features", "genre|x")),
        use=takeaway.use,
        holds=takeaway.holds,
        unknown=takeaway.unknown,
        with_history=True,
    ).text()


def test_the_card_of_a_retraining_names_its_recording_and_not_where_that_lies() -> None:
    trained_all = record(*(trained(stage) for stage in (Stage.FINALIST, Stage.FINAL)), search=trained(Stage.SEARCH))
    text = card(trained_all, config={"llm": ["replay:/home/somebody/ta_pe"], "retrain": True})
    assert "that of the recording ta\\_pe." in text
    assert "home" not in text
    assert "recording" not in card(trained_all)


def test_the_card_says_what_was_measured_and_on_what() -> None:
    search, finalist, final = (trained(stage) for stage in Stage)
    text = card(record(finalist, final, search=search, hypothesis="[click](http://x)\n# Great"))
    for wanted in ("d" * 64, "s" * 64, "seed 7", "opened 3 times", "2.13.0", "7 duplicate rows dropped"):
        assert wanted in text
    assert text.count("| **this model** | 0.2500 |") == 3
    assert "<script" not in text
    assert not re.search(r"(?<!\\)\]\(http", text)
    assert "\n# Great" not in text


def test_the_card_of_what_only_the_search_saw_says_so() -> None:
    text = card(record(search=trained(Stage.SEARCH)))
    assert "judged on *select* alone" in text
    assert f"judged on {Part.SELECT}" in text


@pytest.mark.parametrize("role", [RETRIEVAL, RANKING])
def test_the_card_says_what_the_role_is_for_and_what_nobody_knows(role: Role) -> None:
    text = card(record(search=trained(Stage.SEARCH)), role.takeaway)
    assert role.takeaway.use in text
    assert role.takeaway.holds in text
    assert all(f"\n- {line}\n" in text for line in role.takeaway.unknown)


@given(st.text())
def test_strangers_text_stays_text(text: str) -> None:
    shown = literal(text)
    assert "\n" not in shown
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", shown)
    assert not re.search(r"(?<!\\)[`*_\[\]|~#]", shown.replace(r"\\", ""))
