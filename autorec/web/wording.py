"""What a run says in plain English: the headline, the verdict, how a candidate was made."""

from collections.abc import Mapping
from dataclasses import dataclass

from autorec.domain.candidate import Operator
from autorec.domain.evaluation import Objective
from autorec.domain.events import Evidence
from autorec.domain.job import Stage
from autorec.domain.resolution import (
    Resolution,
    corrected_level,
    least_resolvable,
    not_verified_line,
    resolve,
    too_few,
)
from autorec.domain.state import Record
from autorec.domain.text import count, sentence
from autorec.finals import UNISOLATED
from autorec.schemas.replayed import replay_of
from autorec.web.account import Account

WITH_A_SANDBOX = "Search again without --unsafe-no-sandbox; autorec doctor says what this machine offers."
BADGES: Mapping[Resolution, str] = {
    Resolution.VERIFIED: "good",
    Resolution.BETTER: "open",
    Resolution.UNRESOLVED: "open",
    Resolution.WORSE: "bad",
}

NOUNS: Mapping[Operator, str] = {
    Operator.DRAFT: "a drafted candidate",
    Operator.IMPROVE: "an improved candidate",
    Operator.CROSSOVER: "a crossed candidate",
    Operator.SIMPLIFY: "a simplified candidate",
    Operator.REPAIR: "a repaired candidate",
    Operator.HYPOTHESIS: "a test of a person's hypothesis",
    Operator.TUNE: "a tuned candidate",
    Operator.POLICY: "a design of the policy",
    Operator.HUMAN: "a person's own code",
    Operator.BASELINE: "a baseline",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """A badge with its tone (`good`, `open`, `bad`), a title, and what it means."""

    badge: str
    tone: str
    title: str
    sentence: str


def figure(number: float | None) -> str:
    """A metric's value."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.4f}".replace("-", "−")


def signed(number: float) -> str:
    """A difference."""
    return f"{number:+.4f}".replace("-", "−")


def family(record: Record) -> str:
    """The family that a policy drew from, empty where there is none."""
    return str((record.design or {}).get("family") or "")


def made(record: Record) -> str:
    """How a candidate was made and what it is: `policy · blend`."""
    if record.is_baseline:
        return f"baseline · {record.name}" if record.name else "baseline"
    return f"{record.operator} · {family(record)}" if family(record) else str(record.operator)


def label(record: Record) -> str:
    """A short name for plots: a baseline's name, or number and family."""
    return record.name or f"#{record.number} {family(record) or record.operator}"


def idea(record: Record) -> str:
    """What a candidate is about: its hypothesis, or the choices of a policy."""
    return record.hypothesis or ", ".join(_choice(name, chosen) for name, chosen in (record.design or {}).items())


def remark(record: Record) -> str:
    """Why it failed, or what it is about."""
    failed = record.search is not None and not record.ok
    return record.search.reason if record.search and failed else idea(record)


def better_way(objective: Objective) -> str:
    return "higher is better" if objective.worth(1.0) > 0 else "lower is better"


def headline(account: Account) -> Headline:
    """The first thing to read."""
    state, champion = account.state, account.champion
    if champion is not None and state.value(champion, Stage.FINAL) is not None:
        return _judged(account, champion)
    if state.ended is not None:
        if state.ended == UNISOLATED:
            return Headline(badge="No sandbox", tone="bad", title=UNISOLATED.capitalize(), sentence=WITH_A_SANDBOX)
        return Headline(
            badge="No result",
            tone="bad",
            title=sentence(state.ended) if champion is None else "The champion could not be judged on the test",
            sentence=f"{count(len(state.candidates), 'candidate')} tried, {account.came_to_nothing}.",
        )
    return _under_way(account)


def _judged(account: Account, champion: Record) -> Headline:
    state, evidence = account.state, account.state.evidence
    metric = state.task.primary.name
    title = f"{figure(state.value(champion, Stage.FINAL))} {metric} on the sealed test, by {_article(champion)}"
    if evidence is None:
        told = "No comparison with a baseline could be made on the test."
        if account.standing != "finished":
            told = f"The run is {account.standing}: the comparison with the baselines is not complete."
        return Headline(badge="Not compared", tone="open", title=title, sentence=told)
    said = resolve(evidence, state.task.primary)
    return Headline(badge=said, tone=BADGES[said], title=title, sentence=_meaning(said, evidence, account))


def _meaning(said: Resolution, e: Evidence, account: Account) -> str:
    interval = f"[{signed(e.low)}, {signed(e.high)}]"
    level = f"{100 * corrected_level(e.comparisons):.1f} %"
    rival = f"{e.against}, the best of {count(len(account.state.baselines), 'baseline')}"
    if few := too_few(e.n_units):
        return f"It differs from {rival}, by {signed(e.effect)}. {few}."
    if said is Resolution.UNRESOLVED:
        return (
            f"It differs from {rival}, by {signed(e.effect)}. The paired {level} interval {interval} contains zero: "
            f"{account.judged_on['test']:,} judged units (users or rows) cannot tell the two apart. "
            f"A difference of about {least_resolvable(e):.4f} would have shown."
        )
    facts = f"{rival}, by {signed(e.effect)}; the paired {level} interval {interval} excludes zero."
    if said is Resolution.WORSE:
        return f"It is worse than {facts} Take the baseline."
    if said is Resolution.BETTER:
        return f"It scores better than {facts} {not_verified_line(e)}"
    return f"It beats {facts}"


def _under_way(account: Account) -> Headline:
    state, leader = account.state, account.leader
    told = {
        "running": "The run is going on: this page shows it as it was when the page was made.",
        "paused": "A person has paused the run: what was under way ends, and nothing new begins until it is resumed.",
        "waiting": f"The run waits: {count(len(state.awaiting), 'candidate')} may be run once a person approves.",
        "interrupted": f"The run was interrupted. Everything recorded is here, and {_how_on(account)}.",
    }[account.standing]
    best = "No candidate has been judged yet"
    if leader is not None:
        best = f"{figure(state.value(leader))} {state.task.primary.name} on select so far, by {_article(leader)}"
    return Headline(
        badge=account.standing.capitalize(), tone="open", title=best, sentence=f"{told} The test is sealed."
    )


def _how_on(account: Account) -> str:
    """How what was interrupted is gone on with; the command of another machine's folder is nobody's business."""
    replayed = replay_of(account.started.config) is not None
    return "a replay is begun anew" if replayed else "it can go on where it stopped"


def _choice(name: str, chosen: object) -> str:
    words = name.replace("_", " ")
    if isinstance(chosen, bool):
        return words if chosen else f"no {words}"
    return str(chosen) if name == "family" else f"{words} {f'{chosen:g}' if isinstance(chosen, float) else chosen}"


def _article(record: Record) -> str:
    what = NOUNS[record.operator]
    return f"{what} ({family(record)})" if family(record) else what
