"""What counts as simpler: less code, and nothing that only looks like it."""

import pytest

from autorec.prompting.simpler import code_lines, not_simpler

CODE = '"""What it does."""\n\n# why\ndef f(a,\n      b):\n    """Adds."""\n    c = a + b  # both\n    return c\n'


@pytest.mark.parametrize(
    "bare",
    ["def f(a, b):\n    c = a + b\n    return c\n", "def f(a, b): c = a + b; return c\n", CODE],
    ids=["without comments", "on one line", "the same"],
)
def test_comments_docstrings_and_line_breaks_are_no_code(bare):
    assert code_lines({"model.py": bare}) == code_lines({"model.py": CODE}) == 3
    assert not_simpler({"model.py": bare}, {"model.py": CODE})


def test_a_twentieth_of_the_lines_has_to_go():
    base = {"train.py": "".join(f"x = {n}\n" for n in range(90)), "params.json": "{\n\n" + '"a": 1,\n' * 8 + "}"}
    assert code_lines(base) == 100
    for fewer, enough in ((4, False), (5, True)):
        shorter = {**base, "train.py": "".join(f"x = {n}\n" for n in range(90 - fewer))}
        assert (not_simpler(shorter, base) is None) is enough


def test_a_body_of_a_docstring_alone_and_what_does_not_parse_are_counted():
    assert code_lines({"model.py": 'class A:\n    """Nothing."""\n'}) == 2
    assert code_lines({"model.py": "def (\n\nx\n"}) == 2
