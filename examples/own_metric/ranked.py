"""A metric of one's own: rank-biased precision (Moffat and Zobel 2008).

A reader looks at the next place of a list with the probability p: (1 - p) * sum of hit_r * p ** (r - 1) over the places
r = 1 ... k. It runs in the judge's process, on the trusted side: it is your own code, never a candidate's.
"""

import numpy as np
from numpy.typing import NDArray

PERSISTENCE = 0.8


def rbp(hits: NDArray[np.bool_], n_relevant: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """One value a user, float [q], from 0 to 1 - p ** k; higher is better. `hits` is bool [q, width], the top first."""
    weights = (1.0 - PERSISTENCE) * PERSISTENCE ** np.arange(k)
    return hits[:, :k] @ weights
