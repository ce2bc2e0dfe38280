"""Survivors: the best stay, for a reason that is written down."""

import itertools

import pytest
from selection_states import NDCG, record, state

from autorec.domain.candidate import Operator
from autorec.domain.evaluation import Constraint, Direction, Objective
from autorec.domain.likeness import similarity, twin_of
from autorec.domain.state import Record, State
from autorec.selection.study import NsgaSelector, values_of

FASTER = Objective(name="predict_s", direction=Direction.MINIMIZE)


def selected(
    picture: State, size: int, *, objectives: tuple[Objective, ...] = (NDCG,), constraints: tuple[Constraint, ...] = ()
) -> tuple[dict[str, str], list[str]]:
    selector = NsgaSelector(objectives=objectives, constraints=constraints, size=size)
    reasons, survivors = selector.select(picture)
    return reasons, [survivor.id for survivor in survivors]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_with_one_objective_the_best_by_value_survive_best_first(size: int) -> None:
    decided = [record(name, value) for name, value in [("a", 0.1), ("b", 0.3), ("c", 0.2), ("d", 0.05)]]
    reasons, survivors = selected(state(decided), size)
    assert survivors == ["b", "c", "a"][:size]
    assert reasons["b"] == "kept: rank 1, ndcg@10 0.3"
    assert reasons["d"] == "dropped: dominated by b; rank 4, ndcg@10 0.05"


def test_survivors_of_the_last_generation_compete_with_what_came_since() -> None:
    reasons, survivors = selected(state([record("new", 0.2)], survivors=[record("old", 0.3), record("older", 0.1)]), 2)
    assert survivors == ["old", "new"]
    assert reasons.keys() == {"old", "older", "new"}


def test_failures_and_baselines_never_survive() -> None:
    baseline = record("base", 0.9, operator=Operator.BASELINE)
    reasons, survivors = selected(state([record("a", 0.1), record("broken", None), baseline]), 5)
    assert survivors == ["a"]
    assert reasons["broken"] == "failed: crashed"
    assert "base" not in reasons


def test_nothing_valid_gives_no_survivors() -> None:
    assert selected(state([record("broken", None)]), 3) == ({"broken": "failed: crashed"}, [])
    assert selected(state([]), 3) == ({}, [])


def test_a_candidate_over_a_limit_never_survives_however_good() -> None:
    decided = [record("slow", 0.9, predict_s=3.1), record("quick", 0.1, predict_s=2.0)]
    reasons, survivors = selected(state(decided), 2, constraints=(Constraint(name="predict_s", limit=2.0),))
    assert survivors == ["quick"]
    assert reasons["slow"] == "dropped: predict_s 3.1 over the limit 2"


def test_with_two_objectives_the_front_survives_and_the_best_by_the_first_leads() -> None:
    decided = [
        record("good", 0.3, predict_s=8.0),
        record("fast", 0.1, predict_s=0.5),
        record("middle", 0.2, predict_s=2.0),
        record("worse", 0.19, predict_s=4.0),
    ]
    reasons, survivors = selected(state(decided), 3, objectives=(NDCG, FASTER))
    assert survivors == ["good", "middle", "fast"]
    assert reasons["worse"] == "dropped: dominated by middle; rank 2, ndcg@10 0.19, predict_s 4"


def test_a_front_too_large_loses_its_most_crowded_part() -> None:
    places = [("a", 0.10, 1.0), ("b", 0.20, 2.0), ("c", 0.21, 4.0), ("d", 0.22, 8.0), ("e", 0.60, 64.0)]
    decided = [record(name, ndcg, predict_s=seconds) for name, ndcg, seconds in places]
    reasons, survivors = selected(state(decided), 4, objectives=(NDCG, FASTER))
    assert set(survivors) == {"a", "b", "d", "e"}
    assert reasons["c"].startswith("dropped: no room among 4; rank 1")


def test_noise_in_a_cost_does_not_fill_the_front() -> None:
    decided = [record("good", 0.3, predict_s=1.05), *(record(f"n{i}", 0.2, predict_s=0.9 + i / 100) for i in range(9))]
    _, survivors = selected(state(decided), 10, objectives=(NDCG, FASTER))
    reasons, _ = selected(state(decided), 3, objectives=(NDCG, FASTER))
    assert survivors[0] == "good"
    assert [name for name, why in reasons.items() if "rank 1" in why] == ["good"]


@pytest.mark.parametrize(("seconds", "told"), [(1.0, 0.0), (1.3, 0.0), (2.0, 1.0), (0.25, -2.0), (0.0, -20.0)])
def test_costs_are_told_as_powers_of_two(seconds: float, told: float) -> None:
    trained = record("a", 0.123, predict_s=seconds).search
    assert trained is not None
    assert values_of(trained, (NDCG, FASTER)) == [0.123, told]


def prints(first: int, changed: int = 0) -> tuple[int, ...]:
    """A fingerprint of 100 values that differs from `prints(first)` in the last `changed` ones."""
    return tuple(first if place < 100 - changed else first + 1 for place in range(100))


def test_what_predicts_as_a_better_one_does_survives_beside_it_only_where_it_is_lighter() -> None:
    best = record("best", 0.5, fingerprint=prints(7), state_bytes=1000, training_s=8.0)
    other = record("other", 0.2, fingerprint=prints(1))
    again = {"fingerprint": prints(7, changed=3), "state_bytes": 960, "training_s": 5.0}
    reasons, survivors = selected(state([best, record("same", 0.4, **again), other]), 2)
    assert survivors == ["best", "other"]
    assert reasons["same"] == "dropped: predicts as best does, and is neither simpler, smaller nor quicker"
    simpler = {"operator": Operator.SIMPLIFY, "parents": ("best",)}
    for lighter in ({"state_bytes": 950}, {"training_s": 4.0}, {"predict_s": 0.5}, simpler):
        assert selected(state([best, record("same", 0.4, **again | lighter), other]), 2)[1] == ["best", "same"]


def test_a_third_that_predicts_the_same_never_survives() -> None:
    alike = [
        record(f"alike{i}", 0.5 - i / 100, fingerprint=prints(7, changed=i), state_bytes=1000 - 100 * i)
        for i in range(4)
    ]
    reasons, survivors = selected(state([*alike, record("other", 0.2, fingerprint=prints(1))]), 3)
    assert survivors == ["alike0", "alike1", "other"]
    assert reasons["alike2"] == "dropped: third with near-identical predictions to alike0"
    assert reasons["alike3"] == "dropped: third with near-identical predictions to alike0"


def test_ninety_percent_of_a_fingerprint_is_near_identical() -> None:
    assert similarity(prints(7), prints(7, 10)) == 0.9
    assert similarity(prints(7), ()) == similarity((), ()) == 0.0
    far, near, nearer = (record(f"r{n}", 0.1, fingerprint=prints(7, n)) for n in (11, 10, 4))
    assert twin_of(prints(7), [far]) is None
    assert twin_of(prints(7), []) is None
    assert twin_of((), [near]) is None
    found = twin_of(prints(7), [far, near, nearer, record("failed", None)])
    assert found is not None
    assert (found.candidate, found.similarity) == ("r4", 0.96)


def test_of_equals_the_older_stays() -> None:
    decided = [record(name, 0.2) for name in "abcd"]
    assert selected(state(decided), 2)[1] == ["a", "b"]


def test_the_order_of_arrival_does_not_change_who_survives() -> None:
    decided = [record(f"r{i}", i / 100, predict_s=float(2**i)) for i in range(5)]
    outcomes: set[frozenset[str]] = set()
    for arrival in itertools.permutations(decided):
        picked: tuple[Record, ...] = arrival
        outcomes.add(frozenset(selected(state(picked), 3)[1]))
    assert outcomes == {frozenset({"r4", "r3", "r2"})}
