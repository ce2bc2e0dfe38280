"""A hypothesis: what is claimed, the effect that it predicts, and what a measured difference says of it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from autorec.domain.evaluation import Objective

_NUMBER = re.compile(r"(?<![\w.)])([+\-−])\s?(\d*\.?\d+(?:e-?\d+)?)(\s?%)?", re.IGNORECASE)
_MEASURE = re.compile(
    r"\b[a-z_]+@\d+|\b(?:ndcg|recall|precision|hitrate|mrr|map|coverage|gini|novelty|g?auc|ece|calibration)\b"
    r"|loss|\b(?:predict_s|memory|memory_bytes|state_bytes|training_s|time|latency|seconds?|parameters?)\b",
    re.IGNORECASE,
)
"""What else a number may be of: metrics, costs, and losses of whatever kind."""
_CLAUSE_END = re.compile(r"[,;]|\.\s|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A falsifiable sentence, and the effect that it predicts, in words (`ndcg@10 +0.01`)."""

    sentence: str
    predicted_effect: str | None = None


class Verdict(StrEnum):
    """How a hypothesis ends."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Candidate minus rival in the primary metric, and its paired interval."""

    effect: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Which way the metric is said to go (+1, -1; 0: not said) and how far, in its unit (None: not said)."""

    sign: int = 0
    size: float | None = None


def read_prediction(text: str | None, metric: str) -> Prediction:
    """The first signed number that a predicted effect gives for the primary metric; `+5 %` tells the way and no size.

    A number counts where it follows the metric's name in the same clause, or opens a text that names nothing else
    that could be measured: `recall@20 +0.02`, `+0.02 recall` and `training loss -0.1` say nothing of `ndcg@10`.
    """
    found = _found(text or "", metric)
    if found is None:
        return Prediction()
    size = None if found[3] else float(found[2])
    return Prediction(sign=0 if size == 0 else 1 if found[1] == "+" else -1, size=size)


def verdict(difference: Difference, prediction: Prediction, objective: Objective) -> tuple[Verdict, str]:
    """What a difference says of a hypothesis, and why.

    Confirmed where the interval lies wholly on the predicted side of zero (the better one where none was predicted);
    refuted where it lies wholly on the other, or short of the predicted size; else open. A hypothesis of no
    difference can be refuted and never confirmed.
    """
    side = objective.worth(prediction.sign) or 1.0
    low, high = sorted(side * objective.worth(end) for end in (difference.low, difference.high))
    if prediction.size == 0:
        if low > 0 or high < 0:
            return Verdict.REFUTED, "there is a difference where none was predicted"
        return Verdict.OPEN, "no difference was seen, which does not show that there is none"
    short = prediction.size is not None and high < prediction.size
    if low > 0:
        return Verdict.CONFIRMED, "less than predicted" if short else ""
    if high < 0:
        return Verdict.REFUTED, "the difference goes the other way"
    if short:
        return Verdict.REFUTED, "the interval excludes the predicted size"
    return Verdict.OPEN, "not resolvable: the interval includes zero"


def _found(text: str, metric: str) -> re.Match[str] | None:
    stem, _, cutoff = metric.partition("@")
    at = rf"(?:@{cutoff})?" if cutoff else ""
    named = list(re.finditer(rf"(?<!\w){re.escape(stem)}{at}(?![@\w])", text, re.IGNORECASE))
    if not named:
        return None if _MEASURE.search(text) else _NUMBER.match(text.lstrip())
    numbers = (_NUMBER.search(_clause(text[name.end() :])) for name in named)
    return next(filter(None, numbers), None)


def _clause(text: str) -> str:
    """What is said of one thing: up to the end of the clause, or to the next thing that could be measured."""
    ends = [found.start() for found in (_CLAUSE_END.search(text), _MEASURE.search(text)) if found]
    return text[: min(ends, default=len(text))]
