"""People's own candidates: each folder given with `--seed-code` is proposed once."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from autorec.domain.candidate import BY_HAND, REQUIRED_FILES, Operator, Plan, Proposal
from autorec.domain.errors import UsageError
from autorec.domain.paths import FILE_BYTES, MOST_FILES, path_fault, tree_faults
from autorec.domain.state import State

NAME = BY_HAND
"""What its plans are signed with, and the rotation knows it by."""
FOLDER = "folder"
"""The key of a plan's design that names the folder it stands for."""


class HumanProposer:
    """Implements `ports.Proposer` over sources read before: `seeds` maps a name to path -> text."""

    def __init__(self, seeds: Mapping[str, Mapping[str, str]]) -> None:
        self._seeds = dict(seeds)

    def plan(self, state: State, seed: int) -> Plan | None:
        """The first folder that the run does not know yet; None when it knows them all."""
        known = set(_folders(state))
        for name in self._seeds:
            if name not in known:
                why = f"a person's code: {name}"
                return Plan(proposer=NAME, operator=Operator.HUMAN, seed=seed, design={FOLDER: name}, why=why)
        return None

    def propose(self, plan: Plan, state: State) -> Proposal:
        """The sources of the planned folder, as they were read."""
        return Proposal(files=self._seeds[(plan.design or {})[FOLDER]])


def read_seed_code(folder: Path) -> dict[str, str]:
    """The text files of a person's candidate, path -> text; hidden files and `__pycache__` are left out.

    Raises UsageError for a missing folder or contract file, a link, a file that is not UTF-8 text, and too many or
    too large files.
    """
    if not folder.is_dir():
        raise _refusal(folder, "is no folder", "give a folder that holds model.py and train.py")
    files: dict[str, str] = {}
    for file in _files(folder):
        if len(files) == MOST_FILES:
            raise _refusal(folder, f"has too many files; expected at most {MOST_FILES}", "remove some")
        path = file.relative_to(folder).as_posix()
        files[path] = _text(folder, file, path)
    for required in REQUIRED_FILES:
        if required not in files:
            raise _refusal(folder, f"has no {required}", f"a candidate is {' and '.join(REQUIRED_FILES)}")
    for fault in tree_faults(files):
        raise _refusal(folder, fault, "make it smaller")
    return files


def _files(folder: Path) -> Iterator[Path]:
    """Everything that is not a plain folder, in order; links are not followed."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
        else:
            yield entry


def _text(folder: Path, file: Path, path: str) -> str:
    if file.is_symlink() or not file.is_file():
        raise _refusal(folder, f"{path} is a link or no regular file", "put the file itself there")
    if fault := path_fault(path):
        raise _refusal(folder, fault, "rename or remove it")
    if (size := file.stat().st_size) > FILE_BYTES:
        raise _refusal(folder, f"{path} has {size:,} bytes; expected at most {FILE_BYTES:,}", "make it smaller")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _refusal(folder, f"{path} is not UTF-8 text (byte {error.start})", "save it as UTF-8") from error


def _refusal(folder: Path, problem: str, fix: str) -> UsageError:
    return UsageError(f"{folder}: {problem}", fix=fix)


def _folders(state: State) -> Iterator[str]:
    """The names of the folders that the run knows: tried, under way or declined."""
    plans = [ask.plan for ask in state.asks] + [ask.plan for ask in state.declined]
    designs = [(plan.proposer, plan.design) for plan in plans]
    designs += [(record.proposer, record.design) for record in state.records.values()]
    for proposer, design in designs:
        if proposer == NAME and design:
            yield design[FOLDER]
