"""Splits: which row goes to train, select, confirm or test.

Rules: `temporal` cuts by time over all users, `loo` holds out the last three rows of each user, `ratio` a random share
of each user's rows, `given` follows given files. `auto` is given where files are given, else temporal where every
holdout keeps 500 warm users, else loo; ratio where there are no timestamps. Leave-one-out lets time leak across users
and reorders models (arXiv 2507.16289), hence the preference.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autorec.domain.errors import DataError
from autorec.domain.job import Part
from autorec.domain.text import count
from autorec.tasks import cuts
from autorec.tasks.datasets import Dataset, Int8s, Int64s
from autorec.tasks.parts import CODE_OF, HOLDOUTS, warm_users

RULES = ("auto", "temporal", "loo", "ratio", "given")
MIN_WARM_USERS = 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """`part` int8 [n], a code of `parts.CODE_OF` for each row of the data set; `rule` is never `auto`.

    `digest` names which row of which data went to which part.
    """

    part: Int8s
    rule: str
    seed: int
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rows a part, by name."""
        rows = np.bincount(self.part, minlength=len(CODE_OF))
        return {part.value: int(rows[code]) for part, code in CODE_OF.items()}

    def manifest(self) -> dict[str, Any]:
        """What it takes to make and to check the split again, as JSON values."""
        return {
            "rule": self.rule,
            "seed": self.seed,
            "counts": self.counts,
            "digest": self.digest,
            "notes": list(self.notes),
        }


def split(dataset: Dataset, rule: str = "auto", seed: int = 0) -> Split:
    """Split by a rule of `RULES`; `seed` matters only where rows are drawn at random.

    Raises DataError when the rule is unknown or does not fit, or a holdout is left without a warm user.
    """
    if rule not in RULES:
        raise DataError(f"split: expected one of {', '.join(RULES)}, got {rule!r}", fix="choose --split auto")
    resolved, notes = _resolve(dataset) if rule == "auto" else (rule, ())
    try:
        part, said = _cut(dataset, resolved, seed)
    except DataError as error:
        raise DataError(str(error), fix=error.fix if _others(dataset, resolved, seed) else instead(())) from None
    if problem := _nothing_to_judge(dataset, part):
        raise DataError(
            f"{dataset.name}: nothing is left to judge after the split {resolved!r}: {problem}",
            fix=instead(_others(dataset, resolved, seed)),
        )
    digest = hashlib.sha256(dataset.digest.encode() + part.tobytes()).hexdigest()
    return Split(part=part, rule=resolved, seed=seed, digest=digest, notes=(*notes, *said))


def _resolve(dataset: Dataset) -> tuple[str, tuple[str, ...]]:
    """The rule that `auto` stands for, and why."""
    if dataset.given is not None:
        return "given", ("auto: the split follows the given files",)
    if dataset.timestamps is None and dataset.sequential:
        return "loo", ("auto: leave-one-out, as rows have an order but no timestamps to cut at",)
    if dataset.timestamps is None:
        return "ratio", ("auto: no timestamps, so a random share of each user is held out",)
    warm = min(_warm_users(dataset, cuts.temporal(dataset.timestamps)).values())
    if warm >= MIN_WARM_USERS:
        return "temporal", (f"auto: cut by time; the smallest holdout keeps {warm:,} warm users",)
    return "loo", (
        f"auto: leave-one-out, as a cut by time would leave a holdout with {warm:,} warm users "
        f"(expected {MIN_WARM_USERS}); time leaks across users",
    )


def _cut(dataset: Dataset, rule: str, seed: int) -> tuple[Int8s, tuple[str, ...]]:
    if rule == "given":
        part, how = cuts.given(dataset, seed)
        return part, (f"confirm is the given valid, test the given test; select is {how}",)
    if rule == "ratio":
        return cuts.ratio(dataset, seed), tuple(_few_rows(dataset, 5))
    if rule == "temporal":
        return cuts.temporal(_require_timestamps(dataset, rule)), ()
    if not dataset.in_order:
        _require_timestamps(dataset, rule)
    return cuts.leave_one_out(dataset), tuple(_few_rows(dataset, len(HOLDOUTS) + 1))


def _require_timestamps(dataset: Dataset, rule: str) -> Int64s:
    if dataset.timestamps is None:
        raise DataError(
            f"{dataset.name}: split {rule!r} expects timestamps, and the data has none",
            fix="name the time column (--columns timestamp=<column>), or choose --split ratio",
        )
    return dataset.timestamps


def _few_rows(dataset: Dataset, least: int) -> Iterator[str]:
    if few := int(np.sum(np.diff(dataset.user_indptr) < least)):
        yield f"{few:,} users with fewer than {least} rows stay in train"


def _warm_users(dataset: Dataset, part: Int8s) -> dict[Part, int]:
    """Users of each holdout that have both a history and something to find."""
    return warm_users(dataset.users, dataset.items, dataset.n_items, part)


def _nothing_to_judge(dataset: Dataset, part: Int8s) -> str | None:
    """The first holdout without a warm user, and what it has; None where all have one."""
    rows = np.bincount(part, minlength=len(CODE_OF))
    for holdout, warm in _warm_users(dataset, part).items():
        if warm == 0:
            n_rows = count(int(rows[CODE_OF[holdout]]), "row")
            return f"{holdout.value} has {n_rows}, none of a user with a history and an item new to that user"
    return None


def _others(dataset: Dataset, rule: str, seed: int) -> tuple[str, ...]:
    """The other rules that leave something to judge."""
    return tuple(each for each in RULES[1:] if each != rule and _would_do(dataset, each, seed))


def _would_do(dataset: Dataset, rule: str, seed: int) -> bool:
    try:
        return _nothing_to_judge(dataset, _cut(dataset, rule, seed)[0]) is None
    except DataError:
        return False


def instead(rules: Sequence[str]) -> str:
    """What to do where a rule leaves a part with nothing to judge: `rules` are those that do not."""
    if rules:
        return f"choose --split {' or '.join(rules)}, or give more data"
    return "give more data: there is too little for any split, as each of train, select, confirm and test needs rows"
