"""Choosers: inside the space, deterministic, the same from a cache as from scratch, and able to learn."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from selection_states import NDCG, record, state

from autorec.domain.evaluation import Constraint, Direction, Objective
from autorec.domain.state import Record, State
from autorec.selection import choosers
from autorec.selection.choosers import RandomChooser, TpeChooser, TpeChoosers, random_chooser

Design = dict[str, float | int | str | bool]


def walk(chooser: RandomChooser | TpeChooser) -> Design:
    """A small conditional space."""
    design: Design = {"family": chooser.choose("family", "categorical", choices=("linear", "sequence"))}
    if design["family"] == "linear":
        design["ridge"] = chooser.choose("ridge", "float", low=1.0, high=1000.0, log=True)
    else:
        design["layers"] = chooser.choose("layers", "int", low=1, high=4)
        design["heads"] = chooser.choose("heads", "int", low=1, high=8, log=True)
        design["mask"] = chooser.choose("mask", "categorical", choices=(False, True))
    return design


def quality(design: Design) -> float | None:
    """Sequence models with many layers are best; the largest ridge crashes."""
    if design["family"] == "linear":
        return None if float(design["ridge"]) > 900 else 0.1
    return 0.1 + 0.02 * float(design["layers"]) + 0.01 * bool(design["mask"])


def grown(n_candidates: int, make: Callable[[State, int], RandomChooser | TpeChooser], before: State) -> State:
    """The run, `n_candidates` later."""
    for number in range(len(before.decided), len(before.decided) + n_candidates):
        design = walk(make(before, number))
        new = record(f"r{number}", quality(design), predict_s=1.0 + number % 3, design=design)
        before = replace(
            before, records={**before.records, new.id: new}, decided=(*before.decided, new.id), seq=before.seq + 1
        )
    return before


@pytest.mark.parametrize("make", [lambda _state, seed: random_chooser(seed), TpeChoosers()], ids=["random", "tpe"])
def test_choices_stay_inside_and_depend_on_the_seed_alone(make: Callable[[State, int], RandomChooser]) -> None:
    picture = state([])
    designs = [walk(make(picture, seed)) for seed in range(60)]
    assert designs == [walk(make(picture, seed)) for seed in range(60)]
    assert {design["family"] for design in designs} == {"linear", "sequence"}
    assert {design["layers"] for design in designs if "layers" in design} == {1, 2, 3, 4}
    assert all(1 <= design["ridge"] <= 1000 for design in designs if "ridge" in design)  # type: ignore[operator]
    assert all(type(design["heads"]) is int and 1 <= design["heads"] <= 8 for design in designs if "heads" in design)
    assert {design["mask"] for design in designs if "mask" in design} == {False, True}


def test_a_random_logarithmic_choice_is_even_over_orders_of_magnitude() -> None:
    drawn = [random_chooser(seed).choose("x", "float", low=1.0, high=10_000.0, log=True) for seed in range(400)]
    below = sum(float(value) < 100 for value in drawn)
    assert 150 < below < 250


@pytest.mark.parametrize("chooser", [random_chooser(0), TpeChoosers()(state([]), 0)], ids=["random", "tpe"])
def test_bounds_that_make_no_sense_are_refused(chooser: RandomChooser) -> None:
    with pytest.raises(ValueError, match="x has the bounds 2 and 1"):
        chooser.choose("x", "float", low=2, high=1)
    with pytest.raises(ValueError, match="x has the bounds None and None"):
        chooser.choose("x", "int")


@pytest.mark.parametrize(
    "objectives", [(NDCG,), (NDCG, Objective(name="predict_s", direction=Direction.MINIMIZE))], ids=["one", "two"]
)
def test_a_cached_study_suggests_what_one_from_scratch_does(
    objectives: tuple[Objective, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosers, "MOST_KEPT", 24)
    limits = (Constraint(name="predict_s", limit=2.5),)
    kept, picture = TpeChoosers(), state([], objectives=objectives, constraints=limits)
    for number in range(30):
        assert walk(kept(picture, number)) == walk(TpeChoosers()(picture, number)), f"after {number} candidates"
        picture = grown(3, kept, picture)


def test_an_earlier_state_is_chosen_for_without_what_came_later() -> None:
    kept = TpeChoosers()
    early = grown(20, lambda _state, seed: random_chooser(seed), state([]))
    walk(kept(grown(20, kept, early), 0))
    assert walk(kept(early, 0)) == walk(TpeChoosers()(early, 0))


def test_tpe_learns_what_is_good() -> None:
    by_chance = grown(80, lambda _state, seed: random_chooser(seed), state([]))
    by_tpe = grown(80, TpeChoosers(), state([]))
    assert mean_of_last(20, by_tpe) > mean_of_last(80, by_chance) + 0.03


def mean_of_last(n_candidates: int, picture: State) -> float:
    qualities = [quality(dict(picture.records[name].design or {})) or 0.0 for name in picture.decided[-n_candidates:]]
    return sum(qualities) / len(qualities)


def test_tpe_keeps_away_from_what_fails() -> None:
    ridges = [1.0 + 30 * number for number in range(30)]
    tried: list[Record] = [
        record(f"r{number}", None if ridge > 300 else 0.1, design={"ridge": ridge})
        for number, ridge in enumerate(ridges)
    ]
    make, picture = TpeChoosers(), state(tried)
    drawn = [float(make(picture, seed).choose("ridge", "float", low=1.0, high=1000.0)) for seed in range(40)]
    assert sum(value > 320 for value in drawn) < 4


def test_values_outside_the_present_range_are_passed_over() -> None:
    strange = [
        record(f"s{i}", 0.9, design={"layers": value})
        for i, value in enumerate((99, "two", True, None, 2.5))
        for _ in "ab"
    ]
    fine = [record(f"f{i}", 0.1 + i / 100, design={"layers": 1 + i % 4}) for i in range(12)]
    with_strange, without = TpeChoosers()(state([*strange, *fine]), 3), TpeChoosers()(state(fine), 3)
    options = {"low": 1, "high": 4}
    assert with_strange.choose("layers", "int", **options) == without.choose("layers", "int", **options)  # type: ignore[arg-type]


def test_a_choice_that_is_new_gets_its_turn() -> None:
    make = TpeChoosers()
    picture = grown(20, lambda _state, seed: random_chooser(seed), state([]))
    make(picture, 0).choose("family", "categorical", choices=("linear", "sequence"))
    wider = [
        make(picture, seed).choose("family", "categorical", choices=("linear", "sequence", "new")) for seed in range(9)
    ]
    assert "new" in wider


def test_a_parameter_with_one_value_is_no_choice() -> None:
    assert TpeChoosers()(state([]), 0).choose("x", "categorical", choices=("only",)) == "only"
    assert TpeChoosers()(state([]), 0).choose("x", "int", low=3, high=3) == 3
    assert random_chooser(0).choose("x", "int", low=3, high=3) == 3
