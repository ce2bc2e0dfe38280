"""Telling a run something from outside, and what came of what was told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autorec.domain.commands import Ban, Command, Hypothesize, Pin, Stop
from autorec.domain.errors import RunError, UsageError
from autorec.domain.evaluation import Trained
from autorec.domain.findings import PERSON, Finding, findings
from autorec.domain.hypothesis import Difference, Hypothesis, Verdict
from autorec.domain.state import Record, State
from autorec.journal import Journal
from autorec.ports import Objects
from autorec.schemas.config import SearchConfig
from autorec.schemas.model_names import REPLAY, folder_of
from autorec.wiring.reader import RunReader
from autorec.wiring.stored import stored_config

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A command lies in the inbox. `at_work`: a process works on the run now; `doubts`: what may stand in its way."""

    number: int
    at_work: bool
    doubts: tuple[str, ...] = ()


def hypothesize(path: Path, hypothesis: Hypothesis) -> Receipt:
    """Have a run test a hypothesis, in this sitting or the next.

    Raises UsageError where its search is over, has no language model, or was told the same before.
    """
    with searching(path) as (folder, state):
        config, _, _ = stored_config(folder)
        if not config.llm:
            raise UsageError(
                f"the run {path} has no language model, and the policy draws designs without reading sentences",
                fix="begin one that has: autorec search --llm provider/model --hypothesis ...",
            )
        if hypothesis.sentence in {known.sentence for known in (*state.hypotheses, *_unread(folder, state))}:
            raise UsageError(
                f"the run {path} was told this before: {hypothesis.sentence}",
                fix=f"`autorec hypotheses {folder.called}` shows what came of it",
            )
        number = folder.inbox.tell(Hypothesize(hypothesis=hypothesis))
        return Receipt(number=number, at_work=folder.at_work, doubts=_doubts(state, config))


def stop(path: Path) -> Receipt:
    """Have a run begin nothing new: what trains ends, then the finals follow.

    Raises UsageError where its search is over.
    """
    with searching(path) as (folder, _):
        return Receipt(number=folder.inbox.tell(Stop()), at_work=folder.at_work)


def pin(path: Path, name: str) -> tuple[Record, Receipt]:
    """Have a run go on building on a candidate, whatever selection says; `name` as `RunReader.record` takes it.

    Raises UsageError where its search is over, or no candidate is called so.
    """
    return _judge(path, name, lambda record: Pin(candidate=record.id))


def ban(path: Path, name: str, why: str | None = None) -> tuple[Record, Receipt]:
    """Have a run build on a candidate no more, and let it into no finals; one that has not begun is never run.

    Raises UsageError as `pin` does.
    """
    return _judge(path, name, lambda record: Ban(candidate=record.id, why=why))


def _judge(path: Path, name: str, command: Callable[[Record], Command]) -> tuple[Record, Receipt]:
    with searching(path) as (folder, state):
        record = RunReader(folder, state, folder.at_work).record(name)
        if record.is_baseline:
            raise UsageError(
                f"{record.name or record.id} is a baseline: nothing is built on it",
                fix="name a candidate of the search",
            )
        if record.refused:
            raise UsageError(
                f"#{record.number} {record.id[:10]} was refused, and never run: it can be neither pinned nor banned",
                fix=f"`autorec show {folder.called} {record.id[:10]} --code-to DIR` takes its code into another search",
            )
        return record, Receipt(number=folder.inbox.tell(command(record)), at_work=folder.at_work)


def weigh_hypotheses(folder: "RunFolder", state: State) -> tuple[Finding, ...]:
    """Every hypothesis of a run with what came of it; last those that still lie in the inbox."""
    return (*findings(state, partial(_difference, folder.objects, state.seed)), *_waiting(folder, state))


def _waiting(folder: "RunFolder", state: State) -> Iterator[Finding]:
    why = "told, and read when the run is resumed"
    if state.search_ended is not None:
        why = "told when the search was over"
    elif folder.at_work:
        why = "told, and read at the next turn of the search"
    for told in _unread(folder, state):
        yield Finding(
            sentence=told.sentence, by=PERSON, predicted_effect=told.predicted_effect, verdict=Verdict.OPEN, why=why
        )


def _unread(folder: "RunFolder", state: State) -> tuple[Hypothesis, ...]:
    commands = [letter.command for letter in folder.inbox.after(state.heard)]
    return tuple(command.hypothesis for command in commands if isinstance(command, Hypothesize))


def _difference(objects: Objects, seed: int, ours: Trained, theirs: Trained) -> Difference | None:
    from autorec.judging.evidence import compare

    if not ours.pairs_with(theirs):
        return None
    effect, low, high = compare(objects.get(ours.per_unit or ""), objects.get(theirs.per_unit or ""), 1, seed)
    return Difference(effect=effect, low=low, high=high)


@contextmanager
def searching(path: Path) -> "Iterator[tuple[RunFolder, State]]":
    """A run that searches, or will when it is resumed."""
    from autorec.store.folder import RunFolder

    folder = RunFolder.open(path)
    try:
        journal = Journal(folder.events)
        if journal.empty:
            raise RunError(f"{path} holds no event: it was never fully begun", fix="begin a new run")
        if recording := folder_of(stored_config(folder)[0].llm, REPLAY):
            raise UsageError(
                f"{path} follows the recording {recording}, and hears only what was told then",
                fix="tell a run that searches by itself",
            )
        if journal.state.search_ended is not None:
            raise UsageError(
                f"the search of {path} is over ({journal.state.search_ended}): nothing new is begun in it",
                fix="begin another one; `--seed-code` takes the code of a candidate along, such as its champion's",
            )
        yield folder, journal.state
    finally:
        folder.close()


def told_to_stop(folder: "RunFolder", state: State) -> bool:
    """Whether a person has asked the search to stop, heard or still in the inbox."""
    return state.stop_asked or any(isinstance(letter.command, Stop) for letter in folder.inbox.after(state.heard))


def refuse_stopped(folder: "RunFolder", state: State) -> None:
    """Raises UsageError where a person has asked the search to stop: what could begin would not."""
    if told_to_stop(folder, state):
        raise UsageError(
            f"{folder.path} was told to stop: nothing new is begun in it, what trains ends and the finals follow",
            fix=f"`autorec status {folder.called}` says how far it is",
        )


def _doubts(state: State, config: SearchConfig) -> tuple[str, ...]:
    """Why the search may end before a model is asked, or is not asked at all."""
    made, most = len(state.candidates) + len(state.expected), config.max_candidates
    full = most is not None and made >= most
    spent = config.max_usd is not None and state.spent.usd >= config.max_usd
    used = config.max_tokens is not None and state.spent.tokens >= config.max_tokens
    doubts = {
        f"all {most} candidates of this search are made or being written": full,
        f"the ${config.max_usd} for language models are spent": spent,
        f"the {config.max_tokens} tokens for language models are used": used,
        "a person asked the search to stop": state.stop_asked,
    }
    out = [told for proposer in state.faults if (told := state.out(proposer))]
    return (*(doubt for doubt, holds in doubts.items() if holds), *out)
