import hashlib

from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.candidate import Candidate, normalise

FILES = {"model.py": "def build(data, params):\n    return 1\n", "train.py": "x = 1\n"}


def test_the_id_is_the_digest_of_the_stored_bytes():
    candidate = Candidate.of(FILES)
    assert candidate.id == hashlib.sha256(candidate.to_bytes()).hexdigest()
    assert Candidate.from_bytes(candidate.to_bytes()) == candidate


def test_line_ends_trailing_blanks_and_order_do_not_make_another_candidate():
    other = {"train.py": "x = 1   \r\n\r\n", "model.py": FILES["model.py"].replace("\n", "\r\n")}
    assert Candidate.of(other).id == Candidate.of(FILES).id


def test_indentation_names_and_content_do():
    assert Candidate.of(FILES | {"train.py": " x = 1\n"}).id != Candidate.of(FILES).id
    assert Candidate.of(FILES | {"extra.py": ""}).id != Candidate.of(FILES).id


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)
