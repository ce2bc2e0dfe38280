"""How good probabilities are, where it is known what was clicked."""

from dataclasses import dataclass

import numpy as np

SMALLEST = 1e-7


@dataclass(frozen=True)
class Quality:
    """`auc`: how often a clicked row stands above another, ties count one half. `calibration`: clicks foreseen for each
    that came. AUC and calibration are NaN without clicks, AUC also without other rows.
    """

    rows: int
    clicks: int
    auc: float
    logloss: float
    calibration: float

    def __str__(self) -> str:
        return (
            f"{self.rows:,} rows, {self.clicks:,} clicks: AUC {self.auc:.4f}, log loss {self.logloss:.4f}, "
            f"{self.calibration:.3f} clicks foreseen for each that came"
        )


def quality(labels: np.ndarray, probabilities: np.ndarray) -> Quality:
    """Of labels [n], 1 where clicked, and probabilities [n]."""
    clicked, scores = labels > 0, probabilities.astype(np.float64)
    n_clicks = int(clicked.sum())
    return Quality(
        rows=len(clicked),
        clicks=n_clicks,
        auc=_auc(clicked, scores),
        logloss=logloss(labels, probabilities),
        calibration=float(scores.sum() / n_clicks) if n_clicks else float("nan"),
    )


def logloss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean of -log of the probability that was given to what happened."""
    scores = probabilities.astype(np.float64)
    return float(-np.log(np.maximum(np.where(labels > 0, scores, 1 - scores), SMALLEST)).mean())


def _auc(clicked: np.ndarray, scores: np.ndarray) -> float:
    """By the ranks of the clicked (Mann and Whitney 1947); equal scores share the mean of their ranks."""
    n_clicks, n_others = int(clicked.sum()), int((~clicked).sum())
    if not n_clicks or not n_others:
        return float("nan")
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[group]
    return float((ranks[clicked].sum() - n_clicks * (n_clicks + 1) / 2) / (n_clicks * n_others))
