"""Parses what a model has learned, strictly: lessons, each with the candidates that it rests on.

    lesson: Weighting recent transitions beats a plain mean of the history.
    supported by: #3, #5
    contradicted by: #4
    about: encoder, sampling

    known: L2
    supported by: #7

An entry ends with a blank line or the next one. Prose apart from entries is ignored, and so is a leading
`<think>...</think>`; `nothing new` on a line of its own says that there is no lesson.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autorec.domain.lesson import Note
from autorec.domain.state import State
from autorec.domain.text import count
from autorec.prompting.edits import ReplyError
from autorec.prompting.reflecting import MOST_LESSONS, Shown
from autorec.prompting.replies import reply_lines
from autorec.schemas.lessons import MOST_TAGS, SENTENCE_CHARACTERS, sentence_fault, tag_fault

FORM = "lesson: or known:, supported by:, contradicted by:, about:"
_KEY = re.compile(
    r"(?:[-*] +)?\**(lesson|known|supported[_ ]by|contradicted[_ ]by|about)\** *:\** *(.*)", re.IGNORECASE
)
_NOTHING = re.compile(r"\W*nothing new\W*", re.IGNORECASE)
_FENCE = re.compile(r"(`{3,}|~{3,})\w*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """The lines of one lesson, by key, and where it begins (from 1)."""

    at: int
    values: dict[str, str]

    def __str__(self) -> str:
        return f"line {self.at}: the {'lesson' if 'lesson' in self.values else 'known lesson'}"


def parse_reflection(text: str, shown: Shown, state: State) -> tuple[Note, ...]:
    """What is noted of new and known lessons.

    Raises ReplyError that says what was expected, what came and where; no other exception, whatever the text.
    """
    lines = reply_lines(text)
    entries = list(_entries(lines))
    if not entries and not any(_NOTHING.fullmatch(line) for line in lines):
        raise ReplyError(f"the reply has no lesson: give lines {FORM}; or a line 'nothing new'")
    new = sum("lesson" in entry.values for entry in entries)
    if new > MOST_LESSONS:
        raise ReplyError(f"{count(new, 'lesson')}: give at most {MOST_LESSONS}, those that rest on the most")
    notes = _notes(entries, shown, state)
    known = [note.known for note in notes if note.known is not None]
    if twice := sorted({number for number in known if known.count(number) > 1}):
        raise ReplyError(f"L{twice[0]} is spoken of twice: give it once, with all of its candidates")
    return notes


def _entries(lines: Sequence[str]) -> Iterator[_Entry]:
    entry: _Entry | None = None
    for at, line in enumerate((line.strip() for line in lines), start=1):
        found = _KEY.fullmatch(line)
        key = found[1].lower().replace("_", " ") if found else ""
        if key in ("lesson", "known"):
            if entry:
                yield entry
            entry = _Entry(at=at, values={})
        elif not line or _FENCE.fullmatch(line):
            if entry:
                yield entry
            entry = None
            continue
        elif entry is None:
            if key:
                raise ReplyError(f"line {at}: '{key}:' belongs to no lesson; put 'lesson:' or 'known:' above it")
            continue
        if found is None or entry is None:
            raise ReplyError(f"line {at}: expected {FORM} or a blank line, not {line[:80]!r}; a lesson is one line")
        if key in entry.values:
            raise ReplyError(f"line {at}: '{key}:' is given twice for one lesson")
        entry.values[key] = found[2].strip()
    if entry:
        yield entry


def _notes(entries: Sequence[_Entry], shown: Shown, state: State) -> tuple[Note, ...]:
    """Raises ReplyError that tells what is wrong with each of the entries."""
    notes, faults = [], []
    for entry in entries:
        try:
            notes.append(_note(entry, shown, state))
        except ReplyError as error:
            faults.append(str(error))
    if faults:
        raise ReplyError("; ".join(faults))
    return tuple(notes)


def _note(entry: _Entry, shown: Shown, state: State) -> Note:
    supported = _candidates(entry, "supported by", shown, state)
    contradicted = _candidates(entry, "contradicted by", shown, state)
    if both := [candidate for candidate in supported if candidate in contradicted]:
        raise ReplyError(f"{entry}: #{state.records[both[0]].number} both supports and contradicts it; decide")
    if "known" in entry.values:
        if not supported and not contradicted:
            raise ReplyError(f"{entry} has neither 'supported by:' nor 'contradicted by:'; leave it out, or add one")
        known = _known(entry, shown, state)
        return Note(known=known, supported=supported, contradicted=contradicted)
    if not supported:
        raise ReplyError(f"{entry} has no 'supported by:': a lesson rests on candidates, as 'supported by: #3, #5'")
    if fault := sentence_fault(sentence := entry.values["lesson"]):
        raise ReplyError(f"{entry} {fault}: one sentence of at most {SENTENCE_CHARACTERS} characters")
    return Note(sentence=sentence, tags=_tags(entry), supported=supported, contradicted=contradicted)


def _candidates(entry: _Entry, key: str, shown: Shown, state: State) -> tuple[str, ...]:
    """The ids of the candidates that are named; each was shown, and judged or failed."""
    said = _listed(entry.values.get(key, ""))
    found = []
    for name in said:
        if not re.fullmatch(r"#\d{1,9}", name):
            raise ReplyError(f"{entry}, '{key}:': {name[:40]!r} is no candidate; name them as #3, #5")
        number = int(name[1:])
        if number not in shown.candidates:
            raise ReplyError(f"{entry}, '{key}:': {name} {_why_not(number, state)}; speak of those listed above")
        found.append(shown.candidates[number])
    return tuple(dict.fromkeys(found))


def _why_not(number: int, state: State) -> str:
    record = next((r for r in state.records.values() if r.number == number), None)
    if record is None:
        return "does not exist"
    if record.is_baseline:
        return "is a baseline"
    return "was neither judged nor did it fail yet" if record.search is None else "was not shown to you"


def _known(entry: _Entry, shown: Shown, state: State) -> int:
    said = entry.values["known"]
    found = re.fullmatch(r"L(\d{1,9})\b.*", said)
    if found is None or int(found[1]) not in shown.lessons:
        have = ", ".join(f"L{number}" for number in sorted(shown.lessons)) or "none"
        raise ReplyError(f"line {entry.at}: 'known: {said[:40]}' names no lesson that was shown; those are {have}")
    return int(found[1])


def _tags(entry: _Entry) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys("-".join(tag.lower().split()) for tag in _listed(entry.values.get("about", ""))))
    if not 1 <= len(tags) <= MOST_TAGS:
        raise ReplyError(f"{entry} has {count(len(tags), 'tag')} in 'about:'; give 1 to {MOST_TAGS}, as encoder, loss")
    for tag in tags:
        if fault := tag_fault(tag):
            raise ReplyError(f"{entry}, 'about:': {tag[:40]!r} {fault}")
    return tags


def _listed(text: str) -> list[str]:
    """What is between commas; `none` and `-` are nothing."""
    parts = [part.strip(" .") for part in text.split(",")]
    return [part for part in parts if part and part.lower() not in ("none", "-", "nothing")]
