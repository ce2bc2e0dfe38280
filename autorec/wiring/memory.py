"""Lessons from a file into a run that begins, and from a run into the file: `--memory FILE`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autorec import __version__
from autorec.domain.lesson import Lesson, key_of
from autorec.domain.recall import relevant
from autorec.domain.state import State
from autorec.schemas.lessons import LessonLine, RunLine

if TYPE_CHECKING:
    from autorec.store.folder import RunFolder

MOST_REMEMBERED = 200
"""So many lessons enter a run at most: those with most behind them."""
NAME_CHARACTERS = 200


def recall(path: Path | None, role: str, data_digest: str) -> tuple[Lesson, ...]:
    """The best founded lessons of a role, the best first.

    Raises UsageError where the file does not read, or could not be written when the run ends.
    """
    from autorec.store.memory import check_writable, read_memory

    if path is None:
        return ()
    lessons = [line.remembered() for line in read_memory(path) if line.role == role]
    check_writable(path)
    return tuple(lesson for _, lesson in relevant(lessons, "", data_digest=data_digest, most=MOST_REMEMBERED))


def remember(path: Path | None, folder: "RunFolder", state: State) -> None:
    """Write what a run has learned into the file; as often as one likes, for a run is counted once.

    A lesson of earlier runs that somebody has taken out of the file meanwhile stays out.
    Raises UsageError, StoreError.
    """
    from autorec.store.memory import Lines, update_memory

    if path is None or not any(lesson.supports or lesson.contradicts for lesson in state.lessons):
        return
    own = {key_of(lesson.sentence): lesson for lesson in state.lessons}
    role = state.task.role

    def merged(known: Lines) -> Lines:
        there = {key_of(line.lesson) for line in known if line.role == role}
        lines = [
            line.with_run(_run(lesson, folder, state))
            if line.role == role and (lesson := own.get(key_of(line.lesson)))
            else line
            for line in known
        ]
        new = [lesson for key, lesson in own.items() if key not in there and not lesson.remembered]
        return (*lines, *(_line(lesson, role).with_run(_run(lesson, folder, state)) for lesson in new))

    update_memory(path, merged)


def _line(lesson: Lesson, role: str) -> LessonLine:
    return LessonLine(lesson=lesson.sentence, role=role, about=lesson.tags, model=lesson.model[:NAME_CHARACTERS])


def _run(lesson: Lesson, folder: "RunFolder", state: State) -> RunLine:
    return RunLine(
        run=folder.path.name[:NAME_CHARACTERS],
        run_id=folder.run_id,
        data=state.task.data_name[:NAME_CHARACTERS],
        data_digest=state.task.data_digest,
        date=datetime.now(UTC).date().isoformat(),
        autorec=__version__,
        support=len(lesson.supports),
        contradiction=len(lesson.contradicts),
    )
