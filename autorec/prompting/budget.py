"""How long a prompt may be: tokens counted with care, and what gives way first where there are too many.

Nobody knows a model's tokens without its tokenizer. `tokens` takes three bytes of UTF-8 for one, and a few for each
message: code and English have three to four and a half bytes a token in the vocabularies of today, so this is more than
what is billed. A prompt that is too long gives way in the order of `SECTIONS`; the task, the contract and what is to be
done never do. The templates are a person's to change, so what a prompt takes is measured on its text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

BYTES_A_TOKEN = 3
MESSAGE_TOKENS = 8
"""What stands around a message on its way to the model."""
FILE_BYTES = (*(int(65_536 * 0.75**rung) for rung in range(1, 21)), 100)
"""To how many bytes long files are cut, rung by rung; the longest feel it first."""
LOG_BYTES = (2000, 1000, 500, 0)
MARK = "[... {} of {} lines are left out here to save room; no edit can match them ...]"

Facts = Mapping[str, Any]
Size = Callable[[Facts], int]


class TooLongError(Exception):
    """A prompt takes `least` tokens when everything has given way that can."""

    def __init__(self, least: int) -> None:
        super().__init__(f"the prompt takes {least:,} tokens with all left out that can be")
        self.least = least


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the facts that can give way: `at` is what is left of it after 1, 2 ... `steps` steps, each time less.

    `where` leads to it from the facts, key by key; where the facts lack it, nothing is to be left out.
    """

    where: tuple[str, ...]
    steps: int
    at: Callable[[Any, int], Any]


def oldest_out(where: str, *, most: int, keep: int = 0) -> Section:
    """A list of at most `most`, the oldest first: these go one by one until `keep` are left."""
    return Section(where=(where,), steps=most - keep, at=lambda rows, step: rows[min(step, max(0, len(rows) - keep)) :])


def last_out(where: str, *, most: int, keep: int = 0) -> Section:
    """A list of at most `most`, the best first: the last go one by one until `keep` are left."""
    return Section(where=(where,), steps=most - keep, at=lambda rows, step: rows[: max(keep, most - step)])


def left_out(*where: str) -> Section:
    """A text, or a table, that is there or not."""
    return Section(where=where, steps=1, at=lambda value, step: "" if isinstance(value, str) else {})


def files_cut(*where: str) -> Section:
    """Sources, path -> text: the longest files are cut, then those that are still the longest, and so on."""
    return Section(where=where, steps=len(FILE_BYTES), at=lambda files, step: _cut_all(files, FILE_BYTES[step - 1]))


SECTIONS: tuple[Section, ...] = (
    oldest_out("failures", most=5),
    oldest_out("under_way", most=6),
    oldest_out("repeats", most=4),
    last_out("best", most=8, keep=3),
    Section(where=("failure", "log"), steps=len(LOG_BYTES), at=lambda log, step: _end(log, LOG_BYTES[step - 1])),
    left_out("kinds"),
    last_out("lessons", most=10),
    last_out("baselines", most=64, keep=3),
    left_out("statistics"),
    left_out("other", "diagnosis"),
    left_out("parent", "diagnosis"),
    last_out("best", most=3, keep=1),
    oldest_out("decided", most=12, keep=1),
    files_cut("other", "files"),
    files_cut("parent", "files"),
    files_cut("base"),
)
"""What gives way, in this order. Lists are as long as `facts.py` makes them."""
STEPS = sum(section.steps for section in SECTIONS)


def tokens(text: str) -> int:
    """At least as many tokens as a text has, as a rule."""
    return -(-len(text.encode(errors="replace")) // BYTES_A_TOKEN)


def of_messages(texts: Sequence[str]) -> int:
    """Tokens of a conversation of these messages."""
    return sum(tokens(text) + MESSAGE_TOKENS for text in texts)


def fit(facts: Facts, size: Size, most: int) -> Facts:
    """The facts with as little left out as it takes for `size` (tokens) to be at most `most`; the same ones always give
    the same.

    Raises TooLongError where nothing helps.
    """
    if size(facts) <= most:
        return facts
    if (least := size(shortened(facts, STEPS))) > most:
        raise TooLongError(least)
    too_long, fits = 0, STEPS
    while fits - too_long > 1:
        middle = (too_long + fits) // 2
        if size(shortened(facts, middle)) <= most:
            fits = middle
        else:
            too_long = middle
    return shortened(facts, fits)


def shortened(facts: Facts, steps: int) -> Facts:
    """The facts after so many steps of giving way: those of the first section, then those of the next."""
    for section in SECTIONS:
        if (step := min(steps, section.steps)) <= 0:
            break
        facts, steps = _with(facts, section.where, partial(_at, section, step)), steps - step
    return facts


def _at(section: Section, step: int, value: Any) -> Any:
    return section.at(value, step)


def cut(text: str, most: int) -> str:
    """The text in at most `most` bytes: its head, a mark that says what is left out, and its end; whole lines."""
    if len(text.encode(errors="replace")) <= most:
        return text
    lines = text.split("\n")
    room = most - len(MARK) - 2 * len(str(len(lines))) - 2
    head = _within(lines, room * 3 // 5)
    tail = _within(lines[: len(head) - len(lines) - 1 : -1] if len(head) < len(lines) else [], room * 2 // 5)
    mark = MARK.format(len(lines) - len(head) - len(tail), len(lines))
    return "\n".join([*head, mark, *reversed(tail)]) if room > 0 else mark[: max(0, most)]


def _within(lines: Sequence[str], room: int) -> list[str]:
    """The first lines that have room in so many bytes, line ends included."""
    taken: list[str] = []
    for line in lines:
        room -= len(line.encode(errors="replace")) + 1
        if room < 0:
            break
        taken.append(line)
    return taken


def _cut_all(files: Mapping[str, str], most: int) -> dict[str, str]:
    return {path: cut(text, most) for path, text in files.items()}


def _end(text: str, most: int) -> str:
    """The last lines, at most so many bytes of them."""
    return "\n".join(reversed(_within(text.split("\n")[::-1], most)))


def _with(facts: Any, where: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """The facts with one of them changed; the same ones where it is not among them, or there is nothing in it."""
    if not where:
        return change(facts) if facts else facts
    if not isinstance(facts, Mapping) or where[0] not in facts:
        return facts
    return {**facts, where[0]: _with(facts[where[0]], where[1:], change)}
