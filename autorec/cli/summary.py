"""A run as one JSON object, and as tables."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich import box
from rich.table import Table

from autorec.cli.costs import costs_json
from autorec.cli.terminal import Screen
from autorec.domain.candidate import SHORT_ID
from autorec.domain.control import held_line
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.resolution import evidence_line, unconfirmed_line
from autorec.domain.state import Fault, Record, State
from autorec.domain.text import count, plain, sentence
from autorec.schemas.flags import data_flags
from autorec.schemas.replayed import replay_of, replayed_line
from autorec.search import OUT_OF_TIME
from autorec.tasks.known_roles import role_named
from autorec.wiring.export import is_served


def metrics_of(trained: Trained | None) -> dict[str, float] | None:
    """Metrics keyed like `ndcg@10`; None where nothing was judged."""
    return None if trained is None or trained.evaluation is None else dict(trained.evaluation.metrics)


def stages_of(record: Record) -> dict[str, dict[str, float] | None]:
    """A candidate's metrics by the part that it was judged on."""
    return {
        "select": metrics_of(record.search),
        "confirm": metrics_of(record.final(Stage.FINALIST)),
        "test": metrics_of(record.final(Stage.FINAL)),
    }


def train_seconds(state: State) -> float:
    """Seconds of training that this run itself has paid for."""
    return sum(trained.usage.training_s for record in state.records.values() for trained in record.paid)


def as_json(state: State, run: str, wall_s: float, config: Mapping[str, Any]) -> dict[str, Any]:
    """What `search --json` prints; `replay_of` is the recording that vouches for it all, unless it was `retrained`."""
    champion = state.records.get(state.champion or "")
    evidence = state.evidence
    return {
        "run": run,
        "replay_of": replay_of(config),
        "retrained": bool(config.get("retrain")),
        "candidates": len(state.candidates),
        "evaluations": sum(r.ok for r in state.candidates),
        "generations": len(state.generations),
        "champion": None
        if champion is None
        else {
            "id": champion.id,
            "operator": str(champion.operator),
            "verified": bool(evidence and evidence.verified),
            **stages_of(champion),
        },
        "baselines": {r.name or r.id: stages_of(r) for r in state.baselines},
        "evidence": None
        if evidence is None
        else {
            "against": evidence.against,
            "effect": evidence.effect,
            "low": evidence.low,
            "high": evidence.high,
            "comparisons": evidence.comparisons,
            "missing": dict(evidence.missing),
        },
        "faults": {name: {"ask": fault.ask, "reason": fault.reason} for name, fault in state.faults.items()},
        "tiers": list(state.tiers),
        "controls": [asdict(control) for control in state.controls],
        "test_opened": state.test_opened,
        "ended": state.ended,
        "cost": {
            **costs_json(state),
            "train_s": round(train_seconds(state), 3),
            "wall_s": round(wall_s, 3),
        },
    }


def list_json(state: State, at_work: bool) -> dict[str, Any]:
    """What `list RUN --json` prints; `reason` says of what was not trained why not."""
    return {
        "candidates": [
            {
                "id": r.id,
                "operator": str(r.operator),
                "parents": list(r.parents),
                "outcome": None if r.search is None else str(r.search.outcome),
                "reason": state.not_trained(r, at_work) if r.search is None else r.search.reason,
                "select": metrics_of(r.search),
            }
            for r in state.records.values()
        ]
    }


def short(record: Record) -> str:
    """A candidate's name for people: the baseline's name, or the beginning of the id."""
    return record.name or record.id[:SHORT_ID]


def fault_line(writer: str, fault: Fault) -> str:
    """Since when a proposer or a model is out, why, and what to set."""
    standing = "is asked once more; it was out" if fault.tried_again else "is out"
    return plain(f"{writer} {standing} since ask {fault.ask}: {fault.reason}")


def final_table(state: State) -> Table:
    """Champion against each baseline on the sealed test; narrow enough for 80 columns."""
    primary = state.task.primary
    others = [name for name in role_named(state.task.role).shown if name != primary.name]
    table = Table(title="On the sealed test", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    for part in ("select", "confirm"):
        table.add_column(f"{primary.name}\n{part}", justify="right", style="dim")
    for name in (primary.name, *others):
        table.add_column(f"{name}\ntest", justify="right")
    champion = state.records.get(state.champion or "")
    judged = state.best_first(state.baselines, Stage.FINAL)
    rows = [*([champion] if champion else []), *judged, *(r for r in state.baselines if r not in judged)]
    for record in rows:
        stages = stages_of(record)
        figures = [figure(stages["test"], name) for name in (primary.name, *others)]
        before = [figure(stages[part], primary.name) for part in ("select", "confirm")]
        name = f"champion ({describe(record)})" if record is champion else short(record)
        if record.search and record.search.cached:
            name += " (cached)"
        table.add_row(name, *before, *figures, style="bold" if record is champion else "")
    return table


def describe(record: Record) -> str:
    """How a candidate was made, in a few words."""
    if record.is_baseline:
        return "baseline"
    family = (record.design or {}).get("family")
    return f"{record.operator} · {family}" if family else str(record.operator)


def stage_of(state: State) -> str:
    """What a run does that is not over."""
    if state.test_opened is not None:
        return "final stage on the sealed test"
    if state.search_ended is not None:
        return "finalists on fresh seeds"
    return "paused" if state.paused else "searching"


def waits_line(state: State, run: str) -> str | None:
    """What a run that is at work waits for people to say, and how they say it."""
    if state.paused:
        return f"paused: `autorec resume {run}` goes on, `autorec stop {run}` ends it with its finals"
    if waiting := state.awaiting:
        held = f"{count(len(waiting), 'candidate')} {'waits' if len(waiting) == 1 else 'wait'} for approval"
        return f"{held}: `autorec approve {run}`{'; the run rests until then' if state.resting else ''}"
    return None


def show_result(
    console: Screen, state: State, run: str, code: Mapping[str, str], folder: str, config: Mapping[str, Any]
) -> None:
    """The end of a search, for people: the champion's code, the table, what it means, what to do next.

    A replay, as its `config` tells, has neither predictions nor weights.
    """
    replayed, trained = replayed_line(config), replay_of(config) is None or bool(config.get("retrain"))
    if state.champion is None:
        console.print(plain(f"{_no_champion(state)}. See each with: autorec list {run}"))
        _say_faults(console, state)
        return
    champion = state.champion[:SHORT_ID]
    rival = state.evidence.against if state.evidence else next(short(r) for r in state.baselines)
    console.rule(f"{champion} model.py", align="left")
    console.code(code.get("model.py", ""), "python")
    console.rule()
    console.print(final_table(state))
    if unconfirmed := unconfirmed_line(state):
        console.print(plain(f"{unconfirmed}."))
    for text in (_protocol(state), f"Controls: {held_line(state.controls)}.", evidence_line(state), replayed):
        if text:
            console.print(plain(text))
    _say_faults(console, state)
    console.print(
        f"""
The champion's code is in {folder}{f", {role_named(state.task.role).predictions_are} beside it" if trained else ""}

Next
{_next_steps(state, run, champion, rival, trained)}""",
        soft_wrap=True,
    )


def _no_champion(state: State) -> str:
    """Why there is none, and what to do where time was too short."""
    told = sentence(state.ended or "")
    return f"{told}. Give more --budget" if state.search_ended == OUT_OF_TIME and not state.decided else told


def _next_steps(state: State, run: str, champion: str, rival: str, trained: bool) -> str:
    """Commands and what each is for, in two columns."""
    steps = {
        f"show {run} {champion} --code": "all of its code",
        f"diff {run} {champion} {rival}": "how it differs from a baseline",
        f"list {run}": "every candidate and how it ended",
        f"report {run}": "all of this as one page for the browser",
    }
    if trained and is_served(state.task.role):
        steps[f"export {run} champion DIR"] = "take it away: it works without autorec"
    steps[f"search --data YOUR.csv --budget 20m{data_flags({'role': state.task.role})}"] = "a log of your own"
    width = max(map(len, steps))
    return "\n".join(f"  autorec {command:<{width}}  {what}" for command, what in steps.items())


def _say_faults(console: Screen, state: State) -> None:
    for proposer, fault in state.faults.items():
        console.print(f"Not all was tried: {fault_line(proposer, fault)}", style="yellow")


def _protocol(state: State) -> str:
    opened = count(state.test_opened or 0, "time")
    return (
        f"Protocol: split {state.task.split_rule}; {role_named(state.task.role).protocol(state.task)}. "
        f"The test of this data set was opened {opened} for {state.task.role}."
    )


def figure(metrics: Mapping[str, float] | None, name: str) -> str:
    """A metric as people read it; a dash where it was not judged."""
    value = (metrics or {}).get(name)
    return "–" if value is None else f"{value:.4f}"
