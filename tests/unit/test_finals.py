"""The end of a run: what its evidence rests on, and what is not compared."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from io import BytesIO

import numpy as np
import pytest

from autorec.domain.budget import END_S
from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.control import Control, within
from autorec.domain.evaluation import Evaluation, Trained
from autorec.domain.events import Admitted, FinalistsChosen, Finished, RunStarted, SearchEnded, Started
from autorec.domain.job import NO_ISOLATION, OutcomeKind, Stage, Usage
from autorec.domain.resolution import LEAST_UNITS, Resolution, evidence_line, nothing_valid, resolve, unconfirmed_line
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


OVERHEAD_S = 4.0
"""What a job takes here besides training."""
AMPLE_S = 1e6


class Judged:
    """Trains at once, and takes so many seconds off the time that is left: `seconds` of training, by name, and jobs.

    Every unit of a candidate is worth the same. `units`: how many there are, by name.
    """

    def __init__(
        self,
        objects: MemoryObjects,
        units: dict[str, int],
        tiers: Mapping[Stage, str],
        seconds: Mapping[str, float],
    ) -> None:
        self._objects = objects
        self._units = units
        self._tiers = tiers
        self._seconds = seconds
        self.left_s, self.slowness = AMPLE_S, 1.0
        self.trained: list[tuple[str, Stage]] = []

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        jobs = 1 if stage is Stage.SEARCH else 2
        self.trained.append((NAMES[candidate.id], stage))
        took_s = self.slowness * (self._seconds.get(NAMES[candidate.id], 0.0) + jobs * OVERHEAD_S)
        return self._result(candidate, stage, seed, took_s)

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        return self._result(candidate, stage, kept.seed, self.slowness * OVERHEAD_S)

    def _result(self, candidate: Candidate, stage: Stage, seed: int, took_s: float) -> Trained:
        self.left_s -= took_s
        training_s = self._seconds.get(NAMES[candidate.id], 0.0)
        mean, n_units = MEANS[NAMES[candidate.id]], self._units[NAMES[candidate.id]]
        buffer = BytesIO()
        np.save(buffer, np.full(n_units, mean, dtype=np.float32))
        return Trained(
            candidate=candidate.id, stage=stage, seed=seed, outcome=OutcomeKind.COMPLETED, reason="",
            tier=self._tiers.get(stage, "instant"),
            usage=Usage(training_s=training_s), took_s=took_s,
            predictions=self._objects.put(b"answers"),
            per_unit=self._objects.put(buffer.getvalue()), state=self._objects.put(b"state"),
            evaluation=Evaluation(part=stage.judged_on, metrics={"ndcg@10": mean}, n_units=n_units),
        )  # fmt: skip


def finished(
    at_chance: Probe = falls_to_chance,
    tiers: Mapping[Stage, str] | None = None,
    time_left_s: float = AMPLE_S,
    seconds: Mapping[str, float] | None = None,
    unlike: Mapping[str, str] | None = None,
    **units: int,
) -> State:
    """A run of one finalist and two baselines, from the end of its search to its own, in these tiers by stage."""
    return played(at_chance, tiers, time_left_s, seconds, unlike=unlike, **units)[0]


def played(
    at_chance: Probe = falls_to_chance,
    tiers: Mapping[Stage, str] | None = None,
    time_left_s: float = AMPLE_S,
    seconds: Mapping[str, float] | None = None,
    slowness: float = 1.0,
    unlike: Mapping[str, str] | None = None,
    **units: int,
) -> tuple[State, Judged]:
    """The same, with the trainer at its end."""
    objects, journal = MemoryObjects(), Journal(MemoryEvents())
    trainer = Judged(objects, units, tiers or {}, seconds or {})
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
    trainer.left_s, trainer.slowness = time_left_s, slowness
    trainer.trained.clear()
    Finals(
        journal=journal,
        objects=objects,
        trainer=trainer,
        crew=OneAtATime(),
        workers=1,
        finalists=1,
        time_left_s=lambda: trainer.left_s,
        open_test=lambda: 1,
        settle=lambda: None,
        compare=partial(compare, seed=1),
        at_chance=at_chance,
        unlike=unlike or {},
    ).run()
    return journal.state, trainer


def test_a_baseline_of_other_units_is_named_and_ends_no_run():
    state = finished(champion=40, pop=40, ease=39)
    assert state.ended == "done"
    assert state.evidence is not None
    assert (state.evidence.against, list(state.evidence.missing), state.evidence.verified) == ("pop", ["ease"], False)
    assert resolve(state.evidence, TASK.primary) is Resolution.BETTER
    assert "Not verified, since not compared alike: ease (judged on other units: 39, the champion on 40)." in (
        evidence_line(state)
    )


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


def too_good(predictions: str, candidate: str) -> Control:
    """The champion's answers are worth as much as before when its labels are drawn at random."""
    assert predictions == MemoryObjects().put(b"answers")
    return replace(within("drawn labels", "ndcg@10", 0.5, 0.0, 0.01, "chance is 0"), of=candidate)


def test_a_champion_that_does_not_fall_to_chance_is_not_verified_and_the_reason_is_said():
    alike = {"champion": 40, "pop": 40, "ease": 40}
    assert finished(**alike).evidence.verified
    state = finished(at_chance=too_good, **alike)
    assert state.control_of(CHAMPION.id).value == 0.5
    assert not state.evidence.verified
    assert resolve(state.evidence, TASK.primary) is Resolution.BETTER
    assert "since not at chance where it must be: drawn labels: ndcg@10 0.5, expected 0 to 0.01" in evidence_line(state)


def test_nothing_is_verified_against_baselines_that_are_not_what_their_names_say():
    state = finished(unlike={"ease": "its sources are others"}, **ALIKE)
    assert not state.evidence.verified
    assert resolve(state.evidence, TASK.primary) is Resolution.BETTER
    assert "not compared alike: ease (its sources are others)" in evidence_line(state)


ALIKE = {"champion": 40, "pop": 40, "ease": 40}
SLOW_EASE = {"champion": 10.0, "pop": 0.1, "ease": 30.0}
FINAL_S = (10 + 2 * OVERHEAD_S) + (0.1 + 2 * OVERHEAD_S) + (30 + 2 * OVERHEAD_S)
"""Seconds to train all three again for the test, one at a time."""


def again(trainer: Judged, stage: Stage) -> list[str]:
    return [name for name, of in trainer.trained if of is stage]


def test_with_time_enough_all_are_trained_again_the_longest_first():
    state, trainer = played(seconds=SLOW_EASE, **ALIKE)
    assert again(trainer, Stage.FINALIST) == ["champion"]
    assert again(trainer, Stage.FINAL) == ["ease", "champion", "pop"]
    assert state.evidence.verified
    assert all(record.final(Stage.FINALIST) for record in state.baselines)
    assert unconfirmed_line(state) is None


def test_the_final_stage_comes_before_finalists_on_fresh_seeds():
    """What is verified is decided there: finalists are judged from kept states, baselines on *confirm* not at all."""
    state, trainer = played(seconds=SLOW_EASE, time_left_s=FINAL_S + OVERHEAD_S + END_S + 1, **ALIKE)
    assert again(trainer, Stage.FINALIST) == []
    assert again(trainer, Stage.FINAL) == ["ease", "champion", "pop"]
    assert state.evidence.verified
    assert state.evidence.missing == {}
    assert not any(record.final(Stage.FINALIST) for record in state.baselines)
    assert unconfirmed_line(state) == "Not judged on confirm, since the time was needed for the test: pop, ease"
    assert trainer.left_s > 0


def test_baselines_are_judged_on_confirm_with_the_time_that_the_test_leaves():
    state, trainer = played(seconds=SLOW_EASE, time_left_s=FINAL_S - 10, **ALIKE)
    assert set(state.evidence.missing) == {"ease"}
    assert [record.name for record in state.baselines if record.final(Stage.FINALIST)] == ["pop", "ease"]
    assert all(record.kept.stage is Stage.FINAL for record in state.records.values())
    assert trainer.left_s > 0


def test_where_time_is_short_what_is_slow_is_what_is_skipped_and_the_line_says_why():
    state, trainer = played(seconds=SLOW_EASE, time_left_s=FINAL_S, **ALIKE)
    assert again(trainer, Stage.FINAL) == ["champion", "pop"]
    assert trainer.left_s > 0
    assert state.evidence.missing == {"ease": "no time to train again; judged from the kept state"}
    assert resolve(state.evidence, TASK.primary) is Resolution.BETTER
    said = "Not verified, since not compared alike: ease (no time to train again; judged from the kept state)."
    assert said in evidence_line(state)


def test_finals_that_take_longer_than_the_search_let_expect_are_planned_by_what_they_take():
    state, trainer = played(seconds=SLOW_EASE, time_left_s=2 * FINAL_S, slowness=2.0, **ALIKE)
    assert again(trainer, Stage.FINALIST) == ["champion"]  # nothing is known of it yet
    assert again(trainer, Stage.FINAL) == ["champion", "pop"]
    assert trainer.left_s > 0
    assert set(state.evidence.missing) == {"ease"}


def test_with_hardly_any_time_what_is_quick_is_trained_again_all_the_same():
    state, trainer = played(seconds=SLOW_EASE, time_left_s=OVERHEAD_S + END_S + 1, **ALIKE)
    assert again(trainer, Stage.FINAL) == []  # the finalist's judging used what there was
    state, trainer = played(seconds={**SLOW_EASE, "champion": 0.5}, time_left_s=OVERHEAD_S + END_S + 1, **ALIKE)
    assert again(trainer, Stage.FINAL) == ["champion"]
    assert set(state.evidence.missing) == {"pop", "ease"}


def test_a_run_that_found_nothing_says_why():
    journal = Journal(MemoryEvents())
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    journal.record(SearchEnded(reason="out of time"))
    assert nothing_valid(journal.state) == (
        "nothing valid was found: no candidate was trained; the search ended: out of time"
    )
