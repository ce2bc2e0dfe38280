"""The file of lessons that outlives a run."""

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.errors import UsageError
from autorec.domain.lesson import Lesson
from autorec.domain.state import State
from autorec.schemas.lessons import LessonLine, RunLine
from autorec.store.folder import RunFolder
from autorec.store.memory import once_each, read_memory, update_memory
from autorec.testing.states import TASK
from autorec.wiring.memory import recall, remember

DIGEST = TASK.data_digest


def said(run_id: str = "1", support: int = 1, contradiction: int = 0) -> RunLine:
    return RunLine(
        run="r", run_id=run_id, data="d", data_digest=DIGEST, date="2026-01-02", autorec="1",
        support=support, contradiction=contradiction,
    )  # fmt: skip


def line_of(support: int) -> str:
    line = LessonLine(lesson="x", role="retrieval", runs=(said(),)).model_dump_json()
    return line.replace('"support":1', f'"support":{support}')


def knowing(*lessons: Lesson) -> State:
    return State(seq=1, task=TASK, seed=0, lessons=lessons)


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "lessons.jsonl"


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.create(tmp_path / "demo")
    yield folder
    folder.close()


def test_what_a_run_learned_is_known_to_the_next_with_where_it_comes_from(file, run):
    learned = Lesson(sentence="Short is better.", tags=("data",), supports=("a", "b"), contradicts=("c",), model="m")
    remember(file, run, knowing(learned))
    (lesson,) = recall(file, "retrieval", DIGEST)
    assert (lesson.sentence, lesson.tags, lesson.model, lesson.remembered) == ("Short is better.", ("data",), "m", True)
    (tally,) = lesson.earlier
    assert (tally.run, tally.run_id, tally.data_digest) == ("demo", run.run_id, DIGEST)
    assert (tally.support, tally.contradiction) == (2, 1)
    assert recall(file, "ranking", DIGEST) == ()


def test_a_run_is_counted_once_however_often_it_is_remembered(file, run):
    learned = Lesson(sentence="x", supports=("a",), model="m")
    remember(file, run, knowing(learned))
    before = file.read_text()
    remember(file, run, knowing(learned))
    assert file.read_text() == before
    remember(file, run, knowing(replace(learned, supports=("a", "b"))))
    (line,) = read_memory(file)
    assert [each.support for each in line.runs] == [2]


def test_evidence_for_a_known_lesson_joins_what_earlier_runs_say(file, run):
    update_memory(file, lambda known: (LessonLine(lesson="X.", role="retrieval", runs=(said("0", 3),)),))
    (lesson,) = recall(file, "retrieval", DIGEST)
    remember(file, run, knowing(replace(lesson, contradicts=("a",))))
    (line,) = read_memory(file)
    assert [(each.support, each.contradiction) for each in line.runs] == [(3, 0), (0, 1)]
    assert line.remembered().held == 3


def test_a_lesson_that_somebody_took_out_stays_out(file, run):
    lesson = Lesson(sentence="x", supports=("a",), remembered=True)
    remember(file, run, knowing(lesson))
    assert read_memory(file) == ()


def test_a_run_that_learned_nothing_makes_no_file(file, run):
    remember(file, run, knowing(Lesson(sentence="x", remembered=True)))
    remember(None, run, knowing(Lesson(sentence="x", supports=("a",))))
    assert not file.exists()


def test_a_person_writes_two_keys(file):
    file.write_text('\ufeff{"lesson": "Weekends differ.", "role": "retrieval"}\r\n\n')
    assert [lesson.sentence for lesson in recall(file, "retrieval", DIGEST)] == ["Weekends differ."]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("not json", ":2: invalid JSON"),
        ('{"lesson": "x"}', ":2: role: is missing"),
        ('{"lesson": "x", "role": "retrieval", "weight": 1}', ":2: weight: is not a known key"),
        (json.dumps({"lesson": "x" * 300, "role": "retrieval"}), ":2: lesson: has 300 characters"),
        (json.dumps({"lesson": "two\nlines", "role": "retrieval"}), "holds a line end or a control character"),
        (json.dumps({"lesson": "\x1b[2J", "role": "retrieval"}), "control character"),
        (json.dumps({"lesson": " ", "role": "retrieval"}), "is empty"),
        (json.dumps({"lesson": "x", "role": "retrieval", "about": ["Two words"]}), "about.0: 'Two words' is no tag"),
        (line_of(10**40), ":2: runs.0.support: "),
        ("[1]", ":2: expected"),
        ("[" * 100_000, ":2: "),
    ],
)
def test_a_broken_line_is_named_and_the_file_left_as_it_is(file, run, line, said):
    text = f'{{"lesson": "fine", "role": "retrieval"}}\n{line}\n'
    file.write_text(text)
    for use in (
        lambda: recall(file, "retrieval", DIGEST),
        lambda: remember(file, run, knowing(Lesson(sentence="y", supports=("a",)))),
    ):
        with pytest.raises(UsageError) as raised:
            use()
        assert said in str(raised.value)
        assert "nothing was written" in raised.value.fix
    assert file.read_text() == text


def test_what_is_no_file_is_refused(tmp_path, file):
    for path, said in ((tmp_path, "is no regular file"), (tmp_path / "none" / "x", "there is no folder")):
        with pytest.raises(UsageError, match=said):
            read_memory(path)
    with pytest.raises(UsageError, match="File name too long"):
        read_memory(tmp_path / ("x" * 300))
    (tmp_path / "dangling").symlink_to(tmp_path / "none" / "x")
    with pytest.raises(UsageError, match=f"there is no folder {tmp_path / 'none'}"):
        recall(tmp_path / "dangling", "retrieval", DIGEST)
    file.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="UTF-8"):
        read_memory(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_what_could_not_be_written_at_the_end_is_refused_at_the_beginning(file):
    file.write_text("")
    for place, mode in ((file, 0o400), (file.parent, 0o500)):
        before = place.stat().st_mode
        place.chmod(mode)
        try:
            with pytest.raises(UsageError, match="may not be written"):
                recall(file, "retrieval", DIGEST)
        finally:
            place.chmod(before)


def test_who_comes_by_a_link_waits_for_the_same_lock(file):
    link = file.with_name("link.jsonl")
    link.symlink_to(file)
    learn_one(link, "1")
    learn_one(file, "2")
    assert len(read_memory(link)) == 2
    assert link.is_symlink()
    assert [path.name for path in file.parent.glob(".*.lock")] == [".lessons.jsonl.lock"]


def learn_one(file: Path, name: str) -> None:
    line = LessonLine(lesson=f"Lesson {name}.", role="retrieval", runs=(said(name),))
    update_memory(file, lambda known: (*known, line))


def test_runs_that_share_a_file_lose_nothing(file):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=learn_one, args=(file, str(i))) for i in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(line.lesson for line in read_memory(file)) == [f"Lesson {i}." for i in range(8)]
    assert [path.name for path in file.parent.glob(".*-*")] == []


LINES = st.builds(
    lambda sentence, runs: LessonLine(
        lesson=sentence, role="retrieval", runs=tuple(said(run, support) for run, support in runs)
    ),
    st.sampled_from(["a", "A.", "b", "c"]),
    st.lists(st.tuples(st.sampled_from("123"), st.integers(1, 9)), max_size=4),
)


@given(st.lists(LINES, max_size=6))
def test_each_sentence_stands_once_with_each_run_once(lines):
    once = once_each(lines)
    assert once_each((*once, *once)) == once
    assert len({line.lesson.casefold().rstrip(".") for line in once}) == len(once)
    assert all(len({run.run_id for run in line.runs}) == len(line.runs) for line in once)
