"""Speaking to a run from outside: hypothesize, pin, ban, pause, stop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autorec.cli.runs import Cand, Run

if TYPE_CHECKING:
    from autorec.wiring import Receipt


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(hypothesize)
    app.command()(pin)
    app.command()(ban)
    app.command()(pause)
    app.command()(stop)


def hypothesize(
    run: Run,
    sentence: Annotated[str, typer.Argument(help="a sentence that a result can refute")],
    effect: Annotated[
        str | None, typer.Option(help="what it predicts, such as 'ndcg@10 +0.01' (minus: a loss is predicted)")
    ] = None,
) -> None:
    """Have a run's language model test a sentence, while the run goes on or when it is resumed.

    Example: autorec hypothesize demo "tastes drift within a week" --effect "ndcg@10 +0.01"
    """
    from autorec import wiring
    from autorec.cli.terminal import say
    from autorec.schemas.commands import read_hypothesis

    hypothesis = read_hypothesis(sentence, effect)
    receipt, name = wiring.hypothesize(path_of(run), hypothesis), _called(run)
    say(f"told: {hypothesis.sentence}")
    say(_next(receipt, name, "is read within seconds, and the next thing that the model is asked for"))
    say(f"  autorec hypotheses {name}      what came of it")


def pin(run: Run, candidate: Cand) -> None:
    """Have a run go on building on a candidate, whatever selection says.

    Example: autorec pin demo 3f2a
    """
    from autorec import wiring
    from autorec.cli.terminal import say

    record, receipt = wiring.pin(path_of(run), candidate)
    say(f"pinned: #{record.number} {record.id[:10]}")
    say(_next(receipt, _called(run), "takes notice within seconds, and builds on it once it has been judged"))


def ban(
    run: Run,
    candidate: Cand,
    why: Annotated[
        str | None, typer.Option(help="the reason that stands in the record of one that is refused before it is run")
    ] = None,
) -> None:
    """Have a run build on a candidate no more, and let it into no finals; what was made from it stays.

    One that has not begun is refused: never run, and told as a failure to whoever writes the next.

    Examples: autorec ban demo 3f2a · autorec ban demo 3f2a --why "it reads the popularity alone"
    """
    from autorec import wiring
    from autorec.cli.terminal import say
    from autorec.schemas.commands import read_why

    record, receipt = wiring.ban(path_of(run), candidate, read_why(why) if why is not None else None)
    say(f"banned: #{record.number} {record.id[:10]}")
    say(_next(receipt, _called(run), "takes notice within seconds"))


def pause(run: Run) -> None:
    """Have a run begin nothing new until `autorec resume RUN`: what trains or is being written ends.

    Then its clock stands still: a pause takes nothing of --budget. `autorec stop RUN` ends a paused run with its
    finals. Example: autorec pause demo
    """
    from autorec import wiring
    from autorec.cli.terminal import say

    receipt, name = wiring.pause(path_of(run)), _called(run)
    say(_next(receipt, name, "takes notice within seconds: what is under way ends, and nothing new begins"))
    say(f"  autorec resume {name}      goes on with it")


def stop(run: Run) -> None:
    """Have a run begin nothing new: what trains ends, then come the finals and the sealed test.

    Ctrl-C leaves a run as it is instead, for `resume`. Example: autorec stop demo
    """
    from autorec import wiring
    from autorec.cli.terminal import say

    receipt = wiring.stop(path_of(run))
    say(_next(receipt, _called(run), "takes notice within seconds: what trains ends, the finals follow"))


def _next(receipt: "Receipt", run: str, at_once: str) -> str:
    when = (
        at_once if receipt.at_work else f"waits: no process works on this run; `autorec resume {run}` goes on with it"
    )
    doubts = "".join(f"\n! it may come too late: {doubt}" for doubt in receipt.doubts)
    return f"command {receipt.number} {when}{doubts}"


def path_of(run: str) -> Path:
    """Where the run of that name lies."""
    from autorec.store.folder import resolve_run

    return resolve_run(run)


def _called(run: str) -> str:
    from autorec.store.folder import called

    return called(path_of(run))
