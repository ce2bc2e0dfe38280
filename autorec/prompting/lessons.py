"""Lessons as a prompt tells them: the few that are relevant, each with what stands for and against it."""

from typing import Any

from autorec.domain.recall import relevant
from autorec.domain.state import State

LESSONS_TOLD = 6


def lesson_rows(state: State, about: str = "", most: int = LESSONS_TOLD) -> list[dict[str, Any]]:
    """The lessons that have most to do with `about`, or the best founded ones where it says nothing."""
    digest = state.task.data_digest
    return [
        {
            "number": number,
            "sentence": lesson.sentence,
            "tags": lesson.tags,
            "held": lesson.held,
            "failed": lesson.failed,
            "elsewhere": lesson.elsewhere(digest),
        }
        for number, lesson in relevant(state.lessons, about, data_digest=digest, most=most)
    ]
