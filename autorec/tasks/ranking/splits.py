"""Splits of impressions: which row goes to train, select, confirm or test.

`temporal` cuts by time, or by the order of the file where that is the order of time; `ratio` draws by a hash of the
row's features, so that rows that look the same stay together; `given` follows given files. `auto` is given where files
are given, else temporal where time is known, else ratio.
"""

import hashlib

import numpy as np

from autorec.domain.errors import DataError
from autorec.domain.text import count
from autorec.tasks.cuts import CONFIRM, GIVEN_PARTS, SELECT, TRAIN, temporal
from autorec.tasks.datasets import Int8s, Int64s
from autorec.tasks.parts import CODE_OF
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.splits import Split, instead

RULES = ("auto", "temporal", "ratio", "given")


def split(rows: Impressions, rule: str = "auto", seed: int = 0) -> Split:
    """Split by a rule of `RULES`; `seed` matters only where rows are drawn at random.

    Raises DataError when the rule does not fit, or a part is left without clicks, or with nothing else.
    """
    resolved, notes = _resolve(rows) if rule == "auto" else (rule, ())
    try:
        part = _cut(rows, resolved, seed)
    except DataError as error:
        raise DataError(str(error), fix=error.fix if _others(rows, resolved, seed) else instead(())) from None
    if problem := _one_label(rows, part):
        raise DataError(
            f"{rows.name}: after the split {resolved!r}, {problem}; expected some rows of each label",
            fix=instead(_others(rows, resolved, seed)),
        )
    digest = hashlib.sha256(rows.digest.encode() + part.tobytes()).hexdigest()
    return Split(part=part, rule=resolved, seed=seed, digest=digest, notes=notes)


def _resolve(rows: Impressions) -> tuple[str, tuple[str, ...]]:
    if rows.given is not None:
        return "given", ("auto: the split follows the given files; select is carved from the end of train",)
    if rows.timestamps is not None:
        return "temporal", ("auto: cut by time",)
    if rows.in_order:
        return "temporal", ("auto: cut by the order of the file, first 70 / 10 / 10 / 10 %",)
    return "ratio", ("auto: no timestamps, so rows are held out at random, by a hash of their features",)


def _cut(rows: Impressions, rule: str, seed: int) -> Int8s:
    if rule == "ratio":
        return temporal(_shuffled(rows, seed))
    if rule == "given":
        return _given(rows, seed)
    return temporal(_clock(rows))


def _clock(rows: Impressions) -> Int64s:
    """What tells earlier from later."""
    if rows.timestamps is not None:
        return rows.timestamps
    if rows.in_order:
        return np.arange(len(rows))
    raise DataError(
        f"{rows.name}: split 'temporal' expects timestamps, and the data has none",
        fix="name the time column (--columns timestamp=<column>), or choose --split ratio",
    )


def _given(rows: Impressions, seed: int) -> Int8s:
    """Test and confirm as given; select is the end of train by time, or a random share, about as large as confirm."""
    if rows.given is None:
        raise DataError(
            f"{rows.name}: split 'given' expects a folder with train, valid and test files",
            fix="give such a folder as data, or choose --split auto",
        )
    part = np.array(GIVEN_PARTS, dtype=np.int8)[rows.given]
    order = _shuffled(rows, seed) if rows.timestamps is None else rows.timestamps
    train, size = np.flatnonzero(part == TRAIN), int((part == CONFIRM).sum())
    cut = np.sort(order[train])[max(len(train) - size, len(train) // 2)]
    part[train[order[train] >= cut]] = SELECT
    return part


def _shuffled(rows: Impressions, seed: int) -> Int64s:
    """A number for each row in random order; rows that look the same have the same."""
    return (rows.row_hashes(seed) >> np.uint64(1)).astype(np.int64)


def _one_label(rows: Impressions, part: Int8s) -> str | None:
    """The first part that has rows of one label only, or none, and what it has; None where all have both."""
    for each, code in CODE_OF.items():
        here = rows.labels[part == code]
        if not here.any() or here.all():
            return f"{each.value} has {count(int(here.sum()), 'click')} in {count(len(here), 'row')}"
    return None


def _others(rows: Impressions, rule: str, seed: int) -> tuple[str, ...]:
    """The other rules that leave something to judge."""
    return tuple(each for each in RULES[1:] if each != rule and _would_do(rows, each, seed))


def _would_do(rows: Impressions, rule: str, seed: int) -> bool:
    try:
        return _one_label(rows, _cut(rows, rule, seed)) is None
    except DataError:
        return False
