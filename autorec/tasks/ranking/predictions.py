"""Checked predictions as people read them: the row of the file, and its probability."""

import csv
from io import BytesIO, StringIO

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.datasets import Int64s
from autorec.tasks.parts import rows_of
from autorec.tasks.ranking.impressions import Impressions
from autorec.tasks.splits import Split


def as_csv(rows: Impressions, split: Split, part: Part, predictions: bytes) -> str:
    """`row,probability` of a part's judged predictions (float32 .npy [n])."""
    numbers = row_numbers(rows, split, part)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("row", "probability"))
    scores = np.load(BytesIO(predictions), allow_pickle=False)
    writer.writerows((row, f"{score:.7g}") for row, score in zip(numbers.tolist(), scores.tolist(), strict=True))
    return out.getvalue()


def row_numbers(rows: Impressions, split: Split, part: Part) -> Int64s:
    """Which rows of the file are of a part: from 1, a header apart, within the file that they stood in."""
    here = np.flatnonzero(rows_of(split.part, part))
    return here + 1 if rows.given is None else here + 1 - np.searchsorted(rows.given, rows.given[here])
