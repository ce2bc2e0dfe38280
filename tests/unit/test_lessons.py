"""Lessons: evidence is counted once a candidate, and the relevant ones are told."""

import os
import subprocess
import sys
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.lesson import Lesson, Note, Tally, learn
from autorec.domain.recall import relevant, words_of

HERE, THERE = "a" * 64, "b" * 64


def tally(support: int = 0, contradiction: int = 0, data: str = HERE) -> Tally:
    return Tally(
        run="r", run_id="1", data="d", data_digest=data, date="2026-01-02", version="1",
        support=support, contradiction=contradiction,
    )  # fmt: skip


def order(lessons: list[Lesson], about: str = "", most: int = 99) -> list[int]:
    return [number for number, _ in relevant(lessons, about, data_digest=HERE, most=most)]


def test_a_known_sentence_is_no_new_lesson_however_it_is_written():
    first = learn((), [Note(sentence="Short is better.", supported=("a",), tags=("data",))], "m")
    again = learn(first, [Note(sentence="short  is BETTER", supported=("b",), tags=("loss",))], "other")
    assert again == (Lesson(sentence="Short is better.", tags=("data",), supports=("a", "b"), model="m"),)


def test_what_is_said_of_a_known_lesson_goes_to_it_by_its_number():
    known = (Lesson(sentence="x"), Lesson(sentence="y", earlier=(tally(2, 1),), remembered=True))
    learned = learn(known, [Note(known=2, supported=("a",), contradicted=("b", "c"))], "m")
    assert learned[0] == known[0]
    assert (learned[1].held, learned[1].failed) == (3, 3)


def test_a_candidate_speaks_once_and_on_the_side_that_was_seen_last():
    lessons = learn((), [Note(sentence="x", supported=("a", "b"), contradicted=("c",))], "m")
    for _ in range(2):
        lessons = learn(lessons, [Note(known=1, supported=("c",), contradicted=("a",))], "m")
    assert (lessons[0].supports, lessons[0].contradicts) == (("b", "c"), ("a",))


NOTES = st.builds(
    lambda sentence, pro, con: Note(sentence=sentence, supported=tuple(pro - con), contradicted=tuple(con)),
    st.sampled_from(["a", "A.", "b", "c"]),
    st.sets(st.sampled_from("xyz")),
    st.sets(st.sampled_from("xyz")),
)


@given(st.lists(NOTES, max_size=6))
def test_no_candidate_stands_on_both_sides_and_what_is_learned_twice_counts_once(notes):
    once = learn((), notes, "m")
    assert all(not set(lesson.supports) & set(lesson.contradicts) for lesson in once)
    assert all(len(set(lesson.supports)) == len(lesson.supports) for lesson in once)
    last = notes[-1:]
    assert learn(once, last, "m") == once


def test_more_evidence_for_it_comes_first_and_more_against_it_last():
    lessons = [
        Lesson(sentence="one", earlier=(tally(1, 4),)),
        Lesson(sentence="two", earlier=(tally(1),)),
        Lesson(sentence="three", earlier=(tally(6),)),
        Lesson(sentence="four"),
    ]
    assert order(lessons) == [3, 2, 4, 1]
    assert order(lessons, most=2) == [3, 2]


def test_what_is_asked_about_comes_first_and_rare_words_count_most():
    lessons = [
        Lesson(sentence="A model with dropout is better", supports=("a",)),
        Lesson(sentence="A model with negatives by popularity is worse", supports=("b",)),
        Lesson(sentence="A model with attention is slow", supports=("c",)),
    ]
    assert order(lessons, "the model is better")[0] == 1
    assert order(lessons, "reckit.popularity_negatives(data, users, n, generator)")[0] == 2
    assert order(lessons, "class SelfAttention(nn.Module): # a model")[0] == 3


def test_lessons_of_other_data_are_ranked_lower_until_they_hold_here():
    there = Lesson(sentence="x", earlier=(tally(5, data=THERE),))
    here = Lesson(sentence="y", earlier=(tally(1),))
    assert order([there, here]) == [2, 1]
    assert order([replace(there, supports=("a",)), here]) == [1, 2]
    assert there.elsewhere(HERE)
    assert not Lesson(sentence="a person's").elsewhere(HERE)


def test_words_are_those_within_names_and_plural_is_singular():
    assert words_of("half_life NextItem BCELoss items of 7") == {"half", "life", "next", "item", "bce", "los"}


def test_the_order_is_the_same_in_every_process():
    """Words are a set, whose order is another in each process; sums of floats in another order differ a little."""
    code = (
        "import random; from autorec.domain.lesson import Lesson; from autorec.domain.recall import relevant\n"
        "words = 'attend decay time gap popular item user loss sample blend depth width drop recent cold'.split()\n"
        "rng = random.Random(1)\n"
        "for _ in range(300):\n"
        "    lessons = [Lesson(sentence=' '.join(rng.sample(words, 8))) for _ in range(12)]\n"
        "    asked = ' '.join(rng.sample(words, 10))\n"
        "    print([n for n, _ in relevant(lessons, asked, data_digest='', most=6)])\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(told) == 1
