"""The code of an export: what stands around any model, what belongs to its role, `reckit`, and the candidate's files.

Everything is copied as bytes; nothing is imported.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from autorec.domain.errors import UsageError

EVERY_ROLE = "every_role"
PACKAGE = "recommender"
RESERVED = ("__init__", "__main__", "reckit", "runtime")
"""What the package has for itself: no file or folder of a candidate may be called so."""


def served_roles(templates: Path) -> tuple[str, ...]:
    """The roles that can be exported: those with a folder of their own."""
    return tuple(sorted(f.name for f in templates.iterdir() if f.is_dir() and f.name != EVERY_ROLE))


def lay_out_code(
    folder: Path, *, role: str, files: Mapping[str, str], templates: Path, reckit: Path, environment: Mapping[str, str]
) -> None:
    """Write README, licence, requirements and the package `recommender` with a candidate's `files` in it.

    Raises UsageError where a file of the candidate would hide one of the package.
    """
    _refuse_hidden(files)
    for source in (templates / EVERY_ROLE, templates / role):
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    package = folder / PACKAGE
    shutil.copytree(reckit, package / "reckit", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in files.items():
        target = package / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode())
    (folder / "requirements.txt").write_text(requirements(environment), encoding="utf-8")


def requirements(environment: Mapping[str, str]) -> str:
    """Pins for pip, as the run had them; a local build such as +cpu has no address in an index and is left off."""
    packages = {name: environment[name] for name in ("torch", "numpy", "scipy", "safetensors") if name in environment}
    lines = [f"# Python {environment.get('python', '3.11 or newer')}, as in the run. For torch without CUDA, first:"]
    lines += ["#   pip install torch --index-url https://download.pytorch.org/whl/cpu"]
    lines += ["# To ask with Parquet files: pip install duckdb"]
    return "\n".join([*lines, *(f"{name}=={version.partition('+')[0]}" for name, version in packages.items())]) + "\n"


def _refuse_hidden(files: Mapping[str, str]) -> None:
    for path in files:
        name = path.split("/")[0].removesuffix(".py")
        if name in RESERVED:
            raise UsageError(
                f"the candidate has a file {path}, and an export has {name!r} for itself",
                fix="rename it in a candidate of your own: show RUN CAND --code-to DIR, then search --seed-code DIR",
            )
