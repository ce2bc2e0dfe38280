"""Controls of the judge of probabilities: answers whose worth is known, handed in by the same door as others.

| answer | must be |
|---|---|
| one that is not a number | refused |
| the click rate for every row: all ties | an AUC of exactly 0.5, and a log loss that is the entropy of the labels |
| drawn at random | an AUC at chance |
| the labels themselves | an AUC of 1 |
| the same, against shuffled labels | an AUC at chance |
| random, with rows asked in another order | the same in every metric |

The click rate for every row is what popularity is to lists: the floor that needs no features.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autorec.domain.control import Control, within
from autorec.domain.evaluation import Evaluation
from autorec.domain.job import Part
from autorec.judging.chance import auc_deviation, draws_for
from autorec.judging.list_controls import EXACT, refusal
from autorec.judging.pairs import PairJudge, npy
from autorec.ports import Judge

Float32s = NDArray[np.float32]
SINGLE = 1e-5
"""What a probability kept as float32 may cost the log loss."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """A part's truth that can be made otherwise."""

    labels: NDArray[np.bool_]
    users: NDArray[np.integer[Any]] | None
    asked: NDArray[np.integer[Any]]


class PairControls:
    """The controls of one part. `key` is what the judge was made with."""

    def __init__(
        self, judge: Judge, key: Mapping[str, Any], *, part: Part, cutoffs: tuple[int, ...], seed: int
    ) -> None:
        truth = key["truth"](part)
        self._judge, self._key, self._part, self._cutoffs = judge, key, part, cutoffs
        self._rows = _Rows(labels=truth.labels, users=truth.users, asked=truth.asked)
        self._rng = np.random.default_rng(seed)
        n_clicks = int(np.count_nonzero(truth.labels))
        self._margin = auc_deviation(n_clicks, len(truth.labels) - n_clicks)

    def run(self) -> tuple[Control, ...]:
        """All controls, in the order of the table."""
        drawn = self._rng.random(len(self._rows.labels), dtype=np.float32)
        said, labels = self._said(drawn), self._rows.labels.astype(np.float32)
        return (
            refusal("one score that is not a number", self._judge, npy(self._with_nan()), self._part),
            *self._constant(),
            self._at_chance("random scores", said.metrics["auc"], self._margin),
            within("the labels themselves", "auc", self._said(labels).metrics["auc"], 1.0, 1.0, "nothing is better"),
            self._at_chance("the labels, against shuffled labels", self._against_shuffle(npy(labels)), self._margin),
            self._other_order(drawn, said),
        )

    def of_answers(self, predictions: bytes, candidate: str) -> Control:
        """Stored answers, in the order of the data, against shuffled labels."""
        draws = draws_for(len(self._rows.labels))
        value = float(np.mean([self._against_shuffle(predictions) for _ in range(draws)]))
        name = f"the champion's scores against shuffled labels, {draws} draws"
        return replace(self._at_chance(name, value, self._margin / draws**0.5), of=candidate)

    def _with_nan(self) -> Float32s:
        scores = np.full(len(self._rows.labels), 0.5, dtype=np.float32)
        scores[-1] = np.nan
        return scores

    def _constant(self) -> tuple[Control, ...]:
        rate = float(self._rows.labels.mean())
        said = self._said(np.full(len(self._rows.labels), rate, dtype=np.float32)).metrics
        entropy = float(-(rate * np.log(rate) + (1 - rate) * np.log(1 - rate)))
        name = "the click rate for every row, all ties"
        return (
            within(name, "auc", said["auc"], 0.5 - EXACT, 0.5 + EXACT, "a tie counts one half"),
            within(name, "logloss", said["logloss"], entropy - SINGLE, entropy + SINGLE, "the entropy of the labels"),
        )

    def _at_chance(self, name: str, auc: float, margin: float) -> Control:
        return within(name, "auc", auc, max(0.0, 0.5 - margin), min(1.0, 0.5 + margin), "chance is 0.5")

    def _other_order(self, scores: Float32s, said: Evaluation) -> Control:
        asked = self._rng.permutation(len(scores))
        judge = self._judge_with(replace(self._rows, asked=asked))
        again = judge.judge(npy(scores[asked]), self._part).evaluation.metrics
        apart = max(abs(again[name] - said.metrics[name]) for name in again)
        return within(
            "random scores, rows asked in another order", "difference", apart, 0.0, EXACT, "order means nothing"
        )

    def _said(self, scores: Float32s) -> Evaluation:
        return self._judge.judge(npy(scores[self._rows.asked]), self._part).evaluation

    def _against_shuffle(self, predictions: bytes) -> float:
        labels, in_order = self._rng.permutation(self._rows.labels), np.arange(len(self._rows.labels))
        judge = self._judge_with(replace(self._rows, labels=labels, asked=in_order))
        return judge.judge(predictions, self._part).evaluation.metrics["auc"]

    def _judge_with(self, rows: _Rows) -> PairJudge:
        return PairJudge(**{**self._key, "truth": lambda part: rows}, cutoffs=self._cutoffs, primary="auc")
