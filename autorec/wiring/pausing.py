"""Pausing a run from outside, and having it go on."""

from pathlib import Path
from typing import TYPE_CHECKING

from autorec.domain.commands import Pause, Resume
from autorec.domain.errors import UsageError
from autorec.domain.state import State
from autorec.wiring.steering import Receipt, refuse_stopped, searching, told_to_stop

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder


def pause(path: Path) -> Receipt:
    """Have a run begin nothing new until it is told to go on: what is under way ends, then its clock stands still.

    Raises UsageError where its search is over or was told to stop, it is paused, or no process works on it.
    """
    with searching(path) as (folder, state):
        go_on = f"`autorec resume {folder.called}` goes on with it"
        if not folder.at_work:
            raise UsageError(f"no process works on {path}: there is nothing to pause", fix=go_on)
        refuse_stopped(folder, state)
        if will_be_paused(folder, state):
            raise UsageError(f"{path} is paused already", fix=go_on)
        return Receipt(number=folder.inbox.tell(Pause()), at_work=True)


def go_on(path: Path) -> Receipt:
    """Have a process that works on a paused run go on. Raises UsageError where its search is over, or it is not paused.

    Where no process does, `resume` is what goes on with it.
    """
    with searching(path) as (folder, state):
        if not will_be_paused(folder, state):
            raise UsageError(
                f"a process works on {path}, and it is not paused",
                fix=f"`autorec status {folder.called}` says what it does",
            )
        return Receipt(number=folder.inbox.tell(Resume()), at_work=folder.at_work)


def end_pause(folder: "RunFolder", state: State) -> bool:
    """Have a run that is taken up again go on if it was paused; whether it was."""
    if not will_be_paused(folder, state):
        return False
    folder.inbox.tell(Resume())
    return True


def will_be_paused(folder: "RunFolder", state: State) -> bool:
    """Whether a run is paused once it has read all that it was told."""
    paused = state.paused
    for letter in folder.inbox.after(state.heard):
        if isinstance(letter.command, Pause | Resume):
            paused = isinstance(letter.command, Pause)
    return paused and state.search_ended is None and not told_to_stop(folder, state)
