"""The candidates of a run as a table that fits the terminal: no empty column, and only long texts are cut."""

from collections.abc import Mapping

from rich import box
from rich.cells import cell_len
from rich.table import Table

from autorec.cli.summary import describe, figure, metrics_of, short
from autorec.domain.state import Record, State
from autorec.domain.text import plain

RIGHT = ("#", "select", "train")
LEAST = {"why": 12, "how": 12, "parent": 6}
"""What may be cut where there is no room for all, in this order, and how much of it stays."""
DISPENSABLE = ("parent", "train", "how", "why")
"""What is left out where that does not do, in this order."""
GAP = 2
VERDICTS = {None: "", True: ", pinned", False: ", banned"}
"""What people said of a candidate; never cut, as its column is not."""


def candidate_table(state: State, *, at_work: bool, width: int) -> Table:
    """All candidates in order of admission, in `width` columns of a terminal."""
    heads = {"select": f"{state.task.primary.name}\nselect", "train": "train\ns"}
    rows = [_cells(record, state, at_work) for record in state.records.values()]
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    texts = {name: [*heads.get(name, name).splitlines(), *each] for name, each in columns.items() if any(each)}
    widths = fit({name: max(map(cell_len, each)) for name, each in texts.items()}, width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)
    for name, room in widths.items():
        table.add_column(
            heads.get(name, name),
            justify="right" if name in RIGHT else "left",
            width=room,
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in rows:
        table.add_row(*(row[name] for name in widths))
    return table


def standing(record: Record, state: State, at_work: bool) -> str:
    """How a candidate stands, in a word or two."""
    if record.search is not None:
        return "cached" if record.search.cached else str(record.search.outcome)
    if state.search_ended is not None:
        return "not run"
    if record.id in state.training:
        return "training" if at_work else "interrupted"
    if record.id in state.awaiting:
        return "waits for approval"
    return "waiting"


def why(record: Record, state: State, at_work: bool) -> str:
    """Why it stands so, or what it was to test, on one line."""
    done = record.search
    if done is None:  # what is in training, or waits, says so itself
        return state.not_trained(record, at_work) or "" if state.search_ended is not None else ""
    if not done.ok:
        return (done.reason.strip().splitlines() or [""])[-1]
    return (record.hypothesis or "").replace("\n", " ")


def _cells(record: Record, state: State, at_work: bool) -> dict[str, str]:
    done = record.search
    return {
        "#": str(record.number),
        "select": figure(metrics_of(done), state.task.primary.name) if done else "",
        "train": f"{done.usage.training_s:.1f}" if done else "",
        "id": plain(short(record)),
        "how": plain(describe(record)),
        "parent": plain(" ".join(state.records[p].name or p[:6] for p in record.parents)),
        "outcome": standing(record, state, at_work)
        + ("" if record.refused else VERDICTS[state.verdicts.get(record.id)]),
        "why": plain(why(record, state, at_work)),
    }


def fit(widths: Mapping[str, int], room: int) -> dict[str, int]:
    """The width of each column that stays: all as they are, or the long ones cut, or some left out."""
    kept = dict(widths)
    for name, least in LEAST.items():
        if name in kept:
            kept[name] -= max(0, min(_taken(kept) - room, kept[name] - least))
    for name in DISPENSABLE:
        if _taken(kept) > room:
            kept.pop(name, None)
    return kept


def _taken(widths: Mapping[str, int]) -> int:
    return sum(widths.values()) + GAP * (len(widths) - 1)
