"""Whether two candidates are the same code in other words: sources without what changes nothing.

Nothing of substance are comments, docstrings, annotations, layout, the order of imports at the top of a file and that
of hyper-parameters, and the names that a candidate gives itself: its variables, functions, classes and attributes are
called by the order in which they first come. Numbers, texts, hyper-parameters, and whatever the libraries and the
contract name, stay as they are; so does an attribute of anything but `self`, even where a variable is called so too:
`mean = x.mean()` is not `total = x.total()`.

`digest` is of what is left. Equal ones: the same code. `shingles` are all runs of `RUN` tokens of it, in which neither
numbers nor names of its own are told apart; the share of runs that two candidates have in common (Jaccard; Broder 1997)
is how alike they are. So another constant or name makes nothing less alike; another term, layer or call does.
"""

import ast
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from autorec.prompting.kinds import parsed

RUN = 5
OWN = "\N{GREEK SMALL LETTER NU}"
"""What stands before the number of a name of a candidate's own; a letter that few programs hold."""
NUMBER = "0"
CONTRACT = frozenset(
    {"build", "fit", "score", "recommend", "score_pairs", "rerank", "forward", "state_dict", "load_state_dict"}
    | {"data", "params", "recommender", "run", "history", "users", "rows", "self"}
)
"""Names that the contract gives."""
OF_SELF = "self"
NAMED_BY = frozenset({"id", "arg", "name", "asname"})
SAYS_NOTHING = frozenset({"ctx", "kind", "annotation", "returns", "type_comment", "type_ignores", "lineno"})
"""Fields of the syntax tree that change nothing in what a program does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """See the head of the module."""

    digest: str
    shingles: frozenset[int]

    def likeness(self, other: "Sketch") -> float:
        """The share of runs of tokens that both have: 1 for the same, 0 for nothing in common."""
        if self.digest == other.digest:
            return 1.0
        shared = len(self.shingles & other.shingles)
        return shared / max(1, len(self.shingles) + len(other.shingles) - shared)

    def at_most(self, other: "Sketch") -> float:
        """The likeness is no greater, by how many runs there are alone: what cannot be near need not be compared."""
        few, many = sorted((len(self.shingles), len(other.shingles)))
        return few / max(1, many)


def sketch(files: Mapping[str, str]) -> Sketch:
    """The sketch of a candidate's sources, path -> text."""
    tokens = list(_tokens(files))
    plain = [_plain(token) for token in tokens]
    runs = [" ".join(plain[i : i + RUN]) for i in range(max(1, len(plain) - RUN + 1))]
    return Sketch(
        digest=hashlib.sha256("\0".join(tokens).encode(errors="replace")).hexdigest(),
        shingles=frozenset(zlib.crc32(run.encode(errors="replace")) for run in runs),
    )


def _tokens(files: Mapping[str, str]) -> Iterator[str]:
    """Tokens of all files in the order of their paths: the syntax tree, from top to bottom, or a text's words."""
    trees = {path: parsed(text) for path, text in files.items() if path.endswith(".py")}
    own = {name for tree in trees.values() for name in _given(tree)}
    own -= {name for given in CONTRACT for name in (given, f"{OF_SELF}.{given}")}
    own -= {name for tree in trees.values() for name in _imported(tree, set(files))}
    called: dict[str, str] = {}
    for path in sorted(files):
        yield path
        if path in trees and trees[path].body:
            for token in _laid_out(_in_order(trees[path])):
                yield called.setdefault(token, f"{OWN}{len(called)}") if token in own else token
        else:
            yield from _words(files[path])


def _plain(token: str) -> str:
    """A token as shingles know it: own names and numbers are all alike."""
    if token[:1] == OWN:
        return OWN
    return NUMBER if token[:1].isdigit() or (token[:1] == "-" and token[1:2].isdigit()) else token


def _laid_out(tree: ast.Module) -> Iterator[str]:
    """A syntax tree as tokens: what each node is, then what is in it. Names are bare, texts in quotes."""
    stack: list[object] = [tree]
    while stack:
        node = stack.pop()
        match node:
            case ast.AST():
                if not isinstance(node, ast.Name | ast.Constant | ast.arg):
                    yield f"<{type(node).__name__}>"
                stack.extend(_inside(node))
            case list():
                stack.append("]")
                stack.extend(reversed([each for each in node if not _is_docstring(each)]))
            case str():
                yield node
            case int() if not isinstance(node, bool):
                yield hex(node)  # in decimals, Python refuses to write a long one
            case _:
                yield repr(node)


def _inside(node: ast.AST) -> Iterator[object]:
    """What is in a node, the last first; texts in quotes, so that none reads like a name."""
    for field in reversed(node._fields):
        value = getattr(node, field, None)
        if field in SAYS_NOTHING or (value is None and not isinstance(node, ast.Constant)):
            continue
        if field == "attr":
            yield f"{OF_SELF if _is_self(node) else ''}.{value}"
        else:
            yield repr(value) if isinstance(value, str) and field not in NAMED_BY else value


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == OF_SELF


def _in_order(tree: ast.Module) -> ast.Module:
    """With the imports at the top sorted, and the names in each."""
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    for each in imports:
        each.names.sort(key=lambda alias: (alias.name, alias.asname or ""))
    rest = [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)]
    return ast.Module(body=[*sorted(imports, key=ast.unparse), *rest], type_ignores=[])


def _is_docstring(statement: object) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _given(tree: ast.Module) -> Iterator[str]:
    """Names that the code gives: to variables, arguments, functions, classes, and attributes of `self`."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                yield f"{OF_SELF}.{name}"
            case ast.Attribute(attr=name, ctx=ast.Store()) if _is_self(node):
                yield f"{OF_SELF}.{name}"


def _imported(tree: ast.Module, files: Set[str]) -> Iterator[str]:
    """Names that the libraries give: those that are imported, but from the candidate's own files."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.asname or alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(at), names=names, level=0) if f"{at.replace('.', '/')}.py" not in files:
                yield from (alias.asname or alias.name for alias in names)


def _words(text: str) -> Iterator[str]:
    """Of JSON its text with sorted keys; of anything else the words."""
    try:
        yield from json.dumps(json.loads(text), sort_keys=True).split()
    except (ValueError, RecursionError):
        yield from text.split()
