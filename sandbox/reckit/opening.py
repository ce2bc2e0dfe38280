"""Opens the training bundle that a job is given, whatever kind it is of."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from reckit.bundle import Data, open_log
from reckit.rows import Rows, open_rows

KINDS: Mapping[str, Callable[[str | Path], Data | Rows]] = {"log": open_log, "rows": open_rows}


def open_data(path: str | Path) -> Data | Rows:
    """Map the training bundle in `path`, interactions or rows; nothing is read before it is used."""
    meta = json.loads((Path(path) / "meta.json").read_text())
    return KINDS[meta["kind"]](path)
