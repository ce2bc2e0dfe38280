"""The harness inside the sandbox: when it validates, when it stops, and what a job says and leaves behind."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

import harness
import runner
from contract import ContractError, Stop
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
