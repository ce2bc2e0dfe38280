"""SEARCH/REPLACE edits: exactly one match, or a refusal that helps."""

import pytest

from autorec.prompting.edits import Edit, ReplyError, apply_edits

TEXT = "def f(x):\n    return x\n\n\ndef g(x):\n    return x\n"


def edit(search: str, replace: str = "", path: str = "model.py") -> Edit:
    return Edit(path=path, search=tuple(search.split("\n")), replace=tuple(replace.split("\n")) if replace else ())


def test_lines_are_replaced_and_the_rest_stays():
    assert apply_edits({"model.py": TEXT, "b.py": "b\n"}, [edit("def g(x):\n    return x", "g = f")]) == {
        "model.py": "def f(x):\n    return x\n\n\ng = f\n",
        "b.py": "b\n",
    }


def test_no_replacement_deletes():
    assert apply_edits({"model.py": "a\nb\nc\n"}, [edit("b")]) == {"model.py": "a\nc\n"}


def test_an_edit_sees_those_before_it():
    assert apply_edits({"model.py": "a\n"}, [edit("a", "b"), edit("b", "c")]) == {"model.py": "c\n"}


def test_only_whole_lines_match():
    assert apply_edits({"model.py": "x = 10\nx = 1\n"}, [edit("x = 1", "x = 2")]) == {"model.py": "x = 10\nx = 2\n"}


def test_blanks_at_line_ends_do_not_count():
    assert apply_edits({"model.py": "a = 1\nb\n"}, [edit("a = 1  ", "c")]) == {"model.py": "c\nb\n"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (edit("    return x", "y"), "edit 1 of model.py: the search text matches 2 times, at lines 2, 6"),
        (edit("    return y"), "Line 'return y' is not in the file; the closest is line 2"),
        (edit("def f(x):\ndef g(x):"), "not one after the other"),
        (edit("\n\n"), "the search text is empty"),
        (edit("a", path="other.py"), "there is no file 'other.py'; the files are model.py"),
    ],
)
def test_refusals_say_which_and_why(wrong, said):
    with pytest.raises(ReplyError, match=said):
        apply_edits({"model.py": TEXT}, [wrong])
