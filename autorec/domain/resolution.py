"""What can be said of a champion against the best baseline on the sealed test, and what cannot."""

from enum import StrEnum
from textwrap import shorten

from autorec.domain.control import control_line
from autorec.domain.evaluation import Objective, Trained
from autorec.domain.events import Evidence
from autorec.domain.job import Stage
from autorec.domain.state import Record, State
from autorec.domain.text import count, sentence

LEVEL = 0.95
"""What an interval would cover if it were the only comparison."""

LEAST_UNITS = 20
"""Below so many units nothing is told apart: a percentile bootstrap of few is too narrow, and of one a single point."""


NOTHING_VALID = "nothing valid was found"
LONGEST_REASON = 120


class Resolution(StrEnum):
    """The four things that a paired interval can say."""

    VERIFIED = "Verified"
    BETTER = "Better, but not verified"
    UNRESOLVED = "Not resolvable here"
    WORSE = "Worse than a baseline"


def resolve(evidence: Evidence, objective: Objective) -> Resolution:
    """Where the interval lies; a lower metric is the better one where the objective says so.

    An interval of fewer than `LEAST_UNITS` units resolves nothing.
    """
    if too_few(evidence.n_units):
        return Resolution.UNRESOLVED
    ends = [objective.worth(end) for end in (evidence.low, evidence.high)]
    if max(ends) < 0:
        return Resolution.WORSE
    if min(ends) <= 0:
        return Resolution.UNRESOLVED
    return Resolution.VERIFIED if evidence.verified else Resolution.BETTER


def corrected_level(comparisons: int) -> float:
    """What one of several intervals covers, so that all together keep `LEVEL` (Bonferroni)."""
    return 1 - (1 - LEVEL) / comparisons


def least_resolvable(evidence: Evidence) -> float:
    """About the least gain, in the metric's unit, that this test could have told from none."""
    return max(abs(evidence.effect - evidence.low), abs(evidence.high - evidence.effect))


def evidence_line(state: State) -> str:
    """All of that in a sentence or two, for people."""
    e = state.evidence
    if e is None:
        return "No comparison with a baseline could be made on the test."
    level = f"{100 * corrected_level(e.comparisons):.1f} %"
    if e.comparisons > 1:
        level += f" (95 % corrected for {count(e.comparisons, 'finalist')})"
    facts = (
        f"{state.task.primary.name} {e.effect:+.4f} against {e.against}, paired interval [{e.low:+.4f}, {e.high:+.4f}] "
        f"at {level}. Baselines are untuned named designs."
    )
    said = resolve(e, state.task.primary)
    if said is Resolution.UNRESOLVED:
        few = too_few(e.n_units)
        facts += f" {few}." if few else f" A gain of about {least_resolvable(e):.4f} would have been."
    if said is Resolution.BETTER:
        facts += f" {not_verified_line(e)}"
    elif doubts := doubts_line(e):
        facts += f" {sentence(doubts)}."
    return f"{said}: {facts}"


def too_few(n_units: int) -> str | None:
    """Why so many units tell nothing apart; None where they may."""
    if n_units >= LEAST_UNITS:
        return None
    return f"It rests on {count(n_units, 'unit')} (users, or rows), and fewer than {LEAST_UNITS} tell nothing apart"


def not_alike(state: State) -> dict[str, str]:
    """Champion and baselines that are not compared as they should be, name -> why in words.

    Each should be trained again for the test, and judged there on the units that the champion is judged on.
    """
    champion = state.records[state.champion or ""]
    judged = champion.final(Stage.FINAL)
    whys = {r.name or "champion": _why_not_alike(r, judged, state) for r in (champion, *state.baselines)}
    return {name: why for name, why in whys.items() if why is not None}


def _why_not_alike(record: Record, champion: Trained | None, state: State) -> str | None:
    search, trained = record.search, record.final(Stage.FINAL)
    if search is None:
        return f"never trained, as the search was over: {state.search_ended}"
    if trained is None:
        return f"in the search it ended as {search.outcome}: {search.reason}"
    if not trained.ok:
        return f"for the test it ended as {trained.outcome}: {trained.reason}"
    if trained.not_retrained:
        return trained.reason
    if champion is None or trained.pairs_with(champion):
        return None
    return f"judged on other units: {trained.n_units}, the champion on {champion.n_units}"


def doubts_line(e: Evidence) -> str:
    """What stands against the comparison, whatever its interval says: who is not compared alike and why, those of one
    reason together, and the control that does not hold. Empty where nothing does.
    """
    names: dict[str, list[str]] = {}
    for name, why in e.missing.items():
        names.setdefault(shorten(why, LONGEST_REASON, placeholder=" ..."), []).append(name)
    doubts = []
    if names:
        alike = "; ".join(f"{', '.join(each)} ({why})" for why, each in names.items())
        doubts.append(f"not compared alike: {alike}")
    if e.too_good is not None:
        doubts.append(f"not at chance where it must be: {control_line(e.too_good)}")
    return "; ".join(doubts)


def unconfirmed_line(state: State) -> str | None:
    """Which baselines have no figure on *confirm* at the end, and why; None where all that could be judged were."""
    names = [r.name or r.id for r in state.baselines if r.ok and r.final(Stage.FINALIST) is None]
    if state.ended is None or not names:
        return None
    return f"Not judged on confirm, since the time was needed for the test: {', '.join(names)}"


def not_verified_line(e: Evidence) -> str:
    """Why what scores better is not verified."""
    return f"Not verified, since {doubts_line(e) or 'its answers were not kept'}."


def nothing_valid(state: State) -> str:
    """That a run found no champion, and why."""
    if state.finalists:
        why = f"{count(len(state.finalists), 'finalist')}, none could be judged on confirm"
    elif state.decided:
        why = f"{count(len(state.decided), 'candidate')} tried, none could be judged"
    else:
        why = "no candidate was trained"
    return f"{NOTHING_VALID}: {why}; the search ended: {state.search_ended}"
