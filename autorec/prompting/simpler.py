"""How long sources are, counted so that nothing but code can be left out."""

import ast
import math
from collections.abc import Mapping

LEAST = 0.05
"""The share of the lines that a simpler candidate has to do without."""


def not_simpler(files: Mapping[str, str], base: Mapping[str, str]) -> str | None:
    """What is missing for `files` to be simpler than `base` (both path -> text); None where nothing is."""
    now, before = code_lines(files), code_lines(base)
    most = before - max(1, math.ceil(LEAST * before))
    if now <= most:
        return None
    return (
        f"the sources have {now} lines of code and had {before}: expected at most {most} "
        "(comments, docstrings, blank lines and line breaks do not count)"
    )


def code_lines(files: Mapping[str, str]) -> int:
    """Lines of Python as they are without comments and docstrings, each statement written in one way; of any other
    file, and of what does not parse, the lines that are not blank.
    """
    return sum(_lines(_plain(text) if path.endswith(".py") else text) for path, text in files.items())


def _plain(text: str) -> str:
    try:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [each for each in body if not _says_nothing(each)] or [ast.Pass()]  # type: ignore[attr-defined]
        return ast.unparse(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def _says_nothing(statement: ast.AST) -> bool:
    """A text or a number that stands alone: a docstring, or what could be left out like one."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _lines(text: str) -> int:
    return sum(bool(line.strip()) for line in text.splitlines())
