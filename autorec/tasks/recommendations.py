"""Checked predictions as people read them: raw ids, one line a place."""

import csv
from io import BytesIO, StringIO

import numpy as np

from autorec.domain.job import Part
from autorec.tasks.datasets import Dataset
from autorec.tasks.holdouts import ground
from autorec.tasks.splits import Split


def as_csv(dataset: Dataset, split: Split, part: Part, predictions: bytes) -> str:
    """`user_id,item_id,rank` of a part's judged predictions (int32 .npy [q, k], -1 at the end of short rows)."""
    lists = np.load(BytesIO(predictions), allow_pickle=False)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("user_id", "item_id", "rank"))
    for user, row in zip(ground(dataset, split, part).users.tolist(), lists.tolist(), strict=True):
        raw = dataset.user_ids[user]
        writer.writerows((raw, dataset.item_ids[item], rank) for rank, item in enumerate(row, 1) if item >= 0)
    return out.getvalue()
