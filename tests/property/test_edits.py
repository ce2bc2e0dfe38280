"""Random replies and edits: the only exception is ReplyError, and an edit changes what it names and nothing else."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.prompting.admission import breaches
from autorec.prompting.edits import Edit, ReplyError, apply_edits
from autorec.prompting.replies import DIVIDER, REPLACE, SEARCH, parse_reply

LINES = ("hypothesis: a", "predicted_effect: b", "what_is_new: c", "", "File: model.py", "Edit: model.py", "File: ../x")
MARKS = ("```", "```python", "````", "~~~", SEARCH, DIVIDER, REPLACE, "x = 1", "<think>", "</think>", "\0", "\ud800")
PIECES = st.sampled_from(LINES + MARKS)
LINE = st.text(alphabet="ab =", max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=20), max_size=40))
def test_no_reply_raises_anything_but_reply_error(pieces):
    with suppress(ReplyError):
        parse_reply("\n".join(pieces)).sources({"model.py": "x = 1\n"})


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["model.py", "train.py", "params.json", "a/b.py"]), st.text(max_size=60)))
def test_admission_reports_and_never_raises(files):
    assert all(isinstance(breach, str) for breach in breaches(files))


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=12), st.data())
def test_an_edit_of_unique_lines_changes_these_lines_only(lines, data):
    lines = [f"{number}{line}".rstrip() for number, line in enumerate(lines)]
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    replacement = tuple(line.rstrip() for line in data.draw(st.lists(LINE, max_size=3)))
    edit = Edit(path="f.py", search=tuple(lines[start:end]), replace=replacement)
    edited = apply_edits({"f.py": "\n".join(lines), "g.py": "g"}, [edit])
    assert edited == {"f.py": "\n".join([*lines[:start], *replacement, *lines[end:]]), "g.py": "g"}


@settings(max_examples=200, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=10), st.lists(LINE, min_size=1, max_size=3))
def test_an_edit_is_applied_exactly_when_it_matches_once(lines, search):
    bare, wanted = [line.rstrip() for line in lines], [line.rstrip() for line in search]
    times = sum(bare[i : i + len(wanted)] == wanted for i in range(len(bare) - len(wanted) + 1))
    edit = Edit(path="f.py", search=tuple(search), replace=("new",))
    try:
        apply_edits({"f.py": "\n".join(lines)}, [edit])
        applied = True
    except ReplyError:
        applied = False
    assert applied == (times == 1 and any(wanted))
