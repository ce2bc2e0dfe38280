import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.candidate import Candidate, canonical_bytes, normalise
from autorec.domain.errors import UsageError

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


@pytest.mark.parametrize(
    "path", ["../../x.py", "/tmp/x.py", "a/../x.py", "a\0.py", "", ".", "a//b.py", "a\\b.py", ".ssh/x.py"]
)
def test_a_stored_path_that_leads_elsewhere_is_refused_before_anything_is_written(path):
    stored = canonical_bytes({**FILES, path: "x = 1\n"})
    with pytest.raises(UsageError, match="path") as raised:
        Candidate.from_bytes(stored)
    assert "another run" in raised.value.fix
    with pytest.raises(UsageError, match="path"):
        Candidate.of({**FILES, path: "x = 1\n"})


@pytest.mark.parametrize("stored", [b"", b"\xff", b"[" * 100_000, b"[]", b"3", json.dumps({"model.py": 3}).encode()])
def test_bytes_that_are_no_candidate_are_refused(stored):
    with pytest.raises(UsageError, match="none that autorec wrote"):
        Candidate.from_bytes(stored)
