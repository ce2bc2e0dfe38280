"""Source code and diffs as HTML. Long files and long lines are cut: a report stays small whatever a candidate wrote."""

import difflib
from collections.abc import Iterator, Mapping

from markupsafe import Markup, escape

from autorec.domain.text import plain

LINES = 400
CHARACTERS = 320
CONTEXT = 3


def brief(text: str, characters: int) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= characters else f"{line[: characters - 1].rstrip()}…"


def clipped(text: str, characters: int) -> str:
    """The beginning of a text, and how much more there is."""
    left = len(text) - characters
    return text if left <= 0 else f"{text[:characters]} … ({left:,} characters more)"


def shown(text: str) -> str:
    """A file as far as it is shown, without control characters."""
    lines = text.split("\n")
    kept = [clipped(line, CHARACTERS) for line in lines[:LINES]]
    if len(lines) > LINES:
        kept.append(f"… ({len(lines) - LINES:,} lines more)")
    return plain("\n".join(kept))


def highlighted(path: str, text: str) -> Markup:
    """A file with its tokens in classes of their own (pygments' short names); escaped by the formatter."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import JsonLexer, PythonLexer, TextLexer

    lexer = PythonLexer if path.endswith(".py") else JsonLexer if path.endswith(".json") else TextLexer
    return Markup(highlight(shown(text), lexer(stripnl=False), HtmlFormatter(nowrap=True)))


def diff(old: Mapping[str, str], new: Mapping[str, str]) -> Markup:
    """What changed from old to new sources (path -> text), a line an element; empty where nothing did."""
    return Markup("").join(
        Markup('<span class="{}">{}\n</span>').format(_kind(line), escape(line)) for line in _changes(old, new)
    )


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = (shown(files.get(name, "")).splitlines() for files in (old, new))
        changes = list(difflib.unified_diff(before, after, lineterm="", n=CONTEXT))
        if changes:
            yield f"=== {name}{' (new)' if name not in old else ' (removed)' if name not in new else ''}"
            yield from changes[2:]


def _kind(line: str) -> str:
    return {"=": "file", "@": "hunk", "+": "added", "-": "removed"}.get(line[:1], "same")
