"""The harness inside the sandbox: when it validates, what it refuses, what it leaves untouched."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import answers
import harness
import runner
from contract import ContractError, Params, Stop, load_params
from tiny_bundle import cyclic_events, write_data, write_query


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Judge:
    """Stands for the trusted side: each validation costs `cost_s`; asks to stop at number `stop_at`."""

    def __init__(self, clock: Clock, cost_s: float = 0.0, stop_at: int | None = None) -> None:
        self.clock, self.cost_s, self.stop_at = clock, cost_s, stop_at
        self.validated: list[Any] = []

    def __call__(self, recommender: Any) -> bool:
        self.clock.now += self.cost_s
        self.validated.append(recommender)
        return len(self.validated) - 1 == self.stop_at


def make_run(judge: Judge, training_s: float = 60.0, validations: int = 20) -> Any:
    return harness.Run(validate=judge, training_s=training_s, validations=validations, seed=1, clock=judge.clock)


def train(run: Any, clock: Clock, step_s: float, steps: int) -> int:
    """Steps that were taken before the end."""
    for step in range(steps):
        clock.now += step_s
        try:
            run.checkpoint(f"model {step}")
        except Stop:
            return step + 1
    return steps


def test_at_most_twenty_validations_the_last_of_them_when_time_is_up() -> None:
    clock = Clock()
    judge = Judge(clock)
    run = make_run(judge)
    steps = train(run, clock, step_s=0.01, steps=100_000)
    run.finish("model")
    assert steps == pytest.approx(6000, abs=2)
    assert len(judge.validated) == 20
    assert judge.validated[-1] == f"model {steps - 1}"


def test_validating_costs_five_percent_at_most() -> None:
    clock = Clock()
    judge = Judge(clock, cost_s=0.5)
    run = make_run(judge)
    train(run, clock, step_s=0.05, steps=100_000)
    assert len(judge.validated) * judge.cost_s <= 0.05 * 60 + 1e-6
    assert len(judge.validated) >= 5


def test_time_spent_validating_is_not_training_time() -> None:
    clock = Clock()
    judge = Judge(clock, cost_s=3.0)
    run = make_run(judge, training_s=10.0)
    assert train(run, clock, step_s=1.0, steps=100) == 10
    assert run.seconds_left == 0.0


def test_the_last_offer_is_validated_after_fit_when_it_was_not_due() -> None:
    clock = Clock()
    judge = Judge(clock)
    run = make_run(judge)
    train(run, clock, step_s=0.0, steps=3)
    assert judge.validated == []
    run.finish("recommender")
    assert judge.validated == ["model 2"]


def test_a_fit_that_never_offers_is_validated_once_at_its_end() -> None:
    judge = Judge(Clock())
    make_run(judge).finish("recommender")
    assert judge.validated == ["recommender"]


def test_a_state_that_is_validated_already_is_not_validated_again() -> None:
    clock = Clock()
    judge = Judge(clock)
    run = make_run(judge)
    clock.now += 30
    run.checkpoint("model")
    run.finish("recommender")
    assert judge.validated == ["model"]


def test_a_stop_ends_fit_without_a_further_validation() -> None:
    clock = Clock()
    judge = Judge(clock, stop_at=1)
    run = make_run(judge)
    train(run, clock, step_s=1.0, steps=100)
    run.finish("recommender")
    assert len(judge.validated) == 2
    with pytest.raises(Stop):
        run.checkpoint("a candidate that swallowed the first Stop")
    assert len(judge.validated) == 2


def test_an_except_clause_for_exceptions_lets_stop_pass() -> None:
    assert not issubclass(Stop, Exception)


def test_log_prints_one_readable_line(capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Judge(Clock())).log(epoch=3, loss=0.123456789)
    assert capsys.readouterr().out == "[0.0 s] epoch=3 loss=0.123457\n"


@pytest.fixture
def history(tmp_path: Path) -> Any:
    import reckit

    events = cyclic_events(6, 10, 4)
    return reckit.open_history(write_query(tmp_path / "query", events, 6, [5, 0, 3]), 10)


def scorer(score: Callable[..., Any]) -> Any:
    return SimpleNamespace(score=score)


def top(recommender: Any, history: Any, k: int = 4, seed: int = 0) -> np.ndarray:
    return answers.top_k(recommender, history, k=k, generator=torch.Generator().manual_seed(seed))


def test_lists_are_in_the_order_of_the_query_best_first_without_seen_items(history: Any) -> None:
    lists = top(scorer(lambda h, users: torch.arange(10.0).expand(len(users), 10)), history, k=10)
    assert lists.dtype == np.int32
    assert lists.shape == (3, 10)
    seen = {u: {(u * 3 + step) % 10 for step in range(4)} for u in (5, 0, 3)}
    for row, user in zip(lists, (5, 0, 3), strict=True):
        expected = [item for item in range(9, -1, -1) if item not in seen[user]]
        assert row.tolist() == expected + [-1] * (10 - len(expected))


def test_ties_are_broken_at_random(history: Any) -> None:
    constant = scorer(lambda h, users: torch.zeros(len(users), 10))
    assert any(not np.array_equal(top(constant, history, seed=0), top(constant, history, seed=s)) for s in range(1, 5))


def test_a_state_larger_than_it_may_be_is_refused_by_name(tmp_path: Path) -> None:
    dense = SimpleNamespace(
        state_dict=lambda: {"bias": torch.zeros(3), "gram": torch.zeros(600, 600)}, load_state_dict=0
    )
    with pytest.raises(
        ContractError, match=r"may hold 1 MiB \(max_state_mb\); it holds 1.4 MiB, most of it in 'gram' \[600"
    ):
        answers.save_state(dense, tmp_path / "state", 1 << 20)
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda h, u: torch.full((len(u), 10), torch.nan), "NaN or infinite"),
        (lambda h, u: torch.full((len(u), 10), -torch.inf), "seen items are masked for you"),
        (lambda h, u: torch.zeros(len(u), 9), r"\[3, 9\]"),
        (lambda h, u: torch.zeros(len(u), 10, dtype=torch.int64), "must return floats"),
        (lambda h, u: [0.0], "it returned list"),
    ],
)
def test_scores_that_break_the_contract_are_refused(history: Any, score: Callable[..., Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        top(scorer(score), history)


def test_numpy_scores_are_taken(history: Any) -> None:
    assert top(scorer(lambda h, users: np.zeros((len(users), 10))), history).shape == (3, 4)


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (torch.zeros(3, 5, dtype=torch.int64), "shape"),
        (torch.zeros(3, 4), "integers"),
        (torch.full((3, 4), 10), "from 0 to 9"),
        (torch.full((3, 4), -2), "from 0 to 9"),
    ],
)
def test_recommended_lists_that_break_the_contract_are_refused(history: Any, lists: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        top(SimpleNamespace(recommend=lambda h, users, k: lists), history)


def test_a_recommender_that_answers_nothing_is_told_what_is_expected(history: Any) -> None:
    with pytest.raises(ContractError, match="score\\(history, users\\)"):
        top(SimpleNamespace(), history)


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = torch.nn.Embedding(10, 4)
        self.b = torch.nn.Linear(4, 10, bias=False)
        self.b.weight = self.a.weight
        self.frozen = torch.nn.Dropout(0.5).eval()
        self.modes: list[bool] = []

    def score(self, history: Any, users: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.training or torch.is_grad_enabled())
        return torch.rand(len(users), 10)


def test_validating_leaves_modes_and_random_generators_as_they_were(history: Any) -> None:
    net = Net().train()
    net.frozen.eval()
    torch.manual_seed(3)
    np.random.seed(3)
    expected = (torch.rand(1).item(), np.random.rand())
    torch.manual_seed(3)
    np.random.seed(3)
    top(net, history)
    assert (torch.rand(1).item(), np.random.rand()) == expected
    assert net.training
    assert not net.frozen.training
    assert net.modes == [False]


def test_state_of_tied_and_strided_tensors_survives_the_round_trip(tmp_path: Path) -> None:
    saved, loaded = Net(), Net()
    answers.save_state(saved, tmp_path / "state", 1 << 20)
    answers.load_state(loaded, (tmp_path / "state").read_bytes())
    assert torch.equal(saved.a.weight, loaded.a.weight)
    strided = SimpleNamespace(state_dict=lambda: {"x": torch.arange(6.0).view(2, 3).T}, load_state_dict=None)
    assert answers.state_of(strided)["x"].is_contiguous()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"n": 3}, "'n' is a int"),
        ({"s": torch.eye(3).to_sparse()}, "a sparse tensor"),
        ([torch.zeros(1)], "it returned list"),
    ],
)
def test_states_that_cannot_be_kept_are_refused(state: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        answers.state_of(SimpleNamespace(state_dict=lambda: state, load_state_dict=lambda s: None))


def write_params(folder: Path, text: str) -> Path:
    (folder / "params.json").write_text(text)
    return folder


def test_params_are_defaults_overridden_by_the_job_and_read_both_ways(tmp_path: Path) -> None:
    write_params(
        tmp_path,
        '{"lr": {"type": "float", "low": 1e-4, "high": 0.1, "log": true, "default": 0.01},'
        ' "layers": {"type": "int", "low": 1, "high": 4, "default": 2},'
        ' "loss": {"type": "choice", "choices": ["bpr", "bce"], "default": "bpr"}}',
    )
    params = load_params(tmp_path, {"layers": 3})
    assert (params.lr, params["layers"], params.loss) == (0.01, 3, "bpr")
    assert dict(params) == {"lr": 0.01, "layers": 3, "loss": "bpr"}
    with pytest.raises(AttributeError, match=r"'dropout' is not declared in params.json; declared: layers, loss, lr"):
        _ = params.dropout
    with pytest.raises(AttributeError, match="read-only"):
        params.lr = 1.0


def test_no_params_file_means_no_params(tmp_path: Path) -> None:
    assert dict(load_params(tmp_path, {})) == {}
    assert isinstance(load_params(tmp_path, {}), Params)


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("{", {}, "not JSON"),
        ("[]", {}, "must be an object"),
        ('{"lr": 0.1}', {}, "lr must look like"),
        ('{"lr": {"type": "real", "default": 0.1}}', {}, "float, int, bool, choice"),
        ('{"n": {"type": "int", "default": 2.5}}', {}, "declared as int"),
        ('{"n": {"type": "int", "default": true}}', {}, "declared as int"),
        ('{"c": {"type": "choice", "choices": ["a"], "default": "b"}}', {}, "must be one of"),
        ('{"n": {"type": "int", "default": 2}}', {"m": 1}, r"sets \['m'\]"),
    ],
)
def test_params_that_do_not_hold_together_are_refused(tmp_path: Path, text: str, overrides: Any, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        load_params(write_params(tmp_path, text), overrides)


class Wire:
    """The trusted side's end, in this process: acks at once and keeps what was handed over."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self.events: list[str] = []
        self.files: list[set[str]] = []

    def send(self, event: str, *, index: int = 0, descriptors: tuple[int, ...] = ()) -> None:
        self.events.append(event)

    def wait_for_ack(self, index: int) -> bool:
        self.files.append({file.name for file in self.output.iterdir()})
        return False


CANDIDATE = {
    "model.py": (
        "import torch\n"
        "class Pop(torch.nn.Module):\n"
        "    def __init__(self, n):\n"
        "        super().__init__()\n"
        "        self.register_buffer('counts', torch.zeros(n))\n"
        "    def score(self, history, users):\n"
        "        return self.counts.expand(len(users), -1)\n"
        "def build(data, params):\n"
        "    return Pop(data.n_items)\n"
    ),
    "train.py": (
        "def fit(recommender, data, params, run):\n"
        "    recommender.counts += data.item_counts\n"
        "    run.checkpoint(recommender)\n"
    ),
}


@pytest.fixture
def given(tmp_path: Path) -> Any:
    events = cyclic_events(6, 10, 4)
    return harness.Given.open(
        write_data(tmp_path / "data", events, 6, 10), write_query(tmp_path / "query", events, 6, range(6))
    )


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = harness.Folders(
        candidate=tmp_path / "candidate",
        output=tmp_path / "out",
    )
    for folder in (made.candidate, made.output):
        folder.mkdir()
    for name, text in CANDIDATE.items():
        (made.candidate / name).write_text(text)
    monkeypatch.syspath_prepend(str(made.candidate))
    for name in ("model", "train"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield made
    for name in ("model", "train"):
        sys.modules.pop(name, None)


JOB = {
    "kind": "train",
    "seed": 5,
    "threads": 1,
    "training_s": 10.0,
    "validations": 20,
    "device": "cpu",
    "state_bytes": 1 << 20,
}


def test_a_training_says_what_it_does_and_leaves_nothing_behind(folders: Any, given: Any) -> None:
    wire = Wire(folders.output)
    harness.run_job({**JOB, "params": {}}, given, state=None, control=wire, folders=folders)
    assert wire.events == ["started", "predicting", "predicted", "checkpoint", "finished"]
    assert wire.files == [{"0.answer.npy", "0.state.safetensors"}]
    assert list(folders.output.iterdir()) == []


def test_a_predict_job_loads_the_kept_state_and_writes_lists_only(folders: Any, given: Any) -> None:
    import safetensors.torch

    kept = safetensors.torch.save({"counts": torch.arange(10.0)})
    wire = Wire(folders.output)
    harness.run_job({**JOB, "kind": "predict", "params": {}}, given, state=kept, control=wire, folders=folders)
    assert wire.events == ["started", "predicting", "predicted", "checkpoint", "finished"]
    assert wire.files == [{"0.answer.npy"}]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("model.py", "def make(data, params): ...\n", r"model.py must define build\(data, params\).*it defines make"),
        ("train.py", "x = 1\n", r"train.py must define fit"),
        ("model.py", "def build(data, params): ...\n", "must return a recommender; it returned None"),
    ],
)
def test_missing_entry_points_are_named(folders: Any, given: Any, file: str, text: str, message: str) -> None:
    (folders.candidate / file).write_text(text)
    with pytest.raises(ContractError, match=message):
        harness.run_job({**JOB, "params": {}}, given, state=None, control=Wire(folders.output), folders=folders)


def test_tracebacks_show_the_candidate_only(folders: Any, given: Any) -> None:
    (folders.candidate / "train.py").write_text(
        "import torch\ndef fit(recommender, data, params, run):\n    torch.zeros(2) @ torch.zeros(3)\n"
    )
    with pytest.raises(RuntimeError) as caught:
        harness.run_job({**JOB, "params": {}}, given, state=None, control=Wire(folders.output), folders=folders)
    shown = runner.readable_traceback(caught.value, folders.candidate)
    assert 'File "train.py", line 3, in fit' in shown
    assert "harness.py" not in shown
    assert shown.splitlines()[-1].startswith("RuntimeError")
