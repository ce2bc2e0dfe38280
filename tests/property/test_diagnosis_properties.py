"""What must hold of every diagnosis, whatever the answers."""

from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.domain.curve import shape_of
from autorec.domain.diagnosis import Answered, CurveShape, Segment
from autorec.domain.evaluation import CurvePoint, Direction, Objective
from autorec.domain.job import Part
from autorec.judging.ground import Ground
from autorec.judging.list_examiner import ListExaminer
from autorec.judging.lists import ListJudge
from autorec.judging.pair_examiner import PairExaminer
from autorec.judging.pairs import PairJudge
from autorec.judging.weights import effective_rank

N_ITEMS = 9
K = 3
NDCG, AUC = Objective(name=f"ndcg@{K}"), Objective(name="auc")
HIGHER, LOWER = Objective(name="x"), Objective(name="x", direction=Direction.MINIMIZE)
ROUNDED = 1e-4
seeds = st.integers(0, 10_000)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_segments_are_a_partition_and_their_mean_is_that_of_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = drawn_ground(rng)
    answers, metrics = judged_lists(truth, drawn_lists(rng, truth))
    examined = lists_of(truth).examine(answers)
    users, wanted = of_group(examined.segments, "users by history"), of_group(examined.segments, "wanted items by pop")
    warm = truth.warm & (truth.n_relevant > 0)
    assert sum(s.n for s in users) == np.count_nonzero(warm)
    assert mean(users) == pytest.approx(metrics[NDCG.name], abs=ROUNDED)
    assert sum(s.n for s in wanted) == truth.n_relevant[warm].sum()
    found = loaded(answers.predictions)[:, :K]
    hits = [len(set(found[u].tolist()) & relevant_of(truth, u)) for u in np.flatnonzero(warm)]
    assert mean(wanted) == pytest.approx(sum(hits) / truth.n_relevant[warm].sum(), abs=ROUNDED)
    others = of_group(examined.segments, "wanted items of new users")
    assert sum(s.n for s in others) == truth.n_relevant[~warm].sum()
    for each in ("given", "wanted"):
        assert sum(getattr(b, each) for b in examined.balances) in (0.0, pytest.approx(1.0, abs=0.03))
    assert examined.coverage == pytest.approx(metrics[f"coverage@{K}"], abs=0.01)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_every_unit_gains_loses_or_stays_and_the_other_way_round_it_is_the_opposite(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = drawn_ground(rng)
    examiner = lists_of(truth)
    a, b = (judged_lists(truth, drawn_lists(rng, truth))[0] for _ in range(2))
    there, back, same = examiner.compare(a, b), examiner.compare(b, a), examiner.compare(a, a)
    units = len(loaded(a.per_unit))
    assert there.gained + there.lost + there.unchanged == units
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert there.in_common == back.in_common
    assert [(g.name, g.clear, g.difference) for g in there.gains] == [
        (g.name, g.clear, -g.difference) for g in back.gains
    ]
    assert (same.in_common, same.unchanged) == (1.0, units)
    assert not any(gain.clear or gain.difference for gain in same.gains)
    gains = {(g.group, g.name): g.difference for g in there.gains}
    examined = [examiner.examine(each) for each in (a, b)]
    assert [part.name for part in examined[0].balances] == [part.name for part in examined[1].balances]
    sides = [{(s.group, s.name): s.value for s in each.segments} for each in examined]
    for key, ours in sides[0].items():
        assert gains[key] == pytest.approx(ours - sides[1][key], abs=2 * ROUNDED)


@settings(max_examples=50, deadline=None)
@given(seeds, st.booleans())
def test_segments_of_rows_add_up_to_the_log_loss(seed: int, named: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    truth = SimpleNamespace(
        labels=rng.permutation(n) < 60,
        users=rng.integers(-1, 20, n) if named else None,
        asked=np.arange(n),
        activity=rng.integers(0, 9, n) if named else None,
        unknown=rng.integers(0, 4, n),
    )
    judge = PairJudge(truth=lambda part: truth, has_users=named, cutoffs=(5,))
    judged = [judge.judge(npy(rng.random(n).astype(np.float32)), Part.SELECT) for _ in range(2)]
    a, b = (Answered(predictions=each.predictions, per_unit=each.per_unit) for each in judged)
    examiner = PairExaminer({"truth": lambda part: truth}, AUC)
    examined, contrast = examiner.examine(a), examiner.compare(a, b)
    for group in {segment.group for segment in examined.segments}:
        segments = of_group(examined.segments, group)
        assert sum(s.n for s in segments) == n
        assert mean(segments) == pytest.approx(judged[0].evaluation.metrics["logloss"], abs=ROUNDED)
    assert len({segment.group for segment in examined.segments}) == 1 + named
    assert contrast.gained + contrast.lost + contrast.unchanged == judged[0].evaluation.n_units
    assert examiner.compare(a, a).in_common == 1.0
    wanted = [balance.wanted for balance in examined.balances]
    assert sum(wanted) / len(wanted) == pytest.approx(truth.labels.mean(), abs=0.01)


values = st.lists(st.floats(0.01, 1.0), min_size=1, max_size=20)


@settings(max_examples=200, deadline=None)
@given(values)
def test_the_direction_of_a_metric_does_not_change_the_shape_of_its_curve(drawn: list[float]) -> None:
    mirrored = [-value for value in drawn]
    assert shape_of(curve(drawn), HIGHER) is shape_of(curve(mirrored), LOWER)
    assert shape_of(curve([4 * value for value in drawn]), HIGHER) is shape_of(curve(drawn), HIGHER)


@settings(max_examples=200, deadline=None)
@given(values)
def test_a_curve_that_only_rises_is_neither_past_its_peak_nor_unstable(drawn: list[float]) -> None:
    assert shape_of(curve(sorted(drawn)), HIGHER) not in (CurveShape.OVERFIT, CurveShape.UNSTABLE)


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(1, 40), st.integers(2, 8))
def test_the_effective_rank_knows_neither_scale_nor_rotation(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, d))
    turned, _ = np.linalg.qr(rng.standard_normal((d, d)))
    rank = effective_rank(vectors)
    assert 1.0 <= rank <= min(n, d) + 1e-6
    assert effective_rank(7.0 * vectors @ turned) == pytest.approx(rank, rel=1e-3)
    assert effective_rank(vectors[:, :1] @ np.ones((1, d))) == pytest.approx(1.0, abs=1e-3)
    assert effective_rank(np.tile(np.eye(d), (n, 1))) == pytest.approx(d)


def drawn_ground(rng: np.random.Generator) -> Ground:
    """Up to 12 users, some without a history; at least one with."""
    n = int(rng.integers(2, 13))
    seen = [np.sort(rng.permutation(N_ITEMS)[: rng.integers(0, 5)]) for _ in range(n)]
    seen[0] = np.array([1, 4])
    wanted = [np.sort(rng.permutation(np.setdiff1d(np.arange(N_ITEMS), s))[: rng.integers(1, 4)]) for s in seen]
    return Ground(
        users=np.arange(n, dtype=np.int32),
        indptr=np.cumsum([0, *map(len, wanted)]),
        items=np.concatenate(wanted).astype(np.int32),
        seen_indptr=np.cumsum([0, *map(len, seen)]),
        seen_items=np.concatenate(seen).astype(np.int32),
        warm=np.array([len(s) > 0 for s in seen]),
        item_counts=np.bincount(np.concatenate(seen).astype(np.int64), minlength=N_ITEMS),
    )


def drawn_lists(rng: np.random.Generator, truth: Ground) -> np.ndarray:
    """Lists of four with empty places at their ends."""
    lists = np.stack([rng.permutation(N_ITEMS)[:4] for _ in truth.users]).astype(np.int32)
    lists[np.arange(4) >= rng.integers(0, 5, len(lists))[:, None]] = -1
    return lists


def judged_lists(truth: Ground, lists: np.ndarray) -> tuple[Answered, dict[str, float]]:
    judge = ListJudge(
        truth=lambda part: truth, user_permutation=np.arange(len(lists)), item_permutation=np.arange(N_ITEMS),
        n_items=N_ITEMS, cutoffs=(K,), primary=NDCG.name, top_k=4,
    )  # fmt: skip
    judged = judge.judge(npy(lists), Part.SELECT)
    return Answered(predictions=judged.predictions, per_unit=judged.per_unit), dict(judged.evaluation.metrics)


def lists_of(truth: Ground) -> ListExaminer:
    return ListExaminer({"truth": lambda part: truth}, NDCG)


def relevant_of(truth: Ground, user: int) -> set[int]:
    return set(truth.items[truth.indptr[user] : truth.indptr[user + 1]].tolist())


def of_group(segments: tuple[Segment, ...], group: str) -> list[Segment]:
    return [segment for segment in segments if segment.group.startswith(group)]


def mean(segments: list[Segment]) -> float:
    return sum(s.n * s.value for s in segments) / sum(s.n for s in segments)


def curve(drawn: list[float]) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(training_s=float(i), value=value, predict_s=0.1) for i, value in enumerate(drawn))


def npy(array: np.ndarray) -> bytes:
    buffer = BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def loaded(content: bytes) -> np.ndarray:
    return np.load(BytesIO(content), allow_pickle=False)
