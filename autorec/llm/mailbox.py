"""A model without an API: each request becomes a letter in a folder, and whoever writes the reply is the model."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from autorec.domain.errors import ModelError, StoreError
from autorec.llm.client import Completion, Message, NoAnswer
from autorec.llm.hearing import ESTIMATED, estimated_tokens
from autorec.llm.letters import DIGITS, REQUEST, Letter, letters, post
from autorec.llm.prices import Price
from autorec.llm.request import Request

LOOK_S = 0.5
"""How often one looks for a reply; one that is the same at two looks is taken, for it may be half written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxClient:
    """An LLMClient whose answers are files. Nobody tells what they cost, but for a `price` that the user gives.

    `_theirs` are letters that a call of this process waits for or has read: the next call with the same request is
    another one, and gets a letter of its own.
    """

    model: str
    folder: Path
    price: Price | None = None
    look_s: float = LOOK_S
    _theirs: set[Path] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def check(self) -> None:
        """See `LLMClient.check`: the folder is made, where there is none."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            letters(self.folder)
        except OSError as error:
            raise ModelError(
                f"{self.model} is no folder to use: {error.strerror}",
                fix="give --llm mailbox:DIR a folder that you may write to",
            ) from error

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        """See `LLMClient.complete`. Raises NoAnswer where no usable reply came by the deadline; the letter stays."""
        began = time.monotonic()
        request = Request(model=self.model, messages=tuple(messages), max_tokens=max_tokens, temperature=temperature)
        try:
            with self._letter(request) as letter, letter.held():
                text = self._wait(letter, began + deadline_s)
        except (OSError, StoreError) as error:
            raise NoAnswer(f"{self.model} cannot be used: {_cause(error)}", fix=getattr(error, "fix", "")) from error
        return self._completion(request, text, letter, time.monotonic() - began)

    @contextmanager
    def _letter(self, request: Request) -> Iterator[Letter]:
        """The first letter with this request that no other call has, or a new one; given back unless it was read."""
        with self._lock:
            known = [each for each in letters(self.folder) if each.path.name.endswith(f"-{_mark(request)}{REQUEST}")]
            letter = next((each for each in known if each.path not in self._theirs), None) or post(self.folder, request)
            self._theirs.add(letter.path)
        try:
            yield letter
        except BaseException:
            with self._lock:
                self._theirs.discard(letter.path)
            raise

    def _wait(self, letter: Letter, ends: float) -> str:
        last = None
        while True:
            reply = letter.reply
            if reply is not None and reply == last and not reply.fault:
                return reply.text
            left_s = ends - time.monotonic()
            if left_s <= 0:
                said = f"the reply {reply.fault}" if reply is not None and reply.fault else "no reply came in time"
                raise NoAnswer(
                    f"{self.model}: letter {letter.number}: {said}",
                    fix=f"`autorec mailbox` shows what waits in {self.model}; the same request finds a late reply.",
                )
            last = reply
            time.sleep(min(self.look_s, max(left_s, 0.01)))

    def _completion(self, request: Request, text: str, letter: Letter, latency_s: float) -> Completion:
        asked = sum(len(message.content) for message in request.messages)
        prompt_tokens, reply_tokens = estimated_tokens(asked), estimated_tokens(len(text))
        return Completion(
            text=text,
            prompt_tokens=prompt_tokens,
            reply_tokens=reply_tokens,
            usd=self.price.usd(prompt_tokens, reply_tokens) if self.price else None,
            model=self.model,
            latency_s=latency_s,
            finish_reason="stop",
            notes=(f"letter {letter.number} of a mailbox", ESTIMATED),
        )


def _cause(error: Exception) -> str:
    """What the system says, without the path: a run records it, and where a mailbox lies is nobody else's business."""
    system = error if isinstance(error, OSError) else error.__cause__
    return getattr(system, "strerror", None) or "its folder is out of order"


def _mark(request: Request) -> str:
    return request.digest[:DIGITS]
