"""Whatever a model sends: one kind of error, at once, and nothing outside a candidate's folder."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autorec.domain.candidate import Candidate
from autorec.domain.errors import UsageError
from autorec.domain.paths import FILE_BYTES, TOTAL_BYTES, names_fault, path_fault, tree_faults
from autorec.prompting.admission import breaches
from autorec.prompting.edits import Edit, ReplyError, apply_edits
from autorec.prompting.replies import REPLY_CHARACTERS, parse_reply

HEADER = "hypothesis: h\npredicted_effect: e\nwhat_is_new: n\n\n"
PARTS = (
    "..",
    ".",
    "",
    "~",
    "-x",
    "a",
    "A",
    "b.py",
    "B.py",
    "nul",
    "con.py",
    "a b",
    "a\0",
    "C:",
    "\\\\host",
    "é",
    "e\u0301",
)
PARTS += ("\u202ecod", "a.", "a..", "\u2025", "％2e%2e", "model.py", "MODEL.PY", "x" * 120, "\r", "\n", "$HOME", "*")
PATHS = st.lists(st.sampled_from(PARTS) | st.text(max_size=8), min_size=1, max_size=6).map("/".join)
N = REPLY_CHARACTERS - 200
SECONDS = 5.0
"""For a slow machine with other work beside; what was quadratic took minutes."""

HUGE = {
    "50 MB": "x" * 50_000_000,
    "50 MB of line ends": "\n" * 50_000_000,
    "blanks after File:": HEADER + "File:" + " " * N + "`",
    "blanks and stars": HEADER + "File:" + " *" * (N // 2),
    "stars after a key": "hypothesis" + "*" * N,
    "a header of short lines": "hypothesis: a\n" + "b\n" * (N // 2),
    "one long fence": HEADER + "File: a.py\n" + "`" * N + "\nx\n",
    "fences in fences": HEADER + "File: a.py\n" + "".join("`" * n + "\n" for n in range(1000, 3, -1)),
    "fences only": HEADER + "```\n~~~\n" * (N // 8),
    "thoughts in thoughts": "<think>" * (N // 7),
    "thoughts that end": "<think>" + "</think>" * (N // 8),
    "edits without end": HEADER
    + "Edit: a.py\n```\n"
    + "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n" * (N // 45)
    + "```",
    "files without end": HEADER + "".join(f"File: a{i}.py\n```\n```\n" for i in range(N // 24)),
    "nested code": HEADER + "File: model.py\n```\n" + "(" * 60_000 + "\n```\n",
    "minus a lot": HEADER + "File: model.py\n```\n" + "-" * 60_000 + "1\n```\n",
    "nested params": HEADER + "File: params.json\n```\n" + "[" * 60_000 + "\n```\n",
    "a large number": HEADER + "File: params.json\n```\n" + "9" * 60_000 + "\n```\n",
}


@pytest.mark.parametrize("text", HUGE.values(), ids=HUGE.keys())
def test_what_is_huge_or_deep_is_refused_or_read_at_once(text):
    began = time.monotonic()
    said: list[str] = []
    try:
        said = breaches(parse_reply(text).sources({"model.py": "a = 1\n"}))
    except ReplyError as error:
        said = [str(error)]
    assert time.monotonic() - began < SECONDS
    assert said and len("".join(said)) < 100_000


EDITED = {
    "a long run of equal lines": ("a\n" * 32_000, ("a",) * 16_000),
    "one that almost matches": ("a\n" * 32_000, (*("a",) * 16_000, "c")),
    "many lines alike": ("\n".join("abcdefgh" * 4 + str(i) for i in range(1800)), ("hgfedcba" * 12,)),
    "many short lines": ("\n".join(f"ab{i}" for i in range(10_000)), ("ab99999",)),
}


@pytest.mark.parametrize(("text", "search"), EDITED.values(), ids=EDITED.keys())
def test_an_edit_that_matches_nowhere_or_everywhere_is_refused_at_once(text, search):
    began = time.monotonic()
    with pytest.raises(ReplyError, match=r"matches (nowhere|10 or more times)") as caught:
        apply_edits({"model.py": text}, [Edit(path="model.py", search=search, replace=("b",))])
    assert time.monotonic() - began < SECONDS
    assert len(str(caught.value)) < 1000


@settings(max_examples=500, deadline=None)
@given(PATHS, st.sampled_from(["", ".py", ".json", ".txt"]))
@example("..\\..\\x", ".py")
@example("/etc/passwd", "")
def test_no_path_that_is_accepted_leaves_the_folder_on_any_system(path, suffix):
    path += suffix
    if path_fault(path) is not None:
        return
    folder = Path("/folder")
    assert (folder / path).resolve().is_relative_to(folder)
    assert path.isascii() and path.isprintable() and not set(path) & set('\\\\:*?"<>| ')
    assert all(part and part[0] not in ".-" and part[-1] != "." for part in path.split("/"))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["a.py", "A.py", "a/b.py", "A/b.py", "a.py/c.py", "B.PY", "b.py", "a/B.py"]), max_size=6)
)
def test_accepted_files_lie_side_by_side_whatever_the_file_system_thinks_of_capitals(paths):
    files = dict.fromkeys(paths, "x = 1\n")
    lower = {path.lower() for path in files}
    apart = len(lower) == len(files) and not any(a != b and b.startswith(f"{a}/") for a in lower for b in lower)
    ends = all(path_fault(path) is None for path in files)
    assert (names_fault(files) is None) == (apart and ends)
    if names_fault(files):
        with pytest.raises(UsageError):
            Candidate.of(files)


@settings(max_examples=200, deadline=None)
@given(PATHS, st.text(max_size=200))
def test_a_reply_makes_a_tree_that_can_be_written_or_an_error(path, code):
    text = f"{HEADER}File: {path}\n````python\n{code}\n````\n"
    with suppress(ReplyError):
        files = parse_reply(text).sources({"model.py": "a = 1\n"})
        assert tree_faults(files) == [] and names_fault(files) is None
        assert Candidate.from_bytes(Candidate.of(files).to_bytes()).files == Candidate.of(files).files


def test_edits_cannot_blow_a_file_up():
    """A reply within its limit that makes a file too large is refused; so the store and the next prompt are bounded."""
    pairs = "".join(f"<<<<<<< SEARCH\n{i}\n=======\n{i}\n{'y' * 1500}\n>>>>>>> REPLACE\n" for i in range(60))
    base = {"model.py": "\n".join(map(str, range(60)))}
    with pytest.raises(ReplyError, match="a file may have"):
        parse_reply(f"{HEADER}Edit: model.py\n```\n{pairs}```\n").sources(base)
    assert FILE_BYTES < TOTAL_BYTES < REPLY_CHARACTERS
