"""Parses a model's reply, strictly: a typed header, then whole files or SEARCH/REPLACE edits.

    hypothesis: Recent transitions carry most of the signal.
    predicted_effect: ndcg@10 +0.01 over the parent
    what_is_new: an item-transition matrix weighted by recency

    File: model.py
    ```python
    ...
    ```

    Edit: train.py
    ```
    <<<<<<< SEARCH
    lines as they stand
    =======
    lines that replace them
    >>>>>>> REPLACE
    ```

Prose between the blocks is ignored, and so is a leading `<think>...</think>`. A block without a path line is not:
its code would be lost in silence. A fence is closed by one of at least its own length.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from autorec.domain.paths import path_fault, tree_faults
from autorec.prompting.edits import Edit, ReplyError, apply_edits
from autorec.schemas.reply import Header

REPLY_CHARACTERS = 512 * 1024
MOST_EDITS = 200
PATH_LINE_CHARACTERS = 300
"""No path line is longer; the pattern would take quadratic time on one that is all blanks."""
SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})([^`~]*)")
_PATH_LINE = re.compile(r"(?:#{1,6} +)?[*_`]{0,3}(File|Edit)[*_]{0,2} *: *[*_]{0,2} *`?([^`*\s]+)`?[*_`]{0,3}\s*")
_KEY_LINE = re.compile(
    r"(?:[-*#] +)?\**(hypothesis|predicted[_ ]effect|what[_ ]is[_ ]new)\** *:\** *(.*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model claims, and its files (path -> text) and edits."""

    header: Header
    files: Mapping[str, str]
    edits: tuple[Edit, ...]

    def sources(self, base: Mapping[str, str]) -> dict[str, str]:
        """The whole tree: the base (empty for a draft) with the reply's files put in, then its edits applied.

        Raises ReplyError where an edit does not match or the tree is too large.
        """
        tree = apply_edits({**base, **self.files}, self.edits)
        faults = tree_faults(tree)
        if faults:
            raise ReplyError("; ".join(faults))
        return tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: the path line before it, its lines, and where it starts in the reply (from 1)."""

    kind: str
    path: str
    lines: tuple[str, ...]
    at: int


def parse_reply(text: str) -> Reply:
    """Parse one reply.

    Raises ReplyError that says what was expected, what came and where; no other exception, whatever the text.
    """
    lines = reply_lines(text)
    first = next((i for i, line in enumerate(lines) if _path_line(line) or _FENCE.fullmatch(line)), len(lines))
    header = _header(lines[:first])
    blocks = list(_blocks(lines, first))
    if not blocks:
        raise ReplyError("the reply has no file: after the header, give a line 'File: model.py' and a fenced block")
    files: dict[str, str] = {}
    edits: list[Edit] = []
    for block in blocks:
        if block.kind == "Edit":
            edits += _edits(block)
            if len(edits) > MOST_EDITS:
                raise ReplyError(f"line {block.at}: more than {MOST_EDITS} edits; give the whole file instead")
        elif block.path in files:
            raise ReplyError(f"line {block.at}: file {block.path} is given twice")
        else:
            files[block.path] = "\n".join(block.lines) + "\n"
    both = sorted(set(files) & {edit.path for edit in edits})
    if both:
        raise ReplyError(f"{', '.join(both)}: given both as a file and as edits; give one of the two")
    return Reply(header=header, files=files, edits=tuple(edits))


def reply_lines(text: str) -> list[str]:
    """The lines of a reply, without what a model thought before it. Raises ReplyError where it is no plain text."""
    if len(text) > REPLY_CHARACTERS:
        raise ReplyError(f"the reply has {len(text):,} characters; at most {REPLY_CHARACTERS:,} are read")
    if "\0" in text:
        raise ReplyError("the reply contains a NUL character; give plain text")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ReplyError("the reply contains half a surrogate pair; give plain text")
    if text.lstrip().startswith("<think>") and "</think>" in text:
        text = text.split("</think>", 1)[1]
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _header(lines: Sequence[str]) -> Header:
    """Keys before the first block; a value runs on over the following lines up to a blank one."""
    values: dict[str, list[str]] = {}
    key: str | None = None
    for line in lines:
        found = _KEY_LINE.fullmatch(line.strip())
        if found:
            key = found[1].lower().replace(" ", "_")
            if key in values:
                raise ReplyError(f"the header gives {key} twice")
            values[key] = [found[2]]
        elif not line.strip():
            key = None
        elif key is not None:
            values[key].append(line.strip())
    try:
        return Header.model_validate({name: " ".join(parts) for name, parts in values.items()})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ReplyError(
            "the header before the first file must have the lines hypothesis:, predicted_effect: and what_is_new:, "
            f"each with a sentence ({wrong})"
        ) from None


def _blocks(lines: Sequence[str], start: int) -> Iterator[Block]:
    """Each fenced block from line `start` on with the path line above it."""
    named: re.Match[str] | None = None
    i = start
    while i < len(lines):
        path_line, fence = _path_line(lines[i]), _FENCE.fullmatch(lines[i])
        if fence:
            end = _closing(lines, i, fence[1], named[2] if named else None)
            if named is None:
                raise ReplyError(
                    f"line {i + 1}: a fenced block without a path; put 'File: <path>' or 'Edit: <path>' above it"
                )
            yield Block(kind=named[1], path=_checked(named[2], i), lines=tuple(lines[i + 1 : end]), at=i + 1)
            named, i = None, end
        elif named and lines[i].strip():
            raise ReplyError(f"line {i + 1}: expected a fenced block after '{named[0].strip()}', not {lines[i][:80]!r}")
        elif path_line:
            named = path_line
        i += 1
    if named:
        raise ReplyError(f"'{named[0].strip()}' is not followed by a fenced block: the reply may have been cut")


def _path_line(line: str) -> re.Match[str] | None:
    return _PATH_LINE.fullmatch(line) if len(line) <= PATH_LINE_CHARACTERS else None


def _closing(lines: Sequence[str], start: int, fence: str, path: str | None) -> int:
    for i in range(start + 1, len(lines)):
        line = lines[i].strip()
        if len(line) >= len(fence) and set(line) == {fence[0]}:
            return i
    raise ReplyError(
        f"line {start + 1}: the block of {path or 'an unnamed file'} is never closed by {fence[:10]}: "
        "the reply may have been cut"
    )


def _checked(path: str, at: int) -> str:
    fault = path_fault(path)
    if fault:
        raise ReplyError(f"line {at}: {fault}")
    return path


def _edits(block: Block) -> Iterator[Edit]:
    """SEARCH/REPLACE pairs of one block, blank lines between them."""
    part: str | None = None
    search: list[str] = []
    replace: list[str] = []
    for at, line in enumerate(block.lines, start=block.at + 1):
        marker = line.rstrip()
        if marker in (SEARCH, DIVIDER, REPLACE):
            expected = {None: SEARCH, SEARCH: DIVIDER, DIVIDER: REPLACE}[part]
            if marker != expected:
                raise ReplyError(f"line {at}: expected {expected!r} next, not {marker!r}; or give the whole file")
            if marker == REPLACE:
                yield Edit(path=block.path, search=tuple(search), replace=tuple(replace))
                search, replace = [], []
            part = None if marker == REPLACE else marker
        elif part is not None:
            (search if part == SEARCH else replace).append(line)
        elif marker:
            raise ReplyError(f"line {at}: expected {SEARCH!r} in the edits of {block.path}, not {line[:80]!r}")
    if part is not None:
        raise ReplyError(f"line {block.at}: the last edit of {block.path} does not end with {REPLACE!r}")
