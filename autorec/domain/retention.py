"""Which weights a run may still need, from its state alone. What is not needed once is never needed again."""

from collections.abc import Iterator

from autorec.domain.state import Record, State


def spare_weights(state: State) -> frozenset[str]:
    """Digests of weights that the run has made and that nothing needs: not the search, the finals, nor an export.

    While the run goes on, all weights of baselines, finalists, survivors and of what no closed generation has looked
    at are needed; what a generation dropped never comes back. Of a run that has ended, one state of each is.
    """
    made = {digest for record in state.records.values() for digest in _weights(record)}
    return frozenset(made - set(_needed(state)))


def _needed(state: State) -> Iterator[str]:
    for record in _standing(state):
        if state.ended is None:
            yield from _weights(record)
        elif record.kept is not None and record.kept.state is not None:
            yield record.kept.state


def _standing(state: State) -> Iterator[Record]:
    yield from state.baselines
    yield from state.survivors
    yield from (state.records[i] for i in (*state.finalists, *state.decided_since))


def _weights(record: Record) -> Iterator[str]:
    yield from (t.state for t in (record.search, *record.finals) if t is not None and t.state is not None)
