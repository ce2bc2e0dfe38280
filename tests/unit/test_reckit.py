"""reckit: what candidates may import; answers are compared with plain loops over a tiny log."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sandbox"))

from reckit import (
    Categorical,
    EventLog,
    FeatureVectors,
    batches,
    masked_topk,
    open_data,
    open_history,
    popularity_negatives,
    popularity_shares,
    uniform_negatives,
)
from tiny_bundle import write_data, write_query

EVENTS = [(0, 4, 10), (0, 1, 20), (0, 4, 30), (2, 3, 5), (2, 0, 5), (2, 2, 5), (2, 1, 9)]
N_USERS, N_ITEMS = 4, 5


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def log_of(rows: list[list[int]], n_items: int) -> EventLog:
    """A log from a list of items a user."""
    lengths = torch.tensor([0] + [len(row) for row in rows])
    items = torch.tensor([item for row in rows for item in row], dtype=torch.int32)
    return EventLog(
        n_users=len(rows), n_items=n_items, indptr=lengths.cumsum(0), items=items, timestamps=None, values=None
    )


@pytest.fixture
def data(tmp_path: Path):
    return open_data(write_data(tmp_path / "data", EVENTS, N_USERS, N_ITEMS))


def test_open_data_maps_the_log(data):
    assert (data.n_users, data.n_items, data.n_interactions) == (4, 5, 7)
    assert data.users.tolist() == [0, 0, 0, 2, 2, 2, 2]
    assert data.items.tolist() == [4, 1, 4, 3, 0, 2, 1]
    assert data.timestamps.dtype == torch.int64
    assert data.values is None
    assert data.item_counts.tolist() == [1, 2, 1, 1, 2]


def test_features_by_alias(data):
    genre = data.item_features["f0"]
    assert isinstance(genre, Categorical)
    assert genre.multi_hot().argmax(1).tolist() == [0, 1, 2, 0, 1]
    assert data.item_features["f1"][-1] == 1.0
    assert data.user_features == {}


def test_feature_vectors_add_up_what_is_known(data):
    genre = Categorical(indptr=torch.tensor([0, 1, 3, 3]), codes=torch.tensor([2, 0, 1], dtype=torch.int32), n_codes=3)
    year = torch.tensor([1.0, math.nan, 3.0])
    model = FeatureVectors({"f0": genre, "f1": year}, 3, 4)
    codes, direction = model.codes[0].detach(), model.directions.detach()[0]
    vectors = model().detach()
    assert torch.allclose(vectors[0], codes[2] - direction, atol=1e-6)
    assert torch.allclose(vectors[1], (codes[0] + codes[1]) / 2, atol=1e-6)
    assert torch.allclose(vectors[2], direction, atol=1e-6)
    assert set(model.state_dict()) == {"codes.0", "directions"}


def test_feature_vectors_of_some_rows_are_those_of_all(data):
    model = FeatureVectors(data.item_features, N_ITEMS, 4)
    rows = torch.tensor([[3, 0], [0, 4]])
    assert torch.allclose(model(rows), model()[rows])


def test_codes_of_some_rows():
    words = Categorical(indptr=torch.tensor([0, 2, 2, 3]), codes=torch.tensor([5, 1, 4], dtype=torch.int32), n_codes=6)
    codes, starts = words.take(torch.tensor([2, 1, 0, 2]))
    assert codes.tolist() == [4, 5, 1, 4]
    assert starts.tolist() == [0, 1, 1, 3]


def test_feature_vectors_learn_from_any_features(data):
    model = FeatureVectors(data.item_features, N_ITEMS, 4)
    model().square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


@pytest.mark.parametrize("features", [{}, {"f0": torch.full((3,), math.nan)}])
def test_features_that_tell_nothing_give_zeros(features):
    assert FeatureVectors(features, 3, 4)().tolist() == [[0.0] * 4] * 3


def test_writing_to_a_mapped_tensor_leaves_the_file_alone(tmp_path: Path):
    folder = write_data(tmp_path / "data", EVENTS, N_USERS, N_ITEMS)
    open_data(folder).items[:] = 0
    assert np.load(folder / "items.npy").tolist() == [4, 1, 4, 3, 0, 2, 1]


def test_sequences_are_left_padded_with_n_items(data):
    pad = N_ITEMS
    assert data.sequences(4).tolist() == [[pad, 4, 1, 4], [pad] * 4, [3, 0, 2, 1], [pad] * 4]
    assert data.sequences(2, torch.tensor([2, 0])).tolist() == [[2, 1], [1, 4]]


def test_csr_counts_a_repeated_pair_once(data):
    dense = data.csr().toarray()
    assert dense[0].tolist() == [0, 1, 0, 0, 1]
    assert dense[[1, 3]].sum() == 0
    assert data.csr(torch.tensor([2])).toarray().tolist() == [[1, 1, 1, 1, 0]]


def test_recency_halves_every_half_life(data):
    weights = data.recency(2.0, torch.tensor([0])).toarray()[0]
    assert weights == pytest.approx([0, 0.5**0.5, 0, 0, 1 + 0.5])


def test_times_stand_beside_sequences(data):
    assert data.times(4).tolist() == [[10, 10, 20, 30], [0] * 4, [5, 5, 5, 9], [0] * 4]
    assert data.times(2, torch.tensor([2, 3, 0])).tolist() == [[5, 9], [0, 0], [20, 30]]


def test_without_timestamps_no_time_passes(tmp_path: Path):
    data = open_data(write_data(tmp_path / "data", EVENTS, N_USERS, N_ITEMS, timestamps=False))
    assert data.times(3).tolist() == [[0] * 3] * 4


def test_what_came_before_an_event(data):
    before = data.before(torch.arange(3), 1.0).toarray()
    assert before.tolist() == [[0] * 5, [0, 0, 0, 0, 1], [0, 1, 0, 0, 0.5]]
    assert data.before(torch.tensor([6, 3]), 1.0).toarray().tolist() == [[0.5, 0, 1, 0.25, 0], [0] * 5]


def test_what_came_from_an_event_on(data):
    after = data.after(torch.tensor([0, 2, 3]), 1.0).toarray()
    assert after.tolist() == [[0, 0.5, 0, 0, 1.25], [0, 0, 0, 0, 1], [0.5, 0.125, 0.25, 1, 0]]
    assert data.after(torch.arange(3), 0.01).toarray().argmax(1).tolist() == [4, 1, 4]


def test_before_an_event_stands_the_recency_query_of_then(data):
    longer = log_of([[4, 1, 4, 0], [], [3, 0, 2, 1, 0], []], N_ITEMS)
    before = longer.before(torch.tensor([3, 8]), 3.0).toarray()
    assert before == pytest.approx(data.recency(3.0, torch.tensor([0, 2])).toarray())


def test_open_history_knows_whom_to_answer_for(tmp_path: Path):
    history = open_history(write_query(tmp_path / "query", EVENTS, N_USERS, [2, 0]), N_ITEMS)
    assert history.asked.tolist() == [2, 0]
    assert history.n_users == 4
    rows, items = history.seen(history.asked)
    assert rows.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert items.tolist() == [3, 0, 2, 1, 4, 1, 4]


def test_empty_log(tmp_path: Path):
    history = open_history(write_query(tmp_path / "query", [], 2, [0, 1]), 3)
    assert history.sequences(2).tolist() == [[3, 3], [3, 3]]
    assert history.csr().nnz == 0
    assert not history.contains(torch.tensor([0]), torch.tensor([1])).any()
    assert masked_topk(torch.ones(2, 3), history, history.asked, 3, seeded()).sort(1).values.tolist() == [[0, 1, 2]] * 2


def test_shuffle_ties_permutes_only_equal_timestamps(data):
    drawn = {tuple(data.shuffle_ties(seeded(seed)).items.tolist()) for seed in range(60)}
    assert {row[:3] for row in drawn} == {(4, 1, 4)}
    assert {row[6] for row in drawn} == {1}
    assert {row[3:6] for row in drawn} == {(3, 0, 2), (3, 2, 0), (0, 3, 2), (0, 2, 3), (2, 0, 3), (2, 3, 0)}


def test_shuffle_ties_without_timestamps_keeps_the_order(tmp_path: Path):
    data = open_data(write_data(tmp_path / "data", EVENTS, N_USERS, N_ITEMS, timestamps=False))
    assert data.shuffle_ties(seeded()) is data


def test_batches_cover_everything_once():
    drawn = list(batches(10, 4, seeded()))
    assert [len(batch) for batch in drawn] == [4, 4, 2]
    assert sorted(torch.cat(drawn).tolist()) == list(range(10))
    assert torch.cat(drawn).tolist() != list(range(10))


@pytest.mark.parametrize("sample", [uniform_negatives, popularity_negatives])
def test_negatives_avoid_what_was_seen(data, sample):
    users = torch.tensor([0] * 200)
    plain = sample(data, users, 3, seeded())
    unseen = sample(data, users, 3, seeded(), avoid_seen=True)
    assert plain.shape == unseen.shape == (200, 3)
    assert {1, 4} <= set(plain.flatten().tolist())
    assert set(unseen.flatten().tolist()) == {0, 2, 3}


def test_popularity_negatives_follow_the_counts(data):
    drawn = popularity_negatives(data, torch.zeros(1, dtype=torch.int64), 20_000, seeded(), power=1.0)
    shares = torch.bincount(drawn[0], minlength=N_ITEMS) / 20_000
    assert shares.tolist() == pytest.approx((data.item_counts / 7).tolist(), abs=0.02)


def test_mixed_negatives_are_drawn_by_their_shares(data):
    shares = popularity_shares(data, power=1.0, uniform=0.5)
    assert shares.tolist() == pytest.approx([0.5 * count / 7 + 0.1 for count in (1, 2, 1, 1, 2)])
    drawn = popularity_negatives(data, torch.zeros(1, dtype=torch.int64), 20_000, seeded(), power=1.0, uniform=0.5)
    found = torch.bincount(drawn[0], minlength=N_ITEMS) / 20_000
    assert found.tolist() == pytest.approx(shares.tolist(), abs=0.02)


def test_a_user_who_has_seen_everything_still_gets_negatives():
    log = log_of([[0, 1, 2]], 3)
    assert uniform_negatives(log, torch.tensor([0]), 5, seeded(), avoid_seen=True).shape == (1, 5)


def test_masked_topk_masks_what_was_seen_and_fills_with_minus_one(data):
    scores = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0]]).repeat(2, 1)
    best = masked_topk(scores, data, torch.tensor([0, 2]), 4, seeded())
    assert best.tolist() == [[0, 2, 3, -1], [4, -1, -1, -1]]
    assert masked_topk(scores, data, torch.tensor([1, 3]), 7, seeded()).tolist() == [[0, 1, 2, 3, 4, -1, -1]] * 2
    assert scores[0, 4] == 1.0


def test_masked_topk_breaks_ties_at_random():
    log = log_of([[]], 6)
    user = torch.tensor([0])
    firsts = [int(masked_topk(torch.zeros(1, 6), log, user, 3, seeded(seed))[0, 0]) for seed in range(300)]
    assert all(30 <= firsts.count(item) <= 75 for item in range(6))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_masked_topk_refuses_scores_that_are_not_finite(data, bad):
    scores = torch.zeros(1, N_ITEMS)
    scores[0, 3] = bad
    with pytest.raises(ValueError, match="1 of 5 scores are NaN or infinite"):
        masked_topk(scores, data, torch.tensor([1]), 2, seeded())


def test_masked_answer_names_the_shape_it_expected(data):
    with pytest.raises(ValueError, match=r"shape \[1, 4\]; expected \[users, n_items\] = \[1, 5\]"):
        masked_topk(torch.zeros(1, 4), data, torch.tensor([1]), 2, seeded())


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(st.integers(0, 6), max_size=9), min_size=1, max_size=6), max_len=st.integers(1, 8))
def test_views_agree_with_plain_loops(rows: list[list[int]], max_len: int):
    log = log_of(rows, 7)
    users = torch.arange(len(rows)).flip(0)
    expected = [([7] * max_len + row)[-max_len:] for row in reversed(rows)]
    assert log.sequences(max_len, users).tolist() == expected
    seen = log.csr(users).toarray() > 0
    assert [set(np.flatnonzero(row)) for row in seen] == [set(row) for row in reversed(rows)]
    pairs = log.contains(torch.arange(len(rows))[:, None], torch.arange(7))
    assert pairs.tolist() == [[item in row for item in range(7)] for row in rows]
    assert log.ranks_from_end.tolist() == [len(row) - 1 - at for row in rows for at in range(len(row))]
