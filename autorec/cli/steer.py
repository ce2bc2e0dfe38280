"""Speaking to a run from outside: hypothesize, pin, ban, stop."""

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
    receipt, name = wiring.hypothesize(_path(run), hypothesis), _called(run)
    say(f"told: {hypothesis.sentence}")
    say(_next(receipt, name, "is read within seconds, and the next thing that the model is asked for"))
    say(f"  autorec hypotheses {name}      what came of it")


def pin(run: Run, candidate: Cand) -> None:
    """Have a run go on building on a candidate, whatever selection says.

    Example: autorec pin demo 3f2a
    """
    from autorec import wiring
    from autorec.cli.terminal import say

    record, receipt = wiring.pin(_path(run), candidate)
    say(f"pinned: #{record.number} {record.id[:10]}")
    say(_next(receipt, _called(run), "takes notice within seconds, and builds on it once it has been judged"))


def ban(run: Run, candidate: Cand) -> None:
    """Have a run build on a candidate no more, and let it into no finals; what was made from it stays.

    Example: autorec ban demo 3f2a
    """
    from autorec import wiring
    from autorec.cli.terminal import say

    record, receipt = wiring.ban(_path(run), candidate)
    say(f"banned: #{record.number} {record.id[:10]}")
    say(_next(receipt, _called(run), "takes notice within seconds"))


def stop(run: Run) -> None:
    """Have a run begin nothing new: what trains ends, then come the finals and the sealed test.

    Ctrl-C leaves a run as it is instead, for `resume`. Example: autorec stop demo
    """
    from autorec import wiring
    from autorec.cli.terminal import say

    receipt = wiring.stop(_path(run))
    say(_next(receipt, _called(run), "takes notice within seconds: what trains ends, the finals follow"))


def _next(receipt: "Receipt", run: str, at_once: str) -> str:
    when = (
        at_once if receipt.at_work else f"waits: no process works on this run; `autorec resume {run}` goes on with it"
    )
    doubts = "".join(f"\n! it may come too late: {doubt}" for doubt in receipt.doubts)
    return f"command {receipt.number} {when}{doubts}"


def _path(run: str) -> Path:
    from autorec.store.folder import resolve_run

    return resolve_run(run)


def _called(run: str) -> str:
    from autorec.store.folder import called

    return called(_path(run))
