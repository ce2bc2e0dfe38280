"""Code of a person's own, named in the configuration as `package.module:Name`: found, imported, tried before a run.

It runs in this process, on the trusted side: it is the user's own, never a candidate's. Modules are looked for as
Python does, and last in the current folder.
"""

import difflib
import hashlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from autorec.domain.errors import AutorecError, UsageError

_SPEC = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_spec(text: str) -> bool:
    """Whether a text has the form `package.module:Name`."""
    return _SPEC.fullmatch(text) is not None


def load(key: str, spec: str) -> Any:
    """The callable that an import string names; `key` is the setting that it stands in.

    Raises UsageError for a text of another form, a module or a name that is missing, and what cannot be called.
    """
    if not is_spec(spec):
        raise UsageError(f"{key}: {spec!r} is no import string", fix="write it as package.module:Name")
    module_name, _, name = spec.partition(":")
    module = _import(key, module_name)
    found = getattr(module, name, None)
    if found is None:
        near = difflib.get_close_matches(name, [each for each in vars(module) if not each.startswith("_")], n=1)
        raise UsageError(
            f"{key}: {module_name} has no {name!r} ({module.__file__})",
            fix=f"did you mean {module_name}:{near[0]}?" if near else "name what the module defines",
        )
    if not callable(found):
        raise UsageError(
            f"{key}: {spec} is a {type(found).__name__}; expected something to call", fix="name a class or a function"
        )
    return found


def takes(key: str, spec: str, call: Any, shape: str) -> None:
    """Check that `call` can be called with positional arguments named as in `shape`, as `hits, n_relevant, k`.

    Raises UsageError.
    """
    names = [name.strip() for name in shape.split(",") if name.strip()]
    try:
        inspect.signature(call).bind(*names)
    except TypeError as error:
        raise UsageError(f"{key}: {spec} cannot be called with ({shape}): {error}", fix=_SHAPES) from None
    except ValueError:
        return  # a builtin without a signature: the first call tells


def method(key: str, spec: str, thing: object, name: str, shape: str) -> None:
    """Check that `thing` has a method that takes `shape`. Raises UsageError."""
    found = getattr(thing, name, None)
    if not callable(found):
        raise UsageError(f"{key}: {spec} has no method {name}({shape})", fix=_SHAPES)
    takes(key, f"{spec}.{name}", found, shape)


@contextmanager
def explained(key: str, spec: str) -> Iterator[None]:
    """What a person's own code raises leaves as a UsageError that names it, the file and the line."""
    try:
        yield
    except AutorecError:
        raise
    except Exception as error:  # whatever a person's code raises is told in the same way
        raise UsageError(
            f"{key}: {spec} raised {type(error).__name__}: {error} ({_where(error)})",
            fix="mend it; a run that was under way goes on with autorec resume",
        ) from error


def source_digest(spec: str) -> str:
    """The sha256 of the source file that an imported name's module came from; of nothing where there is none."""
    file = getattr(sys.modules.get(spec.partition(":")[0]), "__file__", None)
    content = Path(file).read_bytes() if file else b""
    return hashlib.sha256(content).hexdigest()


_SHAPES = "autorec/ports.py says what each is called with; autorec.testing.conformance tries it"


def _import(key: str, name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            raise UsageError(
                f"{key}: there is no module {missing!r}; looked where Python looks, and in {here}",
                fix="start autorec in the folder that holds it, or install it",
            ) from None
        raise UsageError(f"{key}: {name} imports {missing!r}, which is missing", fix="install it") from error
    except AutorecError:
        raise
    except Exception as error:  # an import runs a person's code, which may raise anything
        raise UsageError(
            f"{key}: importing {name} raised {type(error).__name__}: {error} ({_where(error)})", fix="mend the module"
        ) from error


def _where(error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{last.filename}:{last.lineno}"
