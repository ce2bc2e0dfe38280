"""An executor of one's own that imagines what candidates answer: for tests of all that goes on around trainings.

Only the self-test, which comes before each search, runs in a sandbox; any other job is over at once.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autorec.domain.job import Job, Outcome
from autorec.domain.seeds import derive_seed
from autorec.judging.lists import npy
from autorec.ports import Executor, Observe
from autorec.testing.executors import ScriptedExecutor, hands_over

SELF_TEST = "host.json"
"""What the self-test's candidate holds, and no other."""


class ImaginedExecutor:
    """Implements `ports.Executor`."""

    def __init__(self, open_built_in: Callable[[], Executor]) -> None:
        self._sandbox = open_built_in()
        self._imagined = ScriptedExecutor(lambda job: hands_over([npy(lists_of(job))], kind=job.kind))

    def run(self, job: Job, observe: Observe) -> Outcome:
        """See `ports.Executor`."""
        executor = self._sandbox if SELF_TEST in job.candidate.files else self._imagined
        return executor.run(job, observe)

    def close(self) -> None:
        """See `ports.Executor`."""
        self._sandbox.close()
        self._imagined.close()


def lists_of(job: Job) -> NDArray[np.int32]:
    """Popular items that the user has not seen, in an order that the candidate's id has shaken: int32 [q, k]."""
    query = Path(job.query_dir)
    users, indptr, items = (np.load(query / f"{name}.npy") for name in ("users", "indptr", "items"))
    n_items = json.loads((Path(job.data_dir) / "meta.json").read_text())["n_items"]
    k = min(json.loads((query / "meta.json").read_text())["k"], n_items)
    shaken = np.random.default_rng(derive_seed(job.candidate.id)).normal(size=n_items)
    popularity = np.bincount(items, minlength=n_items)
    scores = np.tile(popularity / popularity.std() + shaken, (len(users), 1))
    for row, user in enumerate(users):
        scores[row, items[indptr[user] : indptr[user + 1]]] = -np.inf
    ranked = np.argsort(-scores, axis=1)[:, :k]
    return np.where(np.isinf(np.take_along_axis(scores, ranked, axis=1)), -1, ranked).astype(np.int32)
