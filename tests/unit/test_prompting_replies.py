"""Parsing of replies: what is read, and what each refusal says."""

import re

import pytest

from autorec.domain.paths import FILE_BYTES
from autorec.prompting.edits import ReplyError
from autorec.prompting.replies import REPLY_CHARACTERS, parse_reply

HEADER = "hypothesis: h\npredicted_effect: e\nwhat_is_new: n\n\n"
EDIT = "Edit: model.py\n```\n<<<<<<< SEARCH\na = 1\n=======\na = 2\n>>>>>>> REPLACE\n```\n"


def file(path: str, text: str = "x = 1", fence: str = "```") -> str:
    return f"File: {path}\n{fence}python\n{text}\n{fence}\n\n"


def test_header_and_files():
    reply = parse_reply("Here it is.\n\n" + HEADER + file("model.py", "a = 1\nb = 2") + file("layers/block.py"))
    assert (reply.header.hypothesis, reply.header.predicted_effect, reply.header.what_is_new) == ("h", "e", "n")
    assert reply.files == {"model.py": "a = 1\nb = 2\n", "layers/block.py": "x = 1\n"}
    assert reply.edits == ()


def test_edits_are_applied_to_the_base():
    reply = parse_reply(HEADER + EDIT)
    assert reply.sources({"model.py": "a = 1\nb = a\n"}) == {"model.py": "a = 2\nb = a\n"}


def test_several_edits_in_a_block_and_a_new_file_beside_them():
    second = "\n<<<<<<< SEARCH\nb = a\n=======\n>>>>>>> REPLACE\n```\n"
    reply = parse_reply(HEADER + EDIT.removesuffix("```\n") + second + file("extra.py"))
    assert reply.sources({"model.py": "a = 1\nb = a\nc = 3\n"}) == {"model.py": "a = 2\nc = 3\n", "extra.py": "x = 1\n"}


@pytest.mark.parametrize(
    "line", ["**File: model.py**", "### File: `model.py`", "**File:** `model.py`", "File: model.py  "]
)
def test_decorated_path_lines_are_read(line):
    assert list(parse_reply(f"{HEADER}{line}\n\n```python\nx = 1\n```\n").files) == ["model.py"]


def test_decorated_header_wrapped_over_lines():
    header = "**Hypothesis:** one\ntwo\n- predicted effect: e\n# what_is_new: n\n\nA remark.\n\n"
    assert parse_reply(header + file("model.py")).header.hypothesis == "one two"


def test_a_longer_fence_holds_backticks():
    text = '"""\n```\ncode\n```\n"""'
    assert parse_reply(HEADER + file("model.py", text, "````")).files["model.py"] == text + "\n"


def test_thinking_before_the_header_is_left_out():
    thought = "<think>\nhypothesis: no\n```\nFile: no.py\n```\n</think>\n"
    assert list(parse_reply(thought + HEADER + file("model.py")).files) == ["model.py"]


def test_windows_line_ends():
    assert parse_reply((HEADER + file("model.py")).replace("\n", "\r\n")).files == {"model.py": "x = 1\n"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the header before the first file must have"),
        (HEADER, "the reply has no file"),
        (file("model.py"), "hypothesis: Field required"),
        (HEADER.replace("hypothesis: h", "hypothesis:") + file("model.py"), "hypothesis: String should have at least"),
        ("hypothesis: a\n" + HEADER + file("model.py"), "gives hypothesis twice"),
        (HEADER + "```python\nx = 1\n```", "line 5: a fenced block without a path"),
        (HEADER + file("model.py") + "```\nlost\n```", "a fenced block without a path"),
        (HEADER + "File: model.py\nx = 1\n", "line 6: expected a fenced block after 'File: model.py'"),
        (HEADER + "File: model.py\n", "may have been cut"),
        (HEADER + "File: model.py\n```python\nx = 1\n", "block of model.py is never closed"),
        (HEADER + file("model.py") * 2, "file model.py is given twice"),
        (HEADER + file("model.py") + EDIT, "both as a file and as edits"),
        (HEADER + file("../model.py"), "each part must be"),
        (HEADER + file("a/../../b.py"), "each part must be"),
        (HEADER + file("/etc/passwd.py"), "must be relative"),
        (HEADER + file("a\\b.py"), "must be relative"),
        (HEADER + file(".hidden.py"), "each part must be"),
        (HEADER + file("model.so"), "must end in one of"),
        (HEADER + file("model.py."), "not end with a dot"),
        (HEADER + file("a./model.py"), "not end with a dot"),
        (HEADER + file("nul.py"), "names of devices"),
        (HEADER + file("COM1.tar.py"), "names of devices"),
        (HEADER + file("C:model.py"), "each part must be"),
        (HEADER + file("model\u202e.py"), "each part must be"),
        (HEADER + file("mode\u0301l.py"), "each part must be"),
        (HEADER + file("mod\u00e9l.py"), "each part must be"),
        (HEADER + "Edit: model.py\n```\n" + "<<<<<<< SEARCH\na\n=======\n>>>>>>> REPLACE\n" * 201 + "```", "200 edits"),
        (HEADER + file("a" * 200 + ".py"), "at most 100"),
        (HEADER + file("model.py", "x = '\0'"), "NUL"),
        (HEADER + file("model.py", "x = '\ud800'"), "surrogate"),
        ("x" * (REPLY_CHARACTERS + 1), "at most"),
        (HEADER + EDIT.replace("=======\n", ""), "expected '=======' next"),
        (HEADER + EDIT.replace("a = 2", "a = 2\n======="), "expected '>>>>>>> REPLACE' next"),
        (HEADER + EDIT.replace("<<<<<<< SEARCH\n", ""), "expected '<<<<<<< SEARCH' in the edits"),
        (HEADER + EDIT.replace(">>>>>>> REPLACE\n", ""), "does not end with '>>>>>>> REPLACE'"),
    ],
)
def test_refusals_say_what_and_where(text, said):
    with pytest.raises(ReplyError, match=re.escape(said)):
        parse_reply(text)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("".join(file(f"f{i}.py") for i in range(13)), "13 files; a candidate may have 12"),
        (file("model.py", "x" * FILE_BYTES), "a file may have 65,536"),
        ("".join(file(f"f{i}.py", "x" * (FILE_BYTES - 10)) for i in range(5)), "bytes in all"),
        (file("a.py") + file("a.py/b.py"), "a.py is a file and a folder at once"),
        (file("a.py") + file("A.py/b.py"), "a.py is a file and a folder at once"),
        (file("model.py") + file("Model.py"), "model.py and Model.py differ in capitals only"),
    ],
)
def test_a_tree_that_is_too_large_is_refused(reply, said):
    with pytest.raises(ReplyError, match=said):
        parse_reply(HEADER + reply).sources({})
