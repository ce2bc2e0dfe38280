"""SEARCH/REPLACE edits: each search text is a run of whole lines that stands exactly once in its file."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SHOWN_CHARACTERS = 100
SHOWN_MATCHES = 10
COMPARED_LINES = 1000
"""So many lines of a file are compared with one that is not there: each may take a millisecond."""


class ReplyError(Exception):
    """A reply that cannot be used; the message goes back to the model: what, where, and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace the lines `search` of the file `path` by `replace` (no lines: they go)."""

    path: str
    search: tuple[str, ...]
    replace: tuple[str, ...]


def apply_edits(files: Mapping[str, str], edits: Sequence[Edit]) -> dict[str, str]:
    """The files (path -> text) after all edits, in order; each sees the result of those before it.

    Blanks at the ends of lines do not count. Raises ReplyError for the first edit that does not match exactly once.
    """
    edited = dict(files)
    for number, edit in enumerate(edits, start=1):
        if edit.path not in edited:
            raise ReplyError(f"edit {number}: there is no file {edit.path!r}; the files are {', '.join(sorted(files))}")
        edited[edit.path] = _apply(edited[edit.path], edit, f"edit {number} of {edit.path}")
    return edited


def _apply(text: str, edit: Edit, where: str) -> str:
    lines, wanted = _bare(text.split("\n")), _bare(edit.search)
    if not any(wanted):
        raise ReplyError(f"{where}: the search text is empty; give the lines to replace, or the whole file")
    found = _matches(lines, wanted)
    if not found:
        raise ReplyError(f"{where}: the search text matches nowhere. {_nearest(lines, wanted)}")
    if len(found) > 1:
        times = f"{len(found)}" if len(found) < SHOWN_MATCHES else f"{SHOWN_MATCHES} or more"
        raise ReplyError(
            f"{where}: the search text matches {times} times, at lines {', '.join(str(i + 1) for i in found)}; "
            "add lines around it until it matches once"
        )
    start = found[0]
    return "\n".join([*lines[:start], *_bare(edit.replace), *lines[start + len(wanted) :]])


def _matches(lines: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted lines stand one after the other, at most `SHOWN_MATCHES` places.

    As text between line ends: comparing lists line by line would take their lengths multiplied.
    """
    text, part = "\n" + "\n".join(lines) + "\n", "\n" + "\n".join(wanted) + "\n"
    found: list[int] = []
    at, counted, line = text.find(part), 0, 0
    while at >= 0 and len(found) < SHOWN_MATCHES:
        line, counted = line + text.count("\n", counted, at), at
        found.append(line)
        at = text.find(part, at + 1)
    return found


def _bare(lines: Sequence[str]) -> list[str]:
    return [line.rstrip() for line in lines]


def _nearest(lines: Sequence[str], wanted: Sequence[str]) -> str:
    """Where the search text comes closest, judged by its first line that stands nowhere in the file."""
    there = set(lines)
    missing = next((line for line in wanted if line not in there), None)
    if missing is None:
        return "Its lines are all there, but not one after the other."
    heads = [line[:SHOWN_CHARACTERS] for line in lines[:COMPARED_LINES]]
    close = difflib.get_close_matches(missing[:SHOWN_CHARACTERS], heads, n=1, cutoff=0.5)
    shown = f"Line {missing.strip()[:SHOWN_CHARACTERS]!r} is not in the file"
    if not close:
        return f"{shown}."
    return f"{shown}; the closest is line {heads.index(close[0]) + 1}: {close[0]!r}."
