"""What a run leaves behind for another to follow: all that came to the search from outside, in order.

That is the answers of language models and of other proposers, what became of each training, what people told, and,
between the lines, when time was up. The rest the search decides anew, and must decide in the same way.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from autorec.domain.candidate import Exchange
from autorec.domain.events import Admitted, Event, Finished, Reflected, Rejected, RunStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The events of a run that ended, and by digest the calls of language models that they name."""

    events: tuple[Event, ...]
    exchanges: Mapping[str, Exchange]

    @property
    def started(self) -> RunStarted:
        """The first event. Raises ValueError where it is none."""
        if not self.events or not isinstance(self.events[0], RunStarted):
            raise ValueError("a recording begins with RunStarted")
        return self.events[0]

    def calls(self, event: Event) -> tuple[Exchange, ...]:
        """The calls that an answer rests on, in order; one without an answer is the last."""
        return tuple(self.exchanges[digest] for digest in calls_of(event))


def calls_of(event: Event) -> tuple[str, ...]:
    """The digests of the calls that an event names."""
    match event:
        case Admitted(exchanges=exchanges) | Reflected(exchanges=exchanges):
            return exchanges
        case Rejected(exchanges=exchanges, unanswered=unanswered):
            return (*exchanges, *([unanswered] if unanswered else []))
    return ()


def objects_of(event: Event) -> tuple[str, ...]:
    """The digests of what has to be at hand to follow an event: sources, logs, values by unit.

    Neither weights nor predictions: nothing is judged again, and they would tell of the people in the data.
    """
    match event:
        case Admitted(candidate=candidate):
            return (candidate,)
        case Finished(trained=trained):
            return tuple(digest for digest in (trained.log, trained.per_unit) if digest)
    return ()
