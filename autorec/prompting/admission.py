"""Static checks before the sandbox: what a model can be told in a second instead of after a failed training.

The list of imports is advice to the author, not security: isolation is the sandbox's affair.
"""

import ast
import sys
from collections.abc import Iterator, Mapping

from autorec.domain.candidate import REQUIRED_FILES
from autorec.domain.errors import UsageError
from autorec.domain.paths import path_fault, tree_faults
from autorec.schemas.params import read_params

PROVIDED = frozenset({"torch", "numpy", "scipy", "reckit"})
USELESS = frozenset(
    {"asyncio", "ctypes", "ftplib", "http", "multiprocessing", "pickle", "smtplib", "socket", "socketserver"}
    | {"ssl", "subprocess", "telnetlib", "urllib", "webbrowser", "xmlrpc"}
)
"""Of the standard library, what the sandbox denies (network, processes) or the contract has no use for."""

CONTRACT = {"model.py": ("build", ("data", "params")), "train.py": ("fit", ("recommender", "data", "params", "run"))}
PARAMS = "params.json"


def breaches(files: Mapping[str, str]) -> list[str]:
    """What is wrong with a candidate's files (path -> text), one sentence each; empty when nothing is."""
    found = [fault for path in sorted(files) if (fault := path_fault(path))] + tree_faults(files)
    found += [
        f"{path} is missing; a candidate has {' and '.join(REQUIRED_FILES)}"
        for path in REQUIRED_FILES
        if path not in files
    ]
    own = {path.split("/")[0].removesuffix(".py") for path in files if path.endswith(".py")}
    found += [f"{name}.py hides the module {name}; call it otherwise" for name in sorted(own & _importable())]
    for path in sorted(files):
        if path.endswith(".py"):
            found += _code_breaches(path, files[path], own)
    if PARAMS in files:
        found += _params_breaches(files[PARAMS])
    return found


def _code_breaches(path: str, text: str, own: set[str]) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        yield f"{path} line {error.lineno or 1}: {error.msg}: {(error.text or '').strip()[:80]!r}"
        return
    except (ValueError, RecursionError, MemoryError) as error:
        yield f"{path}: cannot be parsed ({type(error).__name__})"
        return
    if path in CONTRACT:
        yield from _contract_breaches(path, tree)
    for line, module in _imports(tree):
        if module not in (_importable() | own) - USELESS:
            yield (
                f"{path} line {line}: imports {module}; a candidate may import {', '.join(sorted(PROVIDED))}, its own "
                "files and the standard library without network and processes"
            )


def _contract_breaches(path: str, tree: ast.Module) -> Iterator[str]:
    name, arguments = CONTRACT[path]
    wanted = f"{name}({', '.join(arguments)})"
    defined = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name), None)
    if defined is not None:
        if not _takes(defined.args, len(arguments)):
            yield f"{path} line {defined.lineno}: {name} must take {len(arguments)} positional arguments: {wanted}"
    elif name not in _bound_names(tree):
        yield f"{path}: must define {wanted} at the top level"


def _takes(arguments: ast.arguments, n: int) -> bool:
    """Whether a call with n positional arguments fits."""
    positional = len(arguments.posonlyargs) + len(arguments.args)
    required = positional - len(arguments.defaults)
    keywords_required = any(default is None for default in arguments.kw_defaults)
    return required <= n and (positional >= n or arguments.vararg is not None) and not keywords_required


def _bound_names(tree: ast.Module) -> set[str]:
    """Names that imports and assignments bind at the top level."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and top-level module of each absolute import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module.split(".")[0]


def _importable() -> frozenset[str]:
    return PROVIDED | sys.stdlib_module_names


def _params_breaches(text: str) -> Iterator[str]:
    try:
        read_params(text)
    except UsageError as error:
        yield str(error)
