"""Controls of the judge of lists: answers whose worth is known, made here and handed in by the same door as others.

| answer | must be |
|---|---|
| not a number: a file of NaN scores, and what NaN becomes as an item | refused |
| constant scores: every item ties, so the order of what a user has not seen is random | at chance |
| popularity | what a second, slow-witted calculation gives |
| the labels themselves | 1 |
| the same, against labels drawn from what each user has not seen | at chance |
| popularity, with ids permuted otherwise | the same in every metric |
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autorec.domain.control import Control, within
from autorec.domain.errors import MalformedPredictions
from autorec.domain.evaluation import Evaluation
from autorec.domain.job import Part
from autorec.judging.chance import Int64s, Unseen, as_lists, bernstein, draws_for
from autorec.judging.ground import Ground
from autorec.judging.lists import ListJudge, npy
from autorec.judging.metrics import Lists
from autorec.ports import Judge

EXACT = 1e-9
USUAL_CUTOFF = 10


class ListControls:
    """The controls of one part. `key` is what the judge was made with; `cutoffs` those that it judges at."""

    def __init__(
        self, judge: Judge, key: Mapping[str, Any], *, part: Part, cutoffs: tuple[int, ...], seed: int
    ) -> None:
        self._judge, self._key, self._part = judge, key, part
        self._ground = Ground.of(key["truth"](part))
        self._unseen = Unseen(self._ground)
        self._rng = np.random.default_rng(seed)
        self._cutoffs = cutoffs
        self._k = _cutoff(cutoffs, min(key["top_k"], key["n_items"]))
        self._metric = f"ndcg@{self._k}"
        self._draws = draws_for(int(self._warm.sum()))

    def run(self) -> tuple[Control, ...]:
        """All controls, in the order of the table."""
        popular = self._popular()
        said = self._said(self._judge, popular)
        return (
            *self._refused(),
            self._constant(),
            self._popularity(popular, said),
            self._ceiling(),
            self._drawn_labels(),
            self._other_ids(popular, said),
        )

    def of_answers(self, predictions: bytes, candidate: str) -> Control:
        """Stored answers, in the data set's own numbering, against labels drawn from what each user has not seen.

        A list can show at most k of them, so chance is no more than a full list of unseen items is worth.
        """
        expected = self._expected_of_full_lists()
        value, high = self._mean_against_draws(predictions), expected + self._margin(expected)
        return Control(
            name="the champion's lists, against labels drawn from what each user has not seen",
            unit=self._metric,
            value=value,
            low=0.0,
            high=high,
            held=value <= high,
            expected=f"chance is at most {expected:.4g}",
            of=candidate,
        )

    def _refused(self) -> tuple[Control, ...]:
        scores = np.full((len(self._ground.users), self._k), np.nan, dtype=np.float32)
        with np.errstate(invalid="ignore"):
            cast = np.full_like(scores, np.iinfo(np.int32).min, dtype=np.int32)
        return (
            refusal("scores that are not a number", self._judge, npy(scores), self._part),
            refusal("items that were not a number", self._judge, npy(cast), self._part),
        )

    def _constant(self) -> Control:
        lists = [self._unseen.lists(self._k, self._rng) for _ in range(self._draws)]
        value = float(np.mean([self._said(self._judge, each).metrics[self._metric] for each in lists]))
        return self._at_chance("constant scores, all ties", value, self._expected_of_full_lists())

    def _popularity(self, popular: Lists, said: Evaluation) -> Control:
        floor = self._slowly(popular)
        return within(
            "popularity", self._metric, said.metrics[self._metric], floor - EXACT, floor + EXACT,
            "as worked out a second time, without the judge",
        )  # fmt: skip

    def _ceiling(self) -> Control:
        value = self._said(self._judge, self._true_lists()).metrics[self._metric]
        return within("the labels themselves", self._metric, value, 1.0 - EXACT, 1.0 + EXACT, "nothing is better")

    def _drawn_labels(self) -> Control:
        shares = self._ground.n_relevant[self._warm] / self._unseen.counts[self._warm]
        value = self._mean_against_draws(npy(self._true_lists()))
        return self._at_chance("the labels, against labels drawn from what is unseen", value, float(shares.mean()))

    def _at_chance(self, name: str, value: float, expected: float) -> Control:
        margin = self._margin(expected)
        low, high = max(0.0, expected - margin), expected + margin
        return within(name, self._metric, value, low, high, f"chance is {expected:.4g}")

    def _margin(self, expected: float) -> float:
        return bernstein(self._draws * int(self._warm.sum()), expected)

    def _other_ids(self, popular: Lists, said: Evaluation) -> Control:
        users = self._rng.permutation(len(self._key["user_permutation"]))
        items = self._rng.permutation(self._key["n_items"])
        key = {**self._key, "truth": lambda part: self._ground, "user_permutation": users, "item_permutation": items}
        other = ListJudge(**key, cutoffs=self._cutoffs, primary=self._metric)
        again = other.judge(_as_candidate(popular, self._ground, users, items), self._part).evaluation
        apart = max(abs(said.metrics[name] - value) for name, value in again.metrics.items())
        return within("popularity, with ids permuted otherwise", "difference", apart, 0.0, EXACT, "order means nothing")

    def _said(self, judge: Judge, lists: Lists) -> Evaluation:
        answer = _as_candidate(lists, self._ground, self._key["user_permutation"], self._key["item_permutation"])
        return judge.judge(answer, self._part).evaluation

    def _mean_against_draws(self, predictions: bytes) -> float:
        return float(np.mean([self._against_draw(predictions) for _ in range(self._draws)]))

    def _against_draw(self, predictions: bytes) -> float:
        """The value of answers in the data set's own numbering, against freshly drawn labels."""
        drawn = self._unseen.labels(self._rng)
        key = {
            **self._key,
            "truth": lambda part: drawn,
            "user_permutation": np.arange(len(self._key["user_permutation"])),
            "item_permutation": np.arange(self._key["n_items"]),
        }
        judge = ListJudge(**key, cutoffs=(self._k,), primary=self._metric)
        return judge.judge(predictions, self._part).evaluation.metrics[self._metric]

    @property
    def _warm(self) -> NDArray[np.bool_]:
        return self._ground.warm & (self._ground.n_relevant > 0)

    def _discounts(self) -> NDArray[np.float64]:
        return 1.0 / np.log2(np.arange(2, self._k + 2))

    def _expected_of_full_lists(self) -> float:
        """The mean NDCG of warm users whose lists are k unseen items in random order."""
        counts, n_relevant = self._unseen.counts[self._warm], self._ground.n_relevant[self._warm]
        summed = np.concatenate(([0.0], np.cumsum(self._discounts())))
        gains = n_relevant / counts * summed[np.minimum(counts, self._k)] / summed[np.minimum(n_relevant, self._k)]
        return float(gains.mean())

    def _popular(self) -> Lists:
        """The k items of most events that a user has not seen. Among the first k + |seen| there are always k."""
        ground = self._ground
        order = np.argsort(-ground.item_counts, kind="stable")
        length = np.minimum(ground.n_items, self._k + np.diff(ground.seen_indptr))
        owners = np.repeat(np.arange(len(length)), length)
        starts = np.cumsum(length) - length
        items = order[np.arange(len(owners)) - starts[owners]]
        seen = _keys(ground.seen_indptr, ground.seen_items, ground.n_items)
        new = ~np.isin(owners * ground.n_items + items, seen, assume_unique=True)
        return as_lists(owners[new], items[new], len(length), self._k)

    def _true_lists(self) -> Lists:
        owners = np.repeat(np.arange(len(self._ground.users)), self._ground.n_relevant)
        return as_lists(owners, self._ground.items.astype(np.int64), len(self._ground.users), self._k)

    def _slowly(self, lists: Lists) -> float:
        """Mean NDCG of warm users by set membership of (user, item), not by the judge's tables."""
        ground = self._ground
        wanted = _keys(ground.indptr, ground.items, ground.n_items)
        places = np.arange(len(lists))[:, np.newaxis] * ground.n_items + lists
        hits = np.isin(places, wanted) & (lists >= 0)
        ideal = np.array([sum(self._discounts()[: min(n, self._k)]) for n in ground.n_relevant.tolist()])
        return float((hits @ self._discounts() / ideal)[self._warm].mean())


def refusal(name: str, judge: Judge, answer: bytes, part: Part) -> Control:
    """A control that holds where the judge refuses the answer."""
    try:
        said = judge.judge(answer, part).evaluation
    except MalformedPredictions:
        return Control(name=name, unit="", value=None, held=True, expected="no value at all")
    metric, value = next(iter(said.metrics.items()))
    return Control(name=name, unit=metric, value=value, held=False, expected="a refusal")


def _cutoff(cutoffs: tuple[int, ...], widest: int) -> int:
    """Where NDCG is cut: at 10, or as near to it as the judge cuts."""
    return min((k for k in cutoffs if k <= widest), key=lambda k: (abs(k - USUAL_CUTOFF), k))


def _keys(indptr: Int64s, items: NDArray[np.int32], n_items: int) -> Int64s:
    return np.asarray(np.repeat(np.arange(len(indptr) - 1), np.diff(indptr)) * n_items + items)


def _as_candidate(
    lists: Lists, ground: Ground, users: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
) -> bytes:
    """The lists as a candidate writes them: in its ids, a row a user in the order of its ids."""
    ids = np.append(items, -1).astype(np.int32)[lists]
    return npy(ids[np.argsort(users[ground.users])])
