"""What an answer was worth to the search, for those who decide whom to ask: from *select* alone."""

from autorec.domain.state import Record, State

VALID = 0.2
"""What a candidate is worth that was judged, and is no better than what it started from."""


def inner_reward(record: Record, state: State) -> float | None:
    """0 to 1, higher is better: 0 for a failure, 1 for one better than what it had to beat; None while undecided.

    That is the better of its parents, and for a draft the best baseline judged so far. Where no parent was judged (a
    repair), to be judged is all that was asked.
    """
    if record.search is None:
        return None
    value = state.value(record)
    if value is None:
        return 0.0
    parents = [state.records[parent] for parent in record.parents if parent in state.records]
    rival = state.best(parents or state.baselines)
    if rival is None:
        return 1.0 if parents else VALID
    worth = state.task.primary.worth
    return 1.0 if worth(value) > worth(state.value(rival) or 0.0) else VALID
