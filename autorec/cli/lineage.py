"""The lineage of a candidate: a tree for the terminal, DOT for Graphviz, JSON for scripts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from autorec.cli.runs import Cand, Json, Run
from autorec.domain.errors import UsageError
from autorec.domain.lineage import Lineage, delta, lineage_of, marks
from autorec.domain.state import Record, State


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(lineage)


def lineage(
    run: Run,
    candidate: Cand,
    dot: Annotated[bool, typer.Option("--dot", help="a graph for Graphviz")] = False,
    as_json: Json = False,
) -> None:
    """What a candidate was made from, back to the drafts and baselines, and what was made from it.

    Examples: autorec lineage demo 3fa9c1 · autorec lineage demo 3fa9c1 --dot | dot -Tsvg > tree.svg
    """
    from autorec.cli.reader import read_run
    from autorec.domain.text import plain

    if dot and as_json:
        raise UsageError("--dot and --json are two forms of the same", fix="give one of them")
    reader = read_run(run)
    state = reader.state
    family = lineage_of(state, reader.record(candidate).id)
    if as_json:
        print(json.dumps(to_json(family, state)))
    elif dot:
        print(to_dot(family, state))
    else:
        print(plain("\n".join(to_text(family, state))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of the tree: `lead` is what stands before the name, `below` what stands before its own children."""

    record: Record
    parent: Record | None
    lead: str
    below: str
    again: bool


def to_text(family: Lineage, state: State) -> Iterator[str]:
    """A tree, a line a candidate: an only child stands right below its parent, several are set in.

    A candidate with two parents stands below each; what was made from it only below the first.
    """
    from autorec.cli.summary import describe, short

    rows = list(_rows(family))
    names = [row.lead + short(row.record) for row in rows]
    how = [describe(row.record) for row in rows]
    widths = max(map(len, names)), max(map(len, how))
    yield f"{'':<{widths[0]}}  {'':<{widths[1]}}  {state.task.primary.name:>8}  {'to parent':>9}"
    for row, name, made in zip(rows, names, how, strict=True):
        own = state.value(row.record)
        change = delta(row.record, row.parent, state) if row.parent else None
        figures = f"{_figure(own, ''):>8}  {_figure(change, '+'):>9}"
        remarks = ["asked for"] if row.record.id == family.focus else []
        remarks += ["see above"] if row.again else marks(row.record, state)
        yield f"{name:<{widths[0]}}  {made:<{widths[1]}}  {figures}  {', '.join(remarks)}".rstrip()


def to_dot(family: Lineage, state: State) -> str:
    """A directed graph: an edge from each parent, labelled with the difference."""
    from autorec.cli.summary import describe, short

    lines = ["digraph lineage {", '  node [shape=box, fontname="sans-serif"];']
    for record in family.records:
        text = [short(record), describe(record), _figure(state.value(record), ""), ", ".join(marks(record, state))]
        style = ", penwidth=3" if record.id == family.focus else ""
        lines.append(f"  {_quoted(record.id)} [label={_quoted(*filter(None, text))}{style}];")
    for parent, record in _edges(family):
        change = _figure(delta(record, parent, state), "+")
        lines.append(f"  {_quoted(parent.id)} -> {_quoted(record.id)} [label={_quoted(change)}];")
    return "\n".join([*lines, "}"])


def to_json(family: Lineage, state: State) -> dict[str, Any]:
    """Every candidate with its value, and the difference to each parent that stands here, by the parent's id."""
    deltas: dict[str, dict[str, float | None]] = {record.id: {} for record in family.records}
    for parent, record in _edges(family):
        deltas[record.id][parent.id] = delta(record, parent, state)
    return {
        "candidate": family.focus,
        "metric": state.task.primary.name,
        "lineage": [
            {
                "id": record.id,
                "name": record.name,
                "operator": str(record.operator),
                "parents": list(record.parents),
                "outcome": None if record.search is None else str(record.search.outcome),
                "value": state.value(record),
                "deltas": deltas[record.id],
                "marks": list(marks(record, state)),
            }
            for record in family.records
        ],
    }


def _rows(family: Lineage) -> Iterator[_Row]:
    """Depth first, without recursion: a lineage may be thousands long."""
    children = family.children()
    shown: set[str] = set()
    waiting = [_Row(record=r, parent=None, lead="◦ ", below="", again=False) for r in reversed(family.roots)]
    while waiting:
        row = waiting.pop()
        again = row.record.id in shown
        shown.add(row.record.id)
        yield _Row(record=row.record, parent=row.parent, lead=row.lead, below=row.below, again=again)
        below = [] if again else children[row.record.id]
        waiting += reversed([_below(row, child, below) for child in below])


def _below(row: _Row, child: Record, siblings: list[Record]) -> _Row:
    lead, below = row.below + "↓ ", row.below
    if len(siblings) > 1:
        last = child is siblings[-1]
        lead, below = row.below + ("└─◦ " if last else "├─◦ "), row.below + ("  " if last else "│ ")
    return _Row(record=child, parent=row.record, lead=lead, below=below, again=False)


def _edges(family: Lineage) -> Iterator[tuple[Record, Record]]:
    """Parent and child, in order of the child's age."""
    known = {record.id: record for record in family.records}
    for record in family.records:
        for parent in dict.fromkeys(record.parents):
            if parent in known:
                yield known[parent], record


def _figure(number: float | None, sign: str) -> str:
    return "" if number is None else f"{number:{sign}.4f}"


def _quoted(*lines: str) -> str:
    """A DOT string of these lines; no text can end it or smuggle in one of DOT's escapes."""
    from autorec.domain.text import plain

    escaped = [
        plain(line).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ").replace("\t", " ") for line in lines
    ]
    return '"' + "\\n".join(escaped) + '"'
