"""Events as JSON and back: the record in the store carries kind and schema version beside the content."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from autorec.domain import events as ev
from autorec.domain.errors import RunError

SCHEMA_VERSION = 5

_KINDS: dict[str, type[Any]] = {
    "run_started": ev.RunStarted,
    "checked": ev.Checked,
    "told": ev.Told,
    "asked": ev.Asked,
    "admitted": ev.Admitted,
    "rejected": ev.Rejected,
    "reflected": ev.Reflected,
    "tried_again": ev.TriedAgain,
    "started": ev.Started,
    "finished": ev.Finished,
    "generation_closed": ev.GenerationClosed,
    "search_ended": ev.SearchEnded,
    "finalists_chosen": ev.FinalistsChosen,
    "champion_chosen": ev.ChampionChosen,
    "test_opened": ev.TestOpened,
    "run_ended": ev.RunEnded,
}
_NAMES = {cls: kind for kind, cls in _KINDS.items()}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {}


def kind_of(event: ev.Event) -> str:
    """The name under which an event is stored."""
    return _NAMES[type(event)]


def encode(event: ev.Event) -> str:
    """The event's content as one line of JSON."""
    return _adapter(kind_of(event)).dump_json(event).decode()


def decode(kind: str, content: str) -> ev.Event:
    """The event again.

    Raises RunError when kind or content is not of this version.
    """
    if kind not in _KINDS:
        raise RunError(
            f"the run holds an event of kind {kind!r}, which this version does not know",
            fix="open the run with the version of autorec that made it",
        )
    try:
        event: ev.Event = _adapter(kind).validate_json(content)
    except ValidationError as error:
        raise RunError(
            f"an event of kind {kind!r} does not read: {error}", fix="the run's database was edited or damaged"
        ) from error
    return event


def _adapter(kind: str) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(_KINDS[kind])
    return _ADAPTERS[kind]
