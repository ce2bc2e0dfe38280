"""What a split of impressions must never do: a judged row that candidates learned from, or one from before them.

Rows that look the same, label apart, may stand on both sides only where time or given files put them there.
"""

from collections.abc import Iterator

import numpy as np

from autorec.domain.control import Control
from autorec.domain.job import HISTORY_OF, Part
from autorec.tasks.leakage import counted
from autorec.tasks.parts import HOLDOUTS, rows_of
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.splits import Split

BY_TIME, AT_RANDOM, GIVEN = "temporal", "ratio", "given"


def probes(rows: Impressions, split: Split) -> tuple[Control, ...]:
    """The controls of a split of impressions, of every holdout."""
    hashes = rows.row_hashes(0)
    return tuple(control for part in HOLDOUTS for control in _of_part(rows, split, part, hashes))


def _of_part(rows: Impressions, split: Split, part: Part, hashes: np.ndarray) -> Iterator[Control]:
    judged, history = rows_of(split.part, part), rows_of(split.part, *HISTORY_OF[part])
    alike = int(np.isin(hashes[judged], hashes[history]).sum())
    strict = split.rule == AT_RANDOM or (split.rule == BY_TIME and rows.timestamps is not None)
    said = "" if strict else f"; the split {split.rule} allows it"
    name = f"{part}: judged rows that look like one learned from"
    yield counted(name, alike, allowed=not strict, expected=f"same features and time{said}")
    clock = rows.timestamps if rows.timestamps is not None else np.arange(len(rows)) if rows.in_order else None
    if clock is None:
        return
    late = int((clock[judged] <= clock[history].max()).sum())
    strict = split.rule == BY_TIME
    said = "" if strict else f"; the split {split.rule} allows it"
    name = f"{part}: judged rows with something as late in the history"
    yield counted(name, late, allowed=not strict, expected=f"of anybody{said}")
