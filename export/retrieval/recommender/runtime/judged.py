"""Whether the folder still answers what was judged."""

import hashlib

import numpy as np
from recommender.runtime.folder import Trained
from recommender.runtime.role import Recommender


def count_equal(trained: Trained) -> tuple[int, int]:
    """How many lists are the judged ones, item for item, and how many were judged.

    Raises Refusal where nothing was kept of them; that is looked for first, as no log of another day is a remedy.
    """
    judged, recommender = trained.judged(), Recommender(trained)
    items = recommender.answer(recommender.history.asked, trained.about["top_k"]).items
    own = np.array([list_hash(row) for row in items.numpy().astype("<i4")], dtype=np.uint64)
    return int(np.count_nonzero(own == judged)), len(judged)


def list_hash(items: np.ndarray) -> int:
    """64 bits of a list's int32 little-endian bytes."""
    return int.from_bytes(hashlib.blake2b(items.tobytes(), digest_size=8).digest(), "little")
