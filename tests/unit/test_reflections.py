"""What a model has learned, parsed: all that is wrong is said with the place, and nothing else gets through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.candidate import Operator
from autorec.domain.job import OutcomeKind
from autorec.domain.lesson import Note
from autorec.prompting.edits import ReplyError
from autorec.prompting.reflecting import MOST_LESSONS, Shown
from autorec.prompting.reflections import parse_reflection
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story

STORY = Story(MemoryObjects())
BASELINE = STORY.tell({"model.py": "0"}, operator=Operator.BASELINE, value=0.1, name="ease")
WON = STORY.tell({"model.py": "1"}, value=0.2)
LOST = STORY.tell({"model.py": "2"}, outcome=OutcomeKind.CRASHED)
WAITS = STORY.tell({"model.py": "3"}, decided=False)
OLD = STORY.tell({"model.py": "4"}, value=0.3)
SHOWN = Shown(candidates={1: WON.id, 2: LOST.id}, lessons=frozenset({2}))


def parse(text: str) -> tuple[Note, ...]:
    return parse_reflection(text, SHOWN, STORY.state())


LESSON = "lesson: Short histories suffice.\nsupported by: #1\ncontradicted by: #2\nabout: data, Encoder\n"


def test_new_and_known_lessons():
    assert parse(f"{LESSON}\nknown: L2\ncontradicted by: #2, #1\n") == (
        Note(
            sentence="Short histories suffice.", tags=("data", "encoder"), supported=(WON.id,), contradicted=(LOST.id,)
        ),
        Note(known=2, contradicted=(LOST.id, WON.id)),
    )


@pytest.mark.parametrize(
    "text",
    [
        f"<think>lesson: no\n</think>\nHere is what I see.\n\n{LESSON}\nThat is all.",
        f"```\n{LESSON}```",
        LESSON.replace("lesson:", "- **Lesson:**").replace("supported by:", "Supported_by:"),
        LESSON.replace("\n", "\r\n"),
        LESSON.replace("#1", "#1, #1."),
    ],
)
def test_forms_that_models_give_are_understood(text):
    assert parse(text) == parse(LESSON)


@pytest.mark.parametrize("text", ["nothing new", "I looked.\n\nNothing new.\n", "`nothing new`"])
def test_nothing_may_have_been_learned(text):
    assert parse(text) == ()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("I would rather not.", "the reply has no lesson"),
        (LESSON.replace("#1", "#9"), "line 1: the lesson, 'supported by:': #9 does not exist"),
        (LESSON.replace("#1", "#0"), "#0 is a baseline"),
        (LESSON.replace("#1", "#3"), "#3 was neither judged nor did it fail yet"),
        (LESSON.replace("#1", "#4"), "#4 was not shown to you"),
        (LESSON.replace("#1", "the first"), "'the first' is no candidate"),
        (LESSON.replace("#1", "#2"), "#2 both supports and contradicts it"),
        (LESSON.replace("supported by: #1", "supported by: none"), "has no 'supported by:'"),
        (LESSON.replace("about: data, Encoder", ""), "0 tags in 'about:'"),
        (LESSON.replace("data, Encoder", "whatever is told to the users"), "is no tag"),
        (LESSON.replace("Short histories suffice.", "x" * 241), "has 241 characters"),
        (LESSON.replace("suffice.", "suffice\x1b[31m"), "control character"),
        (LESSON.replace("suffice.", "suffice\nfor all of them"), "line 2: expected lesson: or known:"),
        (LESSON + LESSON, None),
        (LESSON.replace("about", "supported by"), "'supported by:' is given twice"),
        ("supported by: #1\n", "line 1: 'supported by:' belongs to no lesson"),
        ("known: L1\nsupported by: #1", "names no lesson that was shown; those are L2"),
        ("known: 2\nsupported by: #1", "names no lesson that was shown"),
        ("known: L2\nabout: data", "has neither 'supported by:' nor"),
        ("known: L2\nsupported by: #1\n\nknown: L2\nsupported by: #2", "L2 is spoken of twice"),
        ("\n".join([LESSON] * (MOST_LESSONS + 1)), f"give at most {MOST_LESSONS}"),
    ],
)
def test_what_is_wrong_is_said(text, fault):
    if fault is None:
        assert len(parse(text)) == 2
        return
    with pytest.raises(ReplyError) as raised:
        parse(text)
    assert fault in str(raised.value)


def test_all_that_is_wrong_is_said_at_once_and_words_become_one_tag():
    with pytest.raises(ReplyError, match=r"(?s)#99 does not exist.*#98 does not exist"):
        parse("\n\n".join(LESSON.replace("#1", number) for number in ("#99", "#98")))
    assert parse(LESSON.replace("data, Encoder", "New  users"))[0].tags == ("new-users",)


def test_the_same_fault_is_said_the_same_whatever_the_order_of_a_set():
    """A replay asks again in the words of then; the order of a set of texts is another in each process."""
    for names in ("#1, #2", "#2, #1"):
        with pytest.raises(ReplyError, match=f"{names[:2]} both supports"):
            parse(f"lesson: x\nsupported by: {names}\ncontradicted by: #2, #1\nabout: data\n")


PIECES = st.sampled_from(
    [
        "lesson:",
        "known:",
        "supported by:",
        "contradicted by:",
        "about:",
        " L2",
        " #1",
        " #2, #99999999999",
        " data",
        "\n",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES | st.text(max_size=3), max_size=30).map("".join)))
def test_no_text_does_anything_but_parse_or_be_refused(text):
    try:
        notes = parse(text)
    except ReplyError:
        return
    assert {c for note in notes for c in note.supported + note.contradicted} <= {WON.id, LOST.id}
    assert all(note.known == 2 or note.sentence for note in notes)
