"""What can be said of a champion against the best baseline on the sealed test, and what cannot."""

from enum import StrEnum

from autorec.domain.control import control_line
from autorec.domain.evaluation import Objective
from autorec.domain.events import Evidence
from autorec.domain.state import State
from autorec.domain.text import count

LEVEL = 0.95
"""What an interval would cover if it were the only comparison."""

LEAST_UNITS = 20
"""Below so many units nothing is told apart: a percentile bootstrap of few is too narrow, and of one a single point."""


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
    if e.missing:
        missing = ", ".join(e.missing)
        facts += f" Not compared alike, as they failed, were not trained again or judged on other units: {missing}."
    if e.too_good is not None:
        facts += f" Not at chance where it must be: {control_line(e.too_good)}."
    said = resolve(e, state.task.primary)
    if said is Resolution.UNRESOLVED:
        few = too_few(e.n_units)
        facts += f" {few}." if few else f" A gain of about {least_resolvable(e):.4f} would have been."
    return f"{said}: {facts}"


def too_few(n_units: int) -> str | None:
    """Why so many units tell nothing apart; None where they may."""
    if n_units >= LEAST_UNITS:
        return None
    return f"It rests on {count(n_units, 'unit')} (users, or rows), and fewer than {LEAST_UNITS} tell nothing apart"
