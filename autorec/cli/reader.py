"""A run opened by its name under `runs/`, or by its path."""

from autorec.store.folder import resolve_run
from autorec.wiring.reader import RunReader, read


def read_run(run: str) -> RunReader:
    """Open a run by name or path.

    Raises RunError when it is no run.
    """
    return read(resolve_run(run))
