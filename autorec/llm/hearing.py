"""One try at an answer as it comes in: whole, or piece by piece. What has come is here, whenever the try breaks off."""

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from autorec.llm.client import TRUNCATED
from autorec.llm.retries import TransientError

CHARACTERS_PER_TOKEN = 4
MOST_CHARACTERS = 1 << 20
"""A longer reply is cut: it is kept with the run and goes back to the model when it is refused."""


ESTIMATED = "usage not reported: tokens estimated from characters"


def estimated_tokens(characters: int) -> int:
    """Where nobody reports them."""
    return -(-characters // CHARACTERS_PER_TOKEN)


class BrokenStream(TransientError):
    """The server ends its streams in the middle, or before they begin: it is to be asked for whole answers."""


@dataclass(slots=True)
class Hearing:
    """What has been heard so far. `thought` counts characters of reasoning, which are billed and not kept.

    `usage` and `hidden` are the SDK's: tokens, and what litellm knows of the cost. `left`: nobody listens any more;
    `source` is what is heard then, to be closed.
    """

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    thought: int = 0
    finish: str = ""
    usage: Any = None
    hidden: Any = None
    left: bool = False
    source: Any = None
    notes: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text so far; half a surrogate pair becomes a question mark."""
        return "".join(self.pieces).encode(errors="replace").decode()

    @property
    def begun(self) -> bool:
        """Whether anything came that is billed."""
        return bool(self.length or self.thought)

    def tokens(self, asked_characters: int, *, whole: bool = True) -> tuple[int, int]:
        """Of the prompt and of the reply: as reported, else estimated from characters, and noted.

        Of an answer that is not `whole`, what was reported may have been said at its beginning: the larger one counts.
        """
        prompt, reply = getattr(self.usage, "prompt_tokens", None), getattr(self.usage, "completion_tokens", None)
        guessed = estimated_tokens(asked_characters), estimated_tokens(self.length + self.thought)
        if not (isinstance(prompt, int) and isinstance(reply, int)):
            self.notes.append(ESTIMATED)
            return guessed
        if whole or reply >= guessed[1]:
            return prompt, reply
        self.notes.append("usage reported before the end: tokens of the reply estimated from characters")
        return prompt, guessed[1]

    def hear_whole(self, response: Any) -> None:
        """An answer in one piece; one without text is an answer too: it is billed.

        Raises TransientError for one that holds neither choices nor usage.
        """
        self.usage = getattr(response, "usage", None)
        self.hidden = getattr(response, "_hidden_params", None)
        choices = getattr(response, "choices", None)
        if not choices:
            if self.usage is None:
                raise TransientError("an answer without choices")
            self.finish = "no choices"
            return
        self._add(getattr(choices[0], "message", None))
        self.finish = getattr(choices[0], "finish_reason", None) or "stop"

    def hear_stream(self, chunks: Iterable[Any]) -> None:
        """An answer in pieces, up to its end, or to the length at which it is cut.

        Raises BrokenStream where the pieces end without a finish reason.
        """
        self.source = chunks
        if self.left:  # before it was known what to close
            return _close(chunks)
        for chunk in chunks:
            self.usage = getattr(chunk, "usage", None) or self.usage
            self.hidden = getattr(chunk, "_hidden_params", None) or self.hidden
            for choice in (getattr(chunk, "choices", None) or ())[:1]:
                self._add(getattr(choice, "delta", None))
                self.finish = getattr(choice, "finish_reason", None) or self.finish
            if self.left or self.length > MOST_CHARACTERS:
                return _close(chunks)
        if not self.finish and self.usage is None:
            raise BrokenStream("a stream that ended before its answer did" if self.begun else "an empty stream")
        self.finish = self.finish or ("stop" if self.begun else "no choices")

    def leave(self) -> None:
        """Hear no more, and let go of the connection: a server that drips would hold thread and socket for ever."""
        self.left = True
        _close(self.source)

    def cut(self) -> None:
        """Keep no more text than may be kept; the reply then counts as truncated."""
        if self.length > MOST_CHARACTERS:
            self.pieces, self.finish = [self.text[:MOST_CHARACTERS]], TRUNCATED
            self.notes.append(f"a longer reply was cut after {MOST_CHARACTERS:,} characters")

    def _add(self, said: Any) -> None:
        """The text of a message or of a piece of one; a refusal in words is text."""
        text = _words(said, "content") or _words(said, "refusal")
        self.pieces.append(text)
        self.length += len(text)
        self.thought += len(_words(said, "reasoning_content") or _words(said, "reasoning"))


def within(seconds: float, call: Callable[[], None], left: Callable[[], None]) -> None:
    """Let a call take so long and no longer; `left` is called where it is not waited for any more.

    A server that lets a byte drip now and then keeps every timeout of a socket from passing, so the call is made in a
    thread of its own, which is a daemon; where `left` closes what it hears from, it ends with the next byte of that.
    Raises what the call raises, and TransientError when the time is up.
    """
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def carry_out() -> None:
        try:
            call()
        except BaseException as error:  # raised again in the thread that waits
            ended.put(error)
        else:
            ended.put(None)

    threading.Thread(target=carry_out, name="model call", daemon=True).start()
    try:
        error = ended.get(timeout=seconds)
    except queue.Empty:
        left()
        raise TransientError("no answer in time") from None
    if error is not None:
        try:
            raise error
        finally:
            del error  # its traceback holds this frame: a circle would keep the connection open


def _words(said: Any, name: str) -> str:
    found = getattr(said, name, None)
    return found if isinstance(found, str) else ""


def _close(chunks: Any) -> None:
    close = getattr(chunks, "close", None)
    if callable(close):
        close()
