"""Looking before searching: doctor, evaluate, baselines."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from autorec.cli import options

if TYPE_CHECKING:
    from autorec.domain.control import Control
    from autorec.domain.evaluation import Trained
    from autorec.execution.tiers import TierReport


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(evaluate)
    app.command()(baselines)
    app.command()(doctor)


@options.takes_data
def evaluate(
    folder: Annotated[Path, typer.Argument(help="a folder with model.py and train.py")],
    chosen: Mapping[str, Any],
    training: options.Training = None,
    seed: options.Seed = None,
    isolation: options.Isolation = None,
    unsafe_no_sandbox: options.NoSandbox = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Train one candidate folder in the sandbox and judge it on *select*, without a run.

    The exit code is 3 where nothing of it could be judged; --json tells of that all the same.

    Example: autorec evaluate my_model --data ratings.csv --training 60s
    """
    from autorec.cli.diagnosis import show_diagnosis
    from autorec.cli.terminal import Screen, say
    from autorec.schemas.config import load_config
    from autorec.wiring import evaluate_candidate, read_candidate

    flags = {
        **chosen,
        "training": training,
        "seed": seed,
        "isolation": isolation,
        "unsafe_no_sandbox": unsafe_no_sandbox,
    }
    resolved = load_config(flags, config)
    if resolved.training is None:
        resolved = resolved.model_copy(update={"training": 60.0})
    options.warn_of(resolved.unsafe_no_sandbox)
    candidate = read_candidate(folder)
    trained, log = evaluate_candidate(candidate, resolved, _say_controls)
    if as_json:
        print(json.dumps(_evaluated(trained, log)))
    else:
        say("\n".join(told_of(trained, log)))
        if trained.diagnosis is not None:
            show_diagnosis(Screen(), trained.diagnosis)
    if not trained.ok:
        raise typer.Exit(options.NOTHING_VALID)


def _evaluated(trained: "Trained", log: str) -> dict[str, Any]:
    from dataclasses import asdict

    used = trained.usage
    return {
        "id": trained.candidate,
        "outcome": str(trained.outcome),
        "tier": trained.tier,
        "reason": trained.reason,
        "select": _metrics(trained),
        "diagnosis": asdict(trained.diagnosis) if trained.diagnosis else None,
        "used": {"wall_s": used.wall_s, "cpu_s": used.cpu_s, "memory_bytes": used.memory_bytes},
        "log": log,
    }


def told_of(trained: "Trained", log: str) -> Iterator[str]:
    """For people. Where the reason is the end of the log, it is told once: its last line first, all of it there."""
    from autorec.domain.text import size

    used, reason = trained.usage, trained.reason.strip()
    in_log = "".join(reason.split()) in "".join(log.split())
    yield trained.candidate
    yield f"{trained.outcome}: {reason.splitlines()[-1] if in_log and reason else reason}"
    yield from (f"  {name:<14} {value:.4f}" for name, value in (_metrics(trained) or {}).items())
    yield f"used {used.wall_s:.1f} s wall, {used.cpu_s:.1f} s CPU, {size(used.memory_bytes)}, tier {trained.tier}"
    if log:
        yield f"log\n{log}"


@options.takes_data
def baselines(
    chosen: Mapping[str, Any],
    budget: options.Budget = None,
    training: options.Training = None,
    workers: options.Workers = None,
    baselines: options.Baselines = None,
    search_space: options.SearchSpace = None,
    seed: options.Seed = None,
    isolation: options.Isolation = None,
    unsafe_no_sandbox: options.NoSandbox = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """Train baselines, or recall them, and judge them on *select* and *confirm*; the test stays sealed.

    All that the budget has time for, unless some are named. A later search with the same data, training time and
    number of workers finds them ready. Example: autorec baselines --data ratings.csv --baselines ease,slim
    """
    from rich.table import Table

    from autorec.cli.terminal import Screen, say
    from autorec.domain.text import duration
    from autorec.schemas.config import load_config
    from autorec.wiring import choose_in_time, measure_baselines

    flags = {
        **chosen,
        "budget": budget,
        "training": training,
        "workers": workers,
        "baselines": baselines,
        "search_space": search_space,
        "seed": seed,
        "isolation": isolation,
        "unsafe_no_sandbox": unsafe_no_sandbox,
    }
    resolved, left_out = choose_in_time(load_config(flags, config))
    options.warn_of(resolved.unsafe_no_sandbox)
    if left_out:
        say(f"no time in {duration(resolved.budget)} for {', '.join(left_out)}: give more --budget", error=True)

    def report(name: str, trained: "Trained") -> None:
        took = "cached" if trained.cached else f"{trained.usage.wall_s:.1f} s"
        say(f"{name}: {trained.outcome}, {took}", error=True)

    done = measure_baselines(resolved, report, _say_controls)
    if as_json:
        parts = {n: dict(zip(("select", "confirm"), map(_metrics, t), strict=False)) for n, t in done.items()}
        print(json.dumps({"baselines": parts}))
        return
    primary = resolved.objectives[0]
    table = Table(title="Baselines", title_justify="left")
    for name in ("", f"{primary} select", f"{primary} confirm", "train s", "outcome"):
        table.add_column(name, justify="left" if name in ("", "outcome") else "right")
    for name, trained in done.items():
        figures = [f"{(_metrics(t) or {}).get(primary, float('nan')):.4f}" for t in trained]
        figures += ["–"] * (2 - len(figures))
        table.add_row(name, *figures, f"{trained[0].usage.training_s:.1f}", str(trained[0].outcome))
    Screen().print(table)


def _say_controls(controls: "tuple[Control, ...]") -> None:
    from autorec.cli.terminal import say
    from autorec.domain.control import held_line

    say(f"judge  controls: {held_line(controls)}", error=True)


def doctor(
    isolation: options.Isolation = None,
    config: options.Config = None,
    as_json: options.Json = False,
) -> None:
    """What isolation this machine offers, what a search would take, and how to get more.

    Example: autorec doctor --json
    """
    from dataclasses import asdict

    from autorec.domain.job import NO_ISOLATION
    from autorec.domain.text import plain
    from autorec.execution import machine
    from autorec.execution.tiers import probe, verdict
    from autorec.schemas.config import load_config

    minimum = load_config({"isolation": isolation}, config).isolation.min
    facts = {name: getattr(machine, name)() for name in MACHINE}
    reports = probe()
    taken = verdict(reports, minimum)
    user = {"uid": os.getuid(), "name": "root" if os.getuid() == 0 else "an ordinary user"}
    if as_json:
        tiers = {name: asdict(report) for name, report in reports.items()}
        print(json.dumps({"tiers": tiers, **facts, "user": user, "isolation": minimum, "verdict": taken}))
        return
    for name, tier in reports.items():
        _show_tier(name, tier)
    for name, found in facts.items():
        told = ", ".join(f"{what.replace('_', ' ')} {_told(fact)}" for what, fact in found.items())
        print(f"{name:<10} {plain(told)}")
    print(f"{'user':<10} {user['name']} (uid {user['uid']})")
    refused = "a search refuses, see the fixes above" if taken == NO_ISOLATION else f"a search takes {taken}"
    print(f"verdict: {taken}; with isolation {minimum} {refused}")


MACHINE = ("kernel", "cgroups", "apparmor", "gpu")


def _show_tier(name: str, tier: "TierReport") -> None:
    from autorec.domain.text import plain

    print(f"{name:<10} {'available' if tier.available else 'not available'}")
    for canary, held in tier.canaries.items():
        print(f"    {'held  ' if held else 'BROKEN'}  {canary}")
    for label, text in (("problem", tier.problem), ("fix", tier.fix)):
        if text and not tier.available:
            print(f"    {label}: {plain(text)}")


def _told(fact: str | int | bool | None) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return "none" if fact in (None, "") else str(fact)


def _metrics(trained: Any) -> dict[str, float] | None:
    return dict(trained.evaluation.metrics) if trained.evaluation else None
