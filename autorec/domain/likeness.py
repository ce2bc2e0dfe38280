"""Whose answers a candidate repeats, told by fingerprints. It takes one judged checkpoint, from whatever rung."""

from collections.abc import Iterable, Sequence

from autorec.domain.candidate import Operator
from autorec.domain.diagnosis import SHARE_DECIMALS, Twin
from autorec.domain.state import Record

NEAR_IDENTICAL = 0.9
"""Share of equal fingerprint entries from which two candidates count as predicting the same."""
SMALLER = 0.95
QUICKER = 0.5
LEAST_S = 1.0
"""Times are measured and differ from one training to the next: half is quicker, below a second nothing."""


def similarity(a: Sequence[int], b: Sequence[int]) -> float:
    """Share of equal entries of two fingerprints: an estimate of how much two candidates' answers overlap."""
    if not a or len(a) != len(b):
        return 0.0
    return sum(x == y for x, y in zip(a, b, strict=True)) / len(a)


def twin_of(fingerprint: Sequence[int], known: Iterable[Record]) -> Twin | None:
    """The known candidate that answers most alike, the first of equals; None where none is near-identical."""
    alike = [(similarity(fingerprint, print_of(record)), record) for record in known]
    nearest, record = max(alike, key=lambda pair: pair[0], default=(0.0, None))
    if record is None or nearest < NEAR_IDENTICAL:
        return None
    return Twin(candidate=record.id, similarity=round(nearest, SHARE_DECIMALS))


def print_of(record: Record) -> tuple[int, ...]:
    """The fingerprint of a candidate's answers in the search; empty where it has none."""
    evaluation = record.search.evaluation if record.search else None
    return evaluation.fingerprint if evaluation else ()


def is_lighter(record: Record, than: Record) -> bool:
    """Whether a candidate that predicts the same is worth keeping beside the other: simpler code, a smaller state, or
    clearly less time.
    """
    if record.operator is Operator.SIMPLIFY and than.id in record.parents:
        return True
    mine, theirs = record.search, than.search
    if mine is None or theirs is None:
        return False
    if mine.state_bytes and theirs.state_bytes and mine.state_bytes <= SMALLER * theirs.state_bytes:
        return True
    times = ((mine.usage.training_s, theirs.usage.training_s), (mine.predict_s or 0.0, theirs.predict_s or 0.0))
    return any(other >= LEAST_S and ours <= QUICKER * other for ours, other in times)
