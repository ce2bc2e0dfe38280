"""Controls of the judges: they hold of ours, and each kind of broken judge is found out."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from autorec.domain.control import broken, control_line, held_line, within
from autorec.domain.errors import IntegrityError
from autorec.domain.job import Part
from autorec.judging.chance import Unseen, bernstein
from autorec.judging.judges import CONTROLS, open_judge
from autorec.judging.list_controls import ListControls
from autorec.judging.lists import Ground, ListJudge, npy
from autorec.judging.metrics import Lists
from autorec.judging.pair_controls import PairControls
from autorec.judging.pairs import PairJudge
from autorec.wiring import demand

N_USERS, N_ITEMS, K = 300, 80, 20


def made_ground(rng: np.random.Generator, cold: int = 5) -> Ground:
    """Users with 1 to 4 relevant items and 0 to 30 seen ones, popular items more often."""
    weights = 1.0 / np.arange(1, N_ITEMS + 1)
    relevant, seen = [], []
    for user in range(N_USERS):
        items = rng.choice(N_ITEMS, size=34, replace=False, p=weights / weights.sum())
        n = int(rng.integers(1, 5))
        relevant.append(np.sort(items[:n]))
        seen.append(np.sort(items[4 : 4 + (0 if user < cold else int(rng.integers(1, 31)))]))
    counts = np.bincount(np.concatenate(seen), minlength=N_ITEMS)
    return Ground(
        users=np.arange(N_USERS, dtype=np.int32),
        indptr=np.concatenate(([0], np.cumsum([len(each) for each in relevant]))),
        items=np.concatenate(relevant).astype(np.int32),
        seen_indptr=np.concatenate(([0], np.cumsum([len(each) for each in seen]))),
        seen_items=np.concatenate(seen).astype(np.int32),
        warm=np.arange(N_USERS) >= cold,
        item_counts=counts.astype(np.int64),
    )


GROUND = made_ground(np.random.default_rng(0))


def list_key(seed: int = 1) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "truth": lambda part: GROUND,
        "user_permutation": rng.permutation(N_USERS),
        "item_permutation": rng.permutation(N_ITEMS),
        "n_items": N_ITEMS,
        "top_k": K,
    }


def list_controls(judge=None, key=None) -> ListControls:
    key = key or list_key()
    judge = judge or ListJudge(**key)
    return ListControls(judge, key, part=Part.SELECT, cutoffs=(5, 10, 20), seed=3)


class Changed:
    """A judge whose figures something is done to."""

    def __init__(self, inner, change) -> None:
        self._inner, self._change = inner, change

    def judge(self, predictions, part):
        judged = self._inner.judge(predictions, part)
        metrics = {name: self._change(value) for name, value in judged.evaluation.metrics.items()}
        return replace(judged, evaluation=replace(judged.evaluation, metrics=metrics))


class Believes:
    """A judge that reads whatever comes; what cannot be read is full of hits."""

    def __init__(self, inner, instead: bytes) -> None:
        self._inner, self._instead = inner, instead

    def judge(self, predictions, part):
        try:
            return self._inner.judge(predictions, part)
        except Exception:
            return self._inner.judge(self._instead, part)


def names(controls) -> set[str]:
    return {control.name for control in broken(controls)}


@pytest.mark.parametrize("seed", range(5))
def test_the_judge_of_lists_passes_with_any_permutation(seed):
    found = list_controls(key=list_key(seed)).run()
    assert broken(found) == ()
    assert held_line(found) == "7 of 7 held"


def test_what_an_optimistic_judge_gives_to_ties_is_found_out():
    """One that puts whatever is relevant first among equals gives 1 to constant scores."""
    wrong = names(list_controls(Changed(ListJudge(**list_key()), lambda value: 1.0)).run())
    assert {"constant scores, all ties", "popularity"} <= wrong


def test_a_judge_that_takes_what_is_not_a_number_is_found_out():
    lists = np.tile(np.arange(10, dtype=np.int32), (N_USERS, 1))
    wrong = names(list_controls(Believes(ListJudge(**list_key()), npy(lists))).run())
    assert wrong == {"scores that are not a number", "items that were not a number"}


def test_a_judge_that_forgets_the_permutation_is_found_out():
    straight = list_key() | {"item_permutation": np.arange(N_ITEMS)}
    assert "the labels themselves" in names(list_controls(ListJudge(**straight)).run())
    mixed = list_key() | {"user_permutation": np.arange(N_USERS)}
    assert "the labels themselves" in names(list_controls(ListJudge(**mixed)).run())


def test_a_judge_that_gives_a_little_too_much_is_found_out():
    wrong = names(list_controls(Changed(ListJudge(**list_key()), lambda value: value * 1.001)).run())
    assert "popularity" in wrong


def test_good_lists_fall_to_chance_and_a_judge_that_spares_them_is_found_out(monkeypatch):
    owners = np.repeat(np.arange(N_USERS), GROUND.n_relevant)
    lists = np.full((N_USERS, K), -1, dtype=np.int32)
    lists[owners, np.arange(len(owners)) - GROUND.indptr[owners]] = GROUND.items
    users, items = list_key()["user_permutation"], list_key()["item_permutation"]
    as_candidate = npy(np.append(items, -1).astype(np.int32)[lists][np.argsort(users)])
    right = ListJudge(**list_key()).judge(as_candidate, Part.SELECT).evaluation.metrics["ndcg@10"]
    control = list_controls().of_answers(npy(lists), "c1")
    assert (right, control.held, control.of) == (1.0, True, "c1")
    assert control.value < 0.1
    monkeypatch.setattr(Unseen, "labels", lambda self, rng: self.ground)  # labels that were not drawn at all
    control = list_controls().of_answers(npy(lists), "c1")
    assert not control.held
    assert "BROKEN" in control_line(control)


def test_drawn_labels_are_uniform_over_what_is_unseen():
    rng, counts = np.random.default_rng(5), np.zeros((N_USERS, N_ITEMS))
    unseen = np.ones((N_USERS, N_ITEMS), dtype=bool)
    for user in range(N_USERS):
        unseen[user, GROUND.seen_items[GROUND.seen_indptr[user] : GROUND.seen_indptr[user + 1]]] = False
    for _ in range(400):
        drawn = Unseen(GROUND).labels(rng)  # the constructor of Ground refuses seen items
        assert (drawn.n_relevant == GROUND.n_relevant).all()
        counts[np.repeat(np.arange(N_USERS), drawn.n_relevant), drawn.items] += 1
    assert counts.max(where=~unseen, initial=0) == 0
    expected = 400 * GROUND.n_relevant[:, np.newaxis] / unseen.sum(axis=1, keepdims=True)
    deviations = ((counts - expected) / np.sqrt(expected))[unseen]
    assert abs(deviations.mean()) < 0.05 and 0.9 < deviations.std() < 1.1


def test_lists_of_constant_scores_hold_each_unseen_item_alike_at_each_place():
    rng, tops = np.random.default_rng(6), np.zeros(N_ITEMS)
    for _ in range(200):
        lists: Lists = Unseen(GROUND).lists(K, rng)
        assert all(len(set(row)) == K for row in lists.tolist())
        tops += np.bincount(lists[:5, 0], minlength=N_ITEMS)  # cold users: nothing is seen
    assert abs((tops - 1000 / N_ITEMS) / np.sqrt(1000 / N_ITEMS)).max() < 5


def test_a_user_who_has_seen_almost_all_has_short_lists():
    few = replace(
        GROUND,
        users=np.array([0], dtype=np.int32), indptr=np.array([0, 1]), items=np.array([7], dtype=np.int32),
        seen_indptr=np.array([0, N_ITEMS - 2]), seen_items=np.setdiff1d(np.arange(N_ITEMS), [7, 9]).astype(np.int32),
        warm=np.array([True]),
    )  # fmt: skip
    assert sorted(Unseen(few).lists(4, np.random.default_rng(1))[0].tolist()) == [-1, -1, 7, 9]


def test_the_bound_is_passed_as_seldom_as_it_says():
    """A thousand means of rare hits: Bernstein's bound for one in 1e9 is never passed, and is no wider than that."""
    rng = np.random.default_rng(7)
    means = rng.binomial(500, 0.01, size=100_000) / 500
    assert np.abs(means - 0.01).max() < bernstein(500, 0.01) < 0.08


ROWS, CLICKS = 400, np.random.default_rng(8).random(400) < 0.2


def pair_key(users: bool = True) -> dict:
    rng = np.random.default_rng(9)
    truth = SimpleNamespace(
        labels=CLICKS, users=rng.integers(0, 40, ROWS) if users else None, asked=rng.permutation(ROWS)
    )
    return {"truth": lambda part: truth, "has_users": users}


def pair_controls(judge=None, users: bool = True) -> PairControls:
    key = pair_key(users)
    judge = judge or PairJudge(**key, cutoffs=(5,))
    return PairControls(judge, key, part=Part.SELECT, cutoffs=(5,), seed=3)


@pytest.mark.parametrize("users", [True, False])
def test_the_judge_of_probabilities_passes(users):
    found = pair_controls(users=users).run()
    assert broken(found) == ()
    assert next(control.value for control in found if control.unit == "auc") == 0.5


def test_broken_judges_of_probabilities_are_found_out():
    key = pair_key()
    good = PairJudge(**key, cutoffs=(5,))
    optimist = names(pair_controls(Changed(good, lambda value: max(value, 0.9))).run())
    assert {"the click rate for every row, all ties", "random scores"} <= optimist
    in_file_order = SimpleNamespace(**{**vars(key["truth"](Part.SELECT)), "asked": np.arange(ROWS)})
    mixed = PairJudge(truth=lambda part: in_file_order, has_users=True, cutoffs=(5,))
    assert "the labels themselves" in names(pair_controls(mixed).run())
    believes = Believes(good, npy(np.full(ROWS, 0.5, dtype=np.float32)))
    assert names(pair_controls(believes).run()) == {"one score that is not a number"}


def test_good_scores_fall_to_chance():
    control = pair_controls().of_answers(npy(CLICKS.astype(np.float32)), "c1")
    assert control.held and control.of == "c1" and abs(control.value - 0.5) < 0.1


def test_every_kind_of_answer_has_controls():
    from autorec.judging.judges import EXAMINERS, JUDGES

    assert set(CONTROLS) == set(JUDGES) == set(EXAMINERS)
    judge = open_judge("lists", list_key(), primary="ndcg@10", cutoffs=(5, 10))
    made = CONTROLS["lists"](judge, list_key(), part=Part.SELECT, cutoffs=(5, 10), seed=1)
    assert broken(made.run()) == ()


def test_a_refused_answer_reads_as_such():
    line = control_line(list_controls().run()[0])
    assert line == "scores that are not a number: refused (no value at all): held"


def test_a_broken_control_stops_what_would_train_and_says_what_to_do():
    held, wrong = (
        within("all", "ndcg@10", 1.0, 1.0, 1.0, "it is all"),
        within("none", "ndcg@10", 0.3, 0.0, 0.1, "chance"),
    )
    assert demand([held]) == (held,)
    with pytest.raises(IntegrityError) as caught:
        demand([held, wrong])
    assert "none: ndcg@10 0.3, expected 0 to 0.1 (chance): BROKEN" in str(caught.value)
    assert "all:" not in str(caught.value)
    assert "autorec data check" in caught.value.fix
