"""How many files a candidate may have, how large, and what they may be called."""

import re
from collections.abc import Mapping

KIBIBYTE = 1024
MOST_FILES = 12
FILE_BYTES = 64 * KIBIBYTE
TOTAL_BYTES = 256 * KIBIBYTE
PATH_CHARACTERS = 100
SUFFIXES = (".py", ".json", ".md", ".txt")
_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_\-])?")
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
"""Names that Windows keeps for devices, whatever their suffix: an exported folder may end up there."""


def path_fault(path: str) -> str | None:
    """Why a path is refused, None where it is fine: relative, plain names, no `..`, a text suffix."""
    if len(path) > PATH_CHARACTERS:
        return f"path of {len(path)} characters; at most {PATH_CHARACTERS}"
    if path.startswith("/") or "\\" in path:
        return f"path {path!r} must be relative, with / between folders"
    parts = path.split("/")
    if not all(_PART.fullmatch(part) for part in parts):
        return (
            f"path {path!r}: each part must be letters, digits, _, - and ., start with a letter, digit or _ and not "
            "end with a dot"
        )
    if any(part.split(".")[0].lower() in DEVICES for part in parts):
        return f"path {path!r}: {', '.join(sorted(DEVICES)[:4])} and the like are names of devices on some machines"
    if not path.endswith(SUFFIXES):
        return f"path {path!r} must end in one of {', '.join(SUFFIXES)}"
    return None


def tree_faults(files: Mapping[str, str]) -> list[str]:
    """What is too many, too large or in the way of another in path -> text."""
    sizes = {path: len(text.encode("utf-8", errors="replace")) for path, text in files.items()}
    faults = [
        f"{path}: {size:,} bytes; a file may have {FILE_BYTES:,}" for path, size in sizes.items() if size > FILE_BYTES
    ]
    if len(files) > MOST_FILES:
        faults.append(f"{len(files)} files; a candidate may have {MOST_FILES}")
    if sum(sizes.values()) > TOTAL_BYTES:
        faults.append(f"{sum(sizes.values()):,} bytes in all; a candidate may have {TOTAL_BYTES:,}")
    return faults + _clashes(files)


def names_fault(files: Mapping[str, object]) -> str | None:
    """The first fault of a path, or of two paths together; None where all are fine."""
    return next((fault for path in files if (fault := path_fault(path))), next(iter(_clashes(files)), None))


def _clashes(files: Mapping[str, object]) -> list[str]:
    """Paths that some file system takes for one, and files in the place of a folder; for paths of ASCII alone."""
    known: dict[str, str] = {}
    faults = [
        f"{known[path.lower()]} and {path} differ in capitals only"
        for path in files
        if known.setdefault(path.lower(), path) != path
    ]
    folders = {path[:i].lower() for path in files for i, character in enumerate(path) if character == "/"}
    return faults + [f"{known[name]} is a file and a folder at once" for name in sorted(folders & set(known))]
