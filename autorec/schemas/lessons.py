"""What a lesson may look like, wherever it comes from; and a lesson as a line of the file that outlives a run."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from autorec.domain.lesson import Lesson, Tally
from autorec.domain.text import plain

SENTENCE_CHARACTERS = 240
MOST_TAGS = 4
MOST_CANDIDATES = 1_000_000
"""So many candidates of one run a line may count."""
_TAG = re.compile(r"[a-z][a-z0-9-]{0,23}")


def sentence_fault(text: str) -> str | None:
    """What is wrong with a sentence of a lesson."""
    if not text.strip():
        return "is empty"
    if len(text) > SENTENCE_CHARACTERS:
        return f"has {len(text)} characters"
    if plain(text) != text or "\n" in text or "\t" in text:
        return "holds a line end or a control character"
    return None


def tag_fault(text: str) -> str | None:
    """What is wrong with a word for what a lesson is about."""
    return None if _TAG.fullmatch(text) else "is no tag: small letters, digits and hyphens, at most 24"


def _sentence(text: str) -> str:
    if fault := sentence_fault(text):
        raise ValueError(f"{fault}; expected one line of at most {SENTENCE_CHARACTERS} characters")
    return text.strip()


def _tag(text: str) -> str:
    if fault := tag_fault(text):
        raise ValueError(f"{text[:40]!r} {fault}")
    return text


Sentence = Annotated[str, AfterValidator(_sentence)]
Tag = Annotated[str, AfterValidator(_tag)]
Name = Annotated[str, Field(max_length=200)]


class RunLine(BaseModel):
    """What one run says of a lesson."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Name
    run_id: Name
    data: Name
    data_digest: Name
    date: Name
    autorec: Name
    support: int = Field(ge=0, le=MOST_CANDIDATES)
    contradiction: int = Field(ge=0, le=MOST_CANDIDATES)

    def tally(self) -> Tally:
        """The same as a run knows it."""
        told = self.model_dump()
        return Tally(version=told.pop("autorec"), **told)


class LessonLine(BaseModel):
    """One lesson: a sentence, the role that it is of, what it is about, who wrote it, and what runs say of it.

    A person writes `lesson` and `role`, and may leave out the rest.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lesson: Sentence
    role: Name
    about: tuple[Tag, ...] = Field((), max_length=MOST_TAGS)
    model: Name = ""
    runs: tuple[RunLine, ...] = ()

    def remembered(self) -> Lesson:
        """As a run that begins knows it."""
        return Lesson(
            sentence=self.lesson,
            tags=self.about,
            model=self.model,
            earlier=tuple(run.tally() for run in self.runs),
            remembered=True,
        )

    def with_run(self, run: RunLine) -> "LessonLine":
        """With what a run says now, in place of what the same run said before; nothing where it says nothing."""
        others = tuple(each for each in self.runs if each.run_id != run.run_id)
        own = (run,) if run.support or run.contradiction else ()
        return self.model_copy(update={"runs": others + own})
