"""Every exception that autorec raises on purpose.

    AutorecError               what was expected, what came, where; `fix` says what to do next
    ├── UsageError             the command, the configuration or an input file is wrong (exit code 2)
    │   ├── DataError          an interaction log that cannot be read or split
    │   ├── SpaceError         a search space that does not hold together: file, key, fix
    │   ├── RunError           a run folder: missing, of another version, in use
    │   └── ReplayError        a replay parts from its recording, or there is no recording to play
    ├── ModelError             a language model that cannot be used: key, address, price (exit code 2)
    ├── IsolationError         no sandbox that holds can be had on this machine (exit code 2)
    ├── IntegrityError         judge or split do not hold what they promise: a fault of autorec (exit code 2)
    ├── StoreError             the store cannot write: full disk, lost folder (exit code 2)
    └── MalformedPredictions   what a candidate handed in is refused: becomes an Outcome, never a crash

A candidate's fault is data (an `Outcome`); our fault, or the machine's, is one of these.
"""


class AutorecError(Exception):
    """Base of all errors with a message meant for people."""

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class UsageError(AutorecError):
    """The command line, the configuration or an input is wrong."""


class DataError(UsageError):
    """An interaction log cannot be read or split."""


class SpaceError(UsageError):
    """A search space does not hold together."""


class RunError(UsageError):
    """A run folder is missing, of another version, or in use."""


class ReplayError(UsageError):
    """A replay parts from its recording, or the recording cannot be played."""


class ModelError(AutorecError):
    """A language model cannot be used as asked."""


class IsolationError(AutorecError):
    """No isolation tier that passes its self-test is available."""


class IntegrityError(AutorecError):
    """Judge or split do not give what they must give; figures of this run would mean nothing."""


class StoreError(AutorecError):
    """The store cannot record what happened."""


class MalformedPredictions(AutorecError):
    """A candidate's predictions break the contract; the reason is for the candidate's author."""
