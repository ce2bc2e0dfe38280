"""Where a candidate comes from, and what came from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autorec.domain.state import Record, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A candidate (`focus`, an id), all of its ancestors and all of its descendants, parents before children.

    Siblings are not there, nor is the other parent of a descendant that is a crossover.
    """

    focus: str
    records: tuple[Record, ...]

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(record.id for record in self.records)

    @property
    def roots(self) -> tuple[Record, ...]:
        """Where it begins: drafts, designs of the policy, people's code, baselines."""
        return tuple(record for record in self.records if self.ids.isdisjoint(record.parents))

    def children(self) -> dict[str, list[Record]]:
        """The records made from each one, by its id."""
        made: dict[str, list[Record]] = {i: [] for i in self.ids}
        for record in self.records:
            for parent in dict.fromkeys(record.parents):
                if parent in made:
                    made[parent].append(record)
        return made


def lineage_of(state: State, candidate: str) -> Lineage:
    """The lineage of a candidate of the run."""
    up = {record.id: record.parents for record in state.records.values()}
    down: dict[str, list[str]] = {i: [] for i in up}
    for child, parents in up.items():
        for parent in parents:
            down[parent].append(child)
    family = _reached(candidate, up) | _reached(candidate, down)
    return Lineage(focus=candidate, records=tuple(r for r in state.records.values() if r.id in family))


def delta(record: Record, parent: Record, state: State) -> float | None:
    """Candidate minus parent in the primary metric on *select*; None where one of them was not judged."""
    own, before = state.value(record), state.value(parent)
    return None if own is None or before is None else own - before


def marks(record: Record, state: State) -> tuple[str, ...]:
    """What stands out of a candidate."""
    found = {
        "champion": record.id == state.champion,
        "survivor": record.id in {survivor.id for survivor in state.survivors},
        "failed": record.search is not None and not record.ok,
        "not judged": record.search is None,
    }
    return tuple(mark for mark, holds in found.items() if holds)


def _reached(start: str, edges: Mapping[str, Iterable[str]]) -> set[str]:
    """All that can be reached, the start among them."""
    reached, waiting = {start}, [start]
    while waiting:
        fresh = set(edges[waiting.pop()]) - reached
        reached |= fresh
        waiting += fresh
    return reached
