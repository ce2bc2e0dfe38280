"""The conformance suites that are shipped: what keeps the contract passes, what breaks it is told why."""

import sys
from pathlib import Path

import numpy as np
import pytest

from autorec.domain.candidate import Operator, Plan, Proposal
from autorec.judging.lists import PER_USER
from autorec.selection.study import NsgaSelector
from autorec.testing.conformance import check_executor, check_list_metric, check_proposer, check_selector
from autorec.testing.executors import ScriptedExecutor
from autorec.testing.jobs import write_bundle
from autorec.testing.loop import BestFirst, NumberProposer
from autorec.testing.states import TASK
from tests.contract.test_executor import script

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(monkeypatch):
    """Import a module of an example, as a person's test in that folder would."""

    def load(folder: str, module: str):
        monkeypatch.syspath_prepend(str(EXAMPLES / folder))
        monkeypatch.delitem(sys.modules, module, raising=False)
        return __import__(module)

    return load


def test_the_proposer_of_the_examples_keeps_the_contract(example):
    check_proposer(example("own_proposer", "decay").DecayProposer)


def test_the_metric_of_the_examples_keeps_the_contract(example):
    check_list_metric(example("own_metric", "ranked").rbp)


@pytest.mark.parametrize("name", PER_USER)
def test_built_in_metrics_keep_it_too(name):
    check_list_metric(PER_USER[name])


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (lambda hits, n_relevant, k: hits[:, :k].mean(), "one value a user"),
        (lambda hits, n_relevant, k: 1 / hits[:, :k].sum(axis=1), "finite"),
        (lambda hits, n_relevant, k: hits.mean(axis=1), "beyond k"),
        (lambda hits, n_relevant, k: hits[:, :k].sum(axis=1) - np.arange(50), "alone"),
    ],
)
def test_a_metric_that_breaks_the_contract_is_told_how(metric, said):
    with np.errstate(divide="ignore"), pytest.raises(AssertionError, match=said):
        check_list_metric(metric)


class Forgetful:
    """A proposer that counts its calls instead of looking at the state."""

    calls = 0

    def __init__(self, desk):
        pass

    def plan(self, state, seed):
        Forgetful.calls += 1
        return Plan(proposer="x", operator=Operator.DRAFT, seed=seed, why=str(Forgetful.calls))

    def propose(self, plan, state):
        return Proposal(files={"model.py": "", "train.py": ""})


class Empty(Forgetful):
    """One whose files are no candidate."""

    def plan(self, state, seed):
        return Plan(proposer="x", operator=Operator.DRAFT, seed=seed)


@pytest.mark.parametrize(("proposer", "said"), [(Forgetful, "same plan"), (Empty, "is a candidate")])
def test_a_proposer_that_breaks_the_contract_is_told_how(proposer, said):
    with pytest.raises(AssertionError, match=said):
        check_proposer(proposer)


def test_selectors_keep_the_contract():
    check_selector(lambda: NsgaSelector(objectives=TASK.objectives, constraints=(), size=2))
    check_selector(lambda: BestFirst(2))


def test_the_scripted_executor_passes_the_suite_that_a_person_runs(tmp_path):
    check_executor(ScriptedExecutor(script), write_bundle(tmp_path))


def test_an_executor_that_hands_over_nothing_is_told_so(tmp_path):
    class Idle(ScriptedExecutor):
        def run(self, job, observe):
            return super().run(job, lambda snapshot: False)

    with pytest.raises(AssertionError, match="training time that grows"):
        check_executor(Idle(script), write_bundle(tmp_path))


def test_the_number_proposer_is_no_proposer_of_candidates():
    with pytest.raises(AssertionError, match="is a candidate"):
        check_proposer(lambda desk: NumberProposer())
