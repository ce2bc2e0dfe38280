"""What an answer was worth to the search, for those who decide whom to ask: from *select* alone."""

from collections.abc import Sequence

from autorec.domain.candidate import Operator
from autorec.domain.state import Record, State

KEPT = 0.99
"""A simpler candidate must keep so much of what its parent scores."""
SIMPLER = 0.4
"""What that is worth: less than an improvement, or a search would do nothing but leave out."""
VALID = 0.2
"""What a candidate is worth that was judged, and is no better than what it started from."""


def inner_reward(record: Record, state: State, baselines: Sequence[Record]) -> float | None:
    """0 to 1, higher is better: 0 for a failure, 1 for one better than what it had to beat; None while undecided.

    What is to be beaten is the better of its parents, and for a draft the best baseline judged so far. A simpler one
    that keeps what its parent scores, to within a hundredth, is worth something, and 1 where it is better. Where no
    parent was judged (a repair), to be judged is all that was asked. `baselines` are those of the state, looked for
    once for all of its candidates.
    """
    if record.search is None:
        return None
    value = state.value(record)
    if value is None:
        return 0.0
    parents = [state.records[parent] for parent in record.parents if parent in state.records]
    rival = state.best(parents or baselines)
    if rival is None:
        return 1.0 if parents else VALID
    worth = state.task.primary.worth
    to_beat = worth(state.value(rival) or 0.0)
    if worth(value) > to_beat:
        return 1.0
    kept = worth(value) > to_beat - (1 - KEPT) * abs(to_beat)
    return SIMPLER if kept and record.operator is Operator.SIMPLIFY else VALID
