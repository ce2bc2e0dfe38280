"""Whatever pieces a stream comes in, and whatever stands in them: the text is their sum, or the stream is broken."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from autorec.llm.hearing import BrokenStream, Hearing

JUNK = st.one_of(st.none(), st.integers(), st.just([]), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))


def piece(content, finish=None, reasoning=None):
    delta = SimpleNamespace(content=content, refusal=None, reasoning_content=reasoning)
    return SimpleNamespace(choices=[SimpleNamespace(delta=delta, finish_reason=finish)], usage=None)


@given(st.lists(st.text(max_size=20), max_size=20), st.lists(st.text(max_size=9), max_size=5))
def test_the_text_does_not_depend_on_where_it_is_cut(texts, thoughts):
    hearing = Hearing()
    hearing.hear_stream([*(piece(None, reasoning=t) for t in thoughts), *map(piece, texts), piece("", finish="stop")])
    assert hearing.text == "".join(texts).encode(errors="replace").decode()
    assert (hearing.length, hearing.thought) == (sum(map(len, texts)), sum(map(len, thoughts)))
    assert hearing.finish == "stop"


@given(
    st.lists(st.one_of(JUNK, st.builds(piece, st.one_of(JUNK, st.text(max_size=5)), st.sampled_from([None, "stop"]))))
)
def test_junk_between_the_pieces_is_no_text_and_no_crash(chunks):
    hearing = Hearing()
    try:
        hearing.hear_stream(chunks)
    except BrokenStream:
        assert not hearing.finish
    said = [c.choices[0].delta.content for c in chunks if isinstance(c, SimpleNamespace)]
    assert hearing.text == "".join(text for text in said if isinstance(text, str)).encode(errors="replace").decode()


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_broken_stream_costs_no_less_than_what_came(length, reported):
    hearing = Hearing(length=length, usage=SimpleNamespace(prompt_tokens=7, completion_tokens=reported))
    assert hearing.tokens(40) == (7, reported)
    assert hearing.tokens(40, whole=False) == (7, max(reported, -(-length // 4)))
