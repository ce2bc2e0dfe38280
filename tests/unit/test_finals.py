"""The end of a run: what its evidence rests on, and what is not compared."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from io import BytesIO

import numpy as np
import pytest

from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.control import Control, within
from autorec.domain.evaluation import Evaluation, Trained
from autorec.domain.events import Admitted, FinalistsChosen, Finished, RunStarted, SearchEnded, Started
from autorec.domain.job import NO_ISOLATION, OutcomeKind, Stage, Usage
from autorec.domain.resolution import LEAST_UNITS, Resolution, evidence_line, resolve
from autorec.domain.state import State
from autorec.finals import UNISOLATED, Finals, Probe
from autorec.journal import Journal
from autorec.judging.evidence import compare
from autorec.search import enter_baseline
from autorec.testing.loop import TASK, MemoryEvents, OneAtATime, falls_to_chance
from autorec.testing.memory import MemoryObjects

CHAMPION = Candidate.of({"model.py": "# champion\n"})
NAMES = {Candidate.of({"model.py": f"# {name}\n"}).id: name for name in ("champion", "pop", "ease")}
MEANS = {"champion": 0.5, "pop": 0.3, "ease": 0.4}


class Judged:
    """Trains at once; every unit of a candidate is worth the same. `units`: how many there are, by name."""

    def __init__(self, objects: MemoryObjects, units: dict[str, int], tiers: Mapping[Stage, str]) -> None:
        self._objects = objects
        self._units = units
        self._tiers = tiers

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        mean, n_units = MEANS[NAMES[candidate.id]], self._units[NAMES[candidate.id]]
        buffer = BytesIO()
        np.save(buffer, np.full(n_units, mean, dtype=np.float32))
        return Trained(
            candidate=candidate.id, stage=stage, seed=seed, outcome=OutcomeKind.COMPLETED, reason="",
            tier=self._tiers.get(stage, "instant"),
            usage=Usage(), predictions=self._objects.put(b"answers"),
            per_unit=self._objects.put(buffer.getvalue()), state=self._objects.put(b"state"),
            evaluation=Evaluation(part=stage.judged_on, metrics={"ndcg@10": mean}, n_units=n_units),
        )  # fmt: skip

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        return self.train(candidate, stage, kept.seed)


def finished(at_chance: Probe = falls_to_chance, tiers: Mapping[Stage, str] | None = None, **units: int) -> State:
    """A run of one finalist and two baselines, from the end of its search to its own, in these tiers by stage."""
    objects, journal = MemoryObjects(), Journal(MemoryEvents())
    trainer = Judged(objects, units, tiers or {})
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    for name in ("pop", "ease"):
        plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0)
        baseline = Candidate.of({"model.py": f"# {name}\n"})
        enter_baseline(journal, objects, name, baseline, plan)
    plan = Plan(proposer="human", operator=Operator.HUMAN, seed=0)
    journal.record(Admitted(candidate=objects.put(CHAMPION.to_bytes()), plan=plan))
    for candidate in journal.state.records:
        source = Candidate.from_bytes(objects.get(candidate))
        journal.record(Started(candidate=candidate, stage=Stage.SEARCH, seed=1))
        journal.record(Finished(trained=trainer.train(source, Stage.SEARCH, 1)))
    journal.record(SearchEnded(reason="done"))
    journal.record(FinalistsChosen(candidates=(CHAMPION.id,)))
    Finals(
        journal=journal,
        objects=objects,
        trainer=trainer,
        crew=OneAtATime(),
        workers=1,
        finalists=1,
        time_left_s=lambda: float("inf"),
        open_test=lambda: 1,
        settle=lambda: None,
        compare=partial(compare, seed=1),
        at_chance=at_chance,
    ).run()
    return journal.state


def test_a_baseline_of_other_units_is_named_and_ends_no_run():
    state = finished(champion=40, pop=40, ease=39)
    assert state.ended == "done"
    assert state.evidence is not None
    assert (state.evidence.against, state.evidence.missing, state.evidence.verified) == ("pop", ("ease",), False)
    assert resolve(state.evidence, TASK.primary) is Resolution.BETTER
    assert "judged on other units: ease." in evidence_line(state)


def test_with_nothing_of_the_same_units_there_is_no_evidence():
    state = finished(champion=40, pop=39, ease=39)
    assert (state.ended, state.evidence) == ("done", None)


@pytest.mark.parametrize(
    "tiers",
    [dict.fromkeys(Stage, NO_ISOLATION), {Stage.SEARCH: NO_ISOLATION}, {Stage.FINALIST: NO_ISOLATION}],
    ids=["everywhere", "in the search alone", "in the finals alone"],
)
def test_what_ran_without_a_sandbox_is_no_champion_and_opens_no_test(tiers):
    state = finished(tiers=tiers, champion=40, pop=40, ease=40)
    assert state.champion is None
    assert state.evidence is None
    assert state.test_opened is None
    assert state.ended == state.champion_reason == UNISOLATED
    assert NO_ISOLATION in state.tiers


@pytest.mark.parametrize("n_units", [1, 2, LEAST_UNITS - 1, LEAST_UNITS])
def test_few_units_verify_nothing(n_units):
    state = finished(champion=n_units, pop=n_units, ease=n_units)
    enough = n_units >= LEAST_UNITS
    assert state.evidence is not None
    assert (state.evidence.n_units, state.evidence.verified) == (n_units, enough)
    expected = Resolution.VERIFIED if enough else Resolution.UNRESOLVED
    assert resolve(state.evidence, TASK.primary) is expected
    assert evidence_line(state).startswith(expected)
    assert ("fewer than 20 tell nothing apart" in evidence_line(state)) is not enough


def too_good(predictions: bytes, candidate: str) -> Control:
    """The champion's answers are worth as much as before when its labels are drawn at random."""
    assert predictions == b"answers"
    return replace(within("drawn labels", "ndcg@10", 0.5, 0.0, 0.01, "chance is 0"), of=candidate)


def test_a_champion_that_does_not_fall_to_chance_is_not_verified_and_the_reason_is_said():
    alike = {"champion": 40, "pop": 40, "ease": 40}
    assert finished(**alike).evidence.verified
    state = finished(at_chance=too_good, **alike)
    assert state.control_of(CHAMPION.id).value == 0.5
    assert not state.evidence.verified
    assert resolve(state.evidence, TASK.primary) is Resolution.BETTER
    assert "Not at chance where it must be: drawn labels: ndcg@10 0.5, expected 0 to 0.01" in evidence_line(state)
