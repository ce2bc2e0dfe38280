"""Candidates that wait for a person's word before they are run, and giving it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autorec.domain.commands import Approve, Ban
from autorec.domain.errors import UsageError
from autorec.domain.state import Record, State
from autorec.wiring.reader import RunReader
from autorec.wiring.steering import Receipt, refuse_stopped, searching, told_to_stop

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder

ALL = "all"
"""What stands for every candidate that waits now."""


def approve(path: Path, names: Sequence[str]) -> tuple[tuple[Record, ...], Receipt]:
    """Have a run train candidates that wait for it: ids, beginnings of ids, or `ALL`; those that were meant.

    Raises UsageError where its search is over or was told to stop, nobody is asked, or one of them waits for no
    approval; then none is.
    """
    with searching(path) as (folder, state):
        waiting = {record.id: record for record in awaiting(folder, state)}
        refuse_stopped(folder, state)
        meant = tuple(waiting.values()) if ALL in names else _named(folder, state, names)
        if ALL in names and not waiting:
            raise UsageError(f"nothing waits for approval in {path} now", fix=_look(folder))
        for record in meant:
            if record.id not in waiting:
                raise UsageError(
                    f"#{record.number} {record.id[:10]} waits for no approval: {_how_it_stands(record, state)}",
                    fix=_look(folder),
                )
        numbers = [folder.inbox.tell(Approve(candidate=record.id)) for record in meant]
        return meant, Receipt(number=numbers[-1], at_work=folder.at_work)


def awaiting(folder: "RunFolder", state: State) -> tuple[Record, ...]:
    """What waits for approval, but for what lies answered in the inbox; in order of admission.

    Raises UsageError where the run asks nobody.
    """
    if not state.approve:
        raise UsageError(
            f"{folder.path} asks nobody: it runs whatever is written",
            fix="begin one that asks: autorec search --approve ...",
        )
    if told_to_stop(folder, state):
        return ()
    letters = (letter.command for letter in folder.inbox.after(state.heard))
    answered = {told.candidate for told in letters if isinstance(told, Approve | Ban)}
    return tuple(state.records[i] for i in state.awaiting if i not in answered)


def _named(folder: "RunFolder", state: State, names: Sequence[str]) -> tuple[Record, ...]:
    reader = RunReader(folder, state, folder.at_work)
    found = {record.id: record for record in map(reader.record, names)}
    return tuple(found.values())


def _how_it_stands(record: Record, state: State) -> str:
    if record.refused:
        return "it was refused"
    if record.search is not None:
        return f"it was run, and ended as {record.search.outcome}"
    if record.id in state.awaiting:
        return "it was approved or refused just now, and the run has not read that yet"
    return "it was approved, or needs none"


def _look(folder: "RunFolder") -> str:
    return f"`autorec approve {folder.called}` shows what waits"
