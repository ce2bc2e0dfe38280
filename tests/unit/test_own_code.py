"""Code of one's own by import string: found or told what is missing, tried at the start, named in what it raises."""

import sys
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.candidate import Declined, Operator, Plan, Proposal
from autorec.domain.errors import IsolationError, RunError, UsageError
from autorec.domain.job import Outcome, OutcomeKind, Usage
from autorec.execution.own import Branded, prove
from autorec.judging.judges import open_judge
from autorec.schemas.config import load_config
from autorec.tasks.known_roles import role_of
from autorec.testing.conformance import a_desk
from autorec.testing.executors import ScriptedExecutor, fails
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story
from autorec.wiring import own_code
from autorec.wiring.own import own_metrics, read_again, read_own
from autorec.wiring.writers import Guarded, own_writers, writers

GOOD = "def half(hits, n_relevant, k):\n    return hits[:, :k].sum(axis=1) / 2\n"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module in the current folder; its name is new each time, as Python imports a name once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    written: list[str] = []

    def write(text: str) -> str:
        name = f"own_{abs(hash(str(tmp_path)))}_{len(written)}"
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


def test_a_module_of_the_current_folder_is_found(module):
    name = module(GOOD)
    assert own_code.load("metrics.half", f"{name}:half").__name__ == "half"


@pytest.mark.parametrize(
    ("text", "spec", "said", "fix"),
    [
        ("", "{}", "is no import string", "package.module:Name"),
        ("", "no_such_package.mine:Mine", "there is no module 'no_such_package'", "the folder that holds it"),
        ("", "{}.deeper:Mine", "there is no module '{}.deeper'", "the folder that holds it"),
        ("import not_installed_here", "{}:Mine", "imports 'not_installed_here', which is missing", "install it"),
        ("class Mine: ...", "{}:Mime", "has no 'Mime'", "did you mean {}:Mine?"),
        ("Mine = 3", "{}:Mine", "is a int; expected something to call", "a class or a function"),
        ("x = 1\nraise OSError('no disk')", "{}:Mine", r"raised OSError: no disk \(.*{}.py:2\)", "mend"),
        ("x = (", "{}:Mine", r"raised SyntaxError: .*{}.py:1\)", "mend"),
    ],
)
def test_what_cannot_be_had_is_told(module, text, spec, said, fix):
    name = module(text)
    with pytest.raises(UsageError, match=said.format(name)) as caught:
        own_code.load("proposers", spec.format(name))
    assert str(caught.value).startswith("proposers: ")
    assert fix.format(name) in caught.value.fix


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"proposers": ("polisy",)}, "'polisy' is no proposer"),
        ({"proposers": ("policy", "policy")}, "names one twice"),
        ({"proposers": ("llm",)}, "no language model is given"),
        ({"proposers": ("policy",), "llm": "openai/x"}, "does not name llm"),
    ],
)
def test_who_writes_is_checked(keys, said):
    with pytest.raises(UsageError, match=said):
        writers(load_config(keys))


def test_who_writes_by_default():
    assert writers(load_config({})) == ("policy",)
    assert writers(load_config({"llm": "openai/x"})) == ("llm", "policy")
    assert writers(load_config({"proposers": ("a.b:C", "policy")})) == ("a.b:C", "policy")


def test_a_class_of_another_shape_is_refused(module):
    name = module("class Mine:\n    def __init__(self): ...\n")
    with pytest.raises(UsageError, match=r"cannot be called with \(desk\)"):
        own_writers(load_config({"proposers": (f"{name}:Mine",)}))


class Proposes:
    def __init__(self, plan, answer):
        self._plan, self._answer = plan, answer

    def plan(self, state, seed):
        return self._plan

    def propose(self, plan, state):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


PLAN = Plan(operator=Operator.DRAFT, seed=1)


def guarded(plan=PLAN, answer=None) -> Guarded:
    return Guarded("my.mine:Mine", lambda desk: Proposes(plan, answer), a_desk(MemoryObjects()))


def test_what_a_proposer_of_ones_own_gives_is_checked():
    state = Story(MemoryObjects()).state()
    assert guarded(None).plan(state, 1) is None
    assert guarded().plan(state, 1).proposer == "my.mine:Mine"
    with pytest.raises(UsageError, match=r"my.mine:Mine\.plan gave a str; expected a Plan or None"):
        guarded("draft").plan(state, 1)
    with pytest.raises(UsageError, match="propose gave a dict; expected a Proposal or Declined"):
        guarded(answer={}).propose(PLAN, state)
    with pytest.raises(UsageError, match=r"my.mine:Mine raised ValueError: no luck \(.*test_own_code.py:"):
        guarded(answer=ValueError("no luck")).propose(PLAN, state)
    declined = guarded(answer=Proposal(files={"model.py": ""})).propose(PLAN, state)
    assert isinstance(declined, Declined)
    assert "train.py is missing" in declined.reason


def test_a_proposer_without_its_methods_is_refused():
    with pytest.raises(UsageError, match=r"has no method plan\(state, seed\)"):
        Guarded("my.mine:Mine", lambda desk: object(), a_desk(MemoryObjects()))


def test_an_executor_bears_its_own_name_and_is_not_believed():
    branded = Branded(ScriptedExecutor(lambda job: fails(OutcomeKind.CRASHED)), "own my.exec:Mine")
    with pytest.raises(IsolationError, match=r"own my.exec:Mine does not isolate.*network, host files"):
        prove(branded)
    outcome = Branded(Returns(Outcome(kind=OutcomeKind.CRASHED, reason="", usage=Usage(), tier="bwrap")), "own x")
    assert outcome.run(None, None).tier == "own x"
    with pytest.raises(UsageError, match="own x gave a NoneType for a job; expected an Outcome"):
        Branded(Returns(None), "own x").run(None, None)


class Returns:
    def __init__(self, value):
        self._value = value

    def run(self, job, observe):
        return self._value

    def close(self): ...


def test_a_metric_of_ones_own_may_be_an_objective():
    role = role_of(load_config({"metrics": {"mine": "a.b:c"}}))
    assert [o.name for o in role.objectives(("mine@10", "ndcg@10"))] == ["mine@10", "ndcg@10"]
    with pytest.raises(UsageError, match="'mine' is neither a metric"):
        role.objectives(("mine",))


@pytest.mark.parametrize(("name", "said"), [("ndcg", "already"), ("memory_bytes", "already"), ("A@1", "is no name")])
def test_its_name_is_its_own(name, said):
    with pytest.raises(UsageError, match=said):
        role_of(load_config({"metrics": {name: "a.b:c"}}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def half(hits): ...", r"cannot be called with \(hits, n_relevant, k\)"),
        ("def half(hits, n_relevant, k): return 1.0", r"gave float64 of the shape \(\).*expected finite numbers"),
        ("def half(hits, n_relevant, k): return hits[:, 0] / 0.0", "expected finite"),
        ("def half(hits, n_relevant, k):\n    hits[0] = True\n", r"raised ValueError: .*read-only.*py:2\)"),
        ("def half(hits, n_relevant, k):\n    return {}[k]\n", r"metrics.half: .* raised KeyError: 2 \(.*py:2\)"),
    ],
)
def test_a_metric_is_tried_at_the_start(module, text, said):
    name = module(text)
    with np.errstate(all="ignore"), pytest.raises(UsageError, match=said):
        open_judge("lists", {}, primary="half@5", cutoffs=(5,), own=own_metrics(metric(name)))


def test_a_role_whose_judge_takes_none_says_so(module):
    with pytest.raises(UsageError, match="answers of the kind probabilities are judged by built-in metrics only"):
        open_judge("probabilities", {}, primary="auc", cutoffs=(), own=own_metrics(metric(module(GOOD))))


def metric(name: str):
    return load_config({"metrics": {"half": f"{name}:half"}})


def test_a_metric_that_has_changed_ends_a_resumed_run(module, tmp_path):
    name = module(GOOD)
    kept = read_own(metric(name)).as_json()
    assert read_again(metric(name), kept)[1] == ()
    (tmp_path / f"{name}.py").write_text(GOOD + "# slower\n")
    with pytest.raises(RunError, match=r"metrics\.half: .* has changed since the run began"):
        read_again(metric(name), kept)


def test_templates_that_have_changed_are_said_and_those_of_the_beginning_are_used(tmp_path):
    (tmp_path / "draft.j2").write_text("one")
    config = load_config({"llm": "openai/x", "prompts": tmp_path})
    kept = read_own(config).as_json()
    assert read_again(config, kept)[1] == ()
    (tmp_path / "draft.j2").write_text("two")
    own, notes = read_again(config, kept)
    assert own.prompts is not None
    assert own.prompts.files == {"draft.j2": "one"}
    assert [note.startswith("prompts: the files in") for note in notes] == [True]
    (tmp_path / "draft.j2").unlink()
    assert read_again(config, kept) == (own, notes)


def test_prompts_without_a_language_model_are_refused(tmp_path):
    with pytest.raises(UsageError, match="prompts needs a language model"):
        read_own(load_config({"prompts": Path(tmp_path)}))
