"""Commands as JSON and back: each is checked once, by whoever tells it, and again where it is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from autorec.domain.commands import Approve, Ban, Command, Hypothesize, Pause, Pin, Resume, Stop, Unreadable
from autorec.domain.errors import UsageError
from autorec.domain.hypothesis import Hypothesis
from autorec.schemas.complaint import complaint, where
from autorec.schemas.reply import Sentence

OneLine = Annotated[Sentence, BeforeValidator(lambda text: " ".join(text.split()) if isinstance(text, str) else text)]


class _Letter(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Hypothesize(_Letter):
    kind: Literal["hypothesize"] = "hypothesize"
    sentence: OneLine
    predicted_effect: OneLine | None = None

    @property
    def hypothesis(self) -> Hypothesis:
        return Hypothesis(sentence=self.sentence, predicted_effect=self.predicted_effect)

    def command(self) -> Command:
        return Hypothesize(hypothesis=self.hypothesis)


class _Stop(_Letter):
    kind: Literal["stop"] = "stop"

    def command(self) -> Command:
        return Stop()


class _Pause(_Letter):
    kind: Literal["pause"] = "pause"

    def command(self) -> Command:
        return Pause()


class _Resume(_Letter):
    kind: Literal["resume"] = "resume"

    def command(self) -> Command:
        return Resume()


class _Named(_Letter):
    candidate: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Approve(_Named):
    kind: Literal["approve"] = "approve"

    def command(self) -> Command:
        return Approve(candidate=self.candidate)


class _Pin(_Named):
    kind: Literal["pin"] = "pin"

    def command(self) -> Command:
        return Pin(candidate=self.candidate)


class _Ban(_Named):
    kind: Literal["ban"] = "ban"
    why: OneLine | None = None

    def command(self) -> Command:
        return Ban(candidate=self.candidate, why=self.why)


_Any = _Hypothesize | _Stop | _Pause | _Resume | _Approve | _Pin | _Ban
_WHY: TypeAdapter[str] = TypeAdapter(OneLine)
_LETTER: TypeAdapter[_Any] = TypeAdapter(Annotated[_Any, Field(discriminator="kind")])


def read_hypothesis(sentence: str, predicted_effect: str | None = None) -> Hypothesis:
    """A person's hypothesis, on one line.

    Raises UsageError that names what is wrong.
    """
    with _one_sentence():
        return _Hypothesize(sentence=sentence, predicted_effect=predicted_effect).hypothesis


def read_why(why: str) -> str:
    """Why a person refuses a candidate, on one line. Raises UsageError that names what is wrong."""
    with _one_sentence():
        return _WHY.validate_python(why)


@contextmanager
def _one_sentence() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        wrong = "; ".join(f"{where(e)}: {complaint(e)}" for e in error.errors())
        raise UsageError(wrong.removeprefix(": "), fix="give one sentence of at most 1,000 characters") from None


def encode(command: Command) -> str:
    """One line of JSON."""
    match command:
        case Hypothesize(hypothesis=told):
            return _Hypothesize(sentence=told.sentence, predicted_effect=told.predicted_effect).model_dump_json()
        case Stop():
            return _Stop().model_dump_json()
        case Pause():
            return _Pause().model_dump_json()
        case Resume():
            return _Resume().model_dump_json()
        case Approve(candidate=candidate):
            return _Approve(candidate=candidate).model_dump_json()
        case Pin(candidate=candidate):
            return _Pin(candidate=candidate).model_dump_json()
        case Ban(candidate=candidate, why=why):
            return _Ban(candidate=candidate, why=why).model_dump_json()
        case Unreadable(problem=problem):
            raise ValueError(f"this is no command that anybody could tell: {problem}")


def decode(content: str) -> Command:
    """The command again; `Unreadable` where it is none of this version."""
    try:
        return _LETTER.validate_json(content).command()
    except ValidationError as error:
        return Unreadable(problem="; ".join(e["msg"] for e in error.errors()))
