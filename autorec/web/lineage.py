"""Who came from whom: families as flat lists with depths, so that a chain of any length can be shown."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from autorec.domain.state import Record, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A candidate in its family; `others` are its parents beside the one that it hangs from."""

    record: Record
    depth: int
    others: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A founder and all that descend from it, each after its parent; `best` is the best member by select."""

    members: tuple[Member, ...]
    best: Record | None

    @property
    def founder(self) -> Record:
        return self.members[0].record


def families(state: State) -> tuple[list[Family], list[Record]]:
    """Families of two and more, the best first; and the candidates that have neither parent nor child."""
    children: dict[str, list[Record]] = defaultdict(list)
    founders = []
    for record in state.records.values():
        if parents := [i for i in record.parents if i in state.records]:
            children[parents[0]].append(record)
        else:
            founders.append(record)
    found = [_family(founder, children, state) for founder in founders if children[founder.id]]
    alone = [r for r in founders if not children[r.id] and not r.is_baseline]
    places = {record.id: place for place, record in enumerate(state.best_first(state.records.values()))}
    return sorted(found, key=lambda family: places[family.best.id] if family.best else len(places)), alone


def line_of(record: Record | None, state: State) -> frozenset[str]:
    """Ids of a candidate and its ancestors."""
    found: set[str] = set()
    waiting = [record.id] if record else []
    while waiting:
        if (current := waiting.pop()) not in found and current in state.records:
            found.add(current)
            waiting += state.records[current].parents
    return frozenset(found)


def _family(founder: Record, children: dict[str, list[Record]], state: State) -> Family:
    members = tuple(_descent(founder, children, state))
    return Family(members=members, best=state.best(member.record for member in members))


def _descent(founder: Record, children: dict[str, list[Record]], state: State) -> Iterator[Member]:
    waiting = [(founder, 0)]
    while waiting:
        record, depth = waiting.pop()
        others = tuple(state.records[i] for i in record.parents[1:] if i in state.records)
        yield Member(record=record, depth=depth, others=others)
        waiting += [(child, depth + 1) for child in reversed(children.get(record.id, []))]
