"""A diagnosis on the terminal: where a candidate is good and where not, how it was trained, whom it resembles."""

from collections.abc import Callable, Iterator, Sequence

from rich import box
from rich.table import Table

from autorec.cli.terminal import Screen
from autorec.domain.curve import SAID
from autorec.domain.diagnosis import Agreement, Balance, Diagnosis, Gain, Segment
from autorec.domain.text import percent, sentence

INDENT = 14
Called = Callable[[str], str]
"""What a candidate is called, by its id."""


def show_diagnosis(console: Screen, diagnosis: Diagnosis, called: Called = str) -> None:
    """All of it, for people."""
    console.print()
    console.print(_segments(diagnosis, called))
    for name, text in _lines(diagnosis, called):
        console.pair(name, text, indent=INDENT)


def _segments(diagnosis: Diagnosis, called: Called) -> Table:
    """A row for each segment: what is in it, its value, and how much better that is than with each other candidate."""
    table = Table(title="On select, by segment", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "units", "value", *(f"vs {called(each.candidate)}" for each in diagnosis.agreements)):
        table.add_column(name, justify="right" if name else "left")
    for group, segments in diagnosis.groups.items():
        table.add_row(f"{sentence(group)}: {segments[0].measure}", style="bold")
        for segment in segments:
            gains = [_gain(segment, each) for each in diagnosis.agreements]
            table.add_row(f"  {segment.name}, {segment.span}", f"{segment.n:,}", f"{segment.value:.4f}", *gains)
    return table


def _gain(segment: Segment, agreement: Agreement) -> str:
    """The difference, marked where it is clear; empty where there is none."""
    found = next((gain for gain in agreement.contrast.gains if _is_of(gain, segment)), None)
    return "" if found is None else f"{found.difference:+.4f}{'*' if found.clear else ' '}"


def _is_of(gain: Gain, segment: Segment) -> bool:
    return (gain.group, gain.name) == (segment.group, segment.name)


def _lines(diagnosis: Diagnosis, called: Called) -> Iterator[tuple[str, str]]:
    if diagnosis.agreements:
        yield "vs", "positive is better; * beyond two standard errors of the paired difference"
    yield from _balance(diagnosis.examined.balances)
    if diagnosis.examined.coverage is not None:
        yield "shows", f"{percent(diagnosis.examined.coverage)} % of the catalogue"
    yield "curve", SAID[diagnosis.course.shape]
    yield (
        "time",
        f"best checkpoint at {percent(diagnosis.course.best_at)} % of the time allowed; "
        f"{percent(diagnosis.course.used)} % used",
    )
    if diagnosis.weights is not None:
        yield "state", f"{diagnosis.weights.n_numbers:,} numbers"
        for table in diagnosis.weights.tables:
            yield "", f"{table.name} {table.rows:,} x {table.columns}: effective rank {table.effective_rank:g}"
    for each in diagnosis.agreements:
        contrast = each.contrast
        moved = f"{contrast.gained:,} gained, {contrast.lost:,} lost, {contrast.unchanged:,} unchanged"
        yield "beside", f"{called(each.candidate)}: {contrast.of} {contrast.in_common:.2f}; {moved}"
    if diagnosis.twin is not None:
        yield "predicts as", f"{called(diagnosis.twin.candidate)} does (similarity {diagnosis.twin.similarity:.2f})"


def _balance(balances: Sequence[Balance]) -> Iterator[tuple[str, str]]:
    if balances:
        parts = (f"{each.name} {each.given:.2f} against {each.wanted:.2f}" for each in balances)
        yield "balance", f"{balances[0].group}: {', '.join(parts)}"
