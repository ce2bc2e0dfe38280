"""What can be said of the champion against the best baseline, and what cannot."""

from autorec.domain.state import State


def evidence_line(state: State) -> str:
    """What can be said of the champion against the best baseline, and what cannot."""
    e = state.evidence
    if e is None:
        return "No comparison with a baseline could be made on the test."
    level = 100 * (1 - 0.05 / e.comparisons)
    facts = (
        f"{state.task.primary.name} {e.effect:+.4f} against {e.against}, paired interval [{e.low:+.4f}, {e.high:+.4f}] "
        f"at {level:.1f} % (95 % corrected for {e.comparisons} finalists). Baselines are untuned named designs."
    )
    if e.missing:
        facts += f" Not compared alike, because they failed or were not trained again: {', '.join(e.missing)}."
    ends = [state.task.primary.worth(end) for end in (e.low, e.high)]
    if max(ends) < 0:
        return f"Worse than a baseline: {facts}"
    if min(ends) <= 0:
        needed = max(abs(e.effect - e.low), abs(e.high - e.effect))
        return f"Not resolvable here: {facts} A gain of about {needed:.4f} would have been."
    return f"Verified: {facts}" if e.verified else f"Better, but not verified: {facts}"
