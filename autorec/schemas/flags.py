"""A configuration's data as flags again, so that a command that people are told to type means the same data."""

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from autorec.schemas.config import SearchConfig

OF_DATA = ("data", "role", "columns", "min_rating", "k_core", "user_features", "item_features", "split")


def data_flags(config: Mapping[str, Any]) -> str:
    """What says which data, in which role and split, quoted for a shell, with a blank before each flag.

    `config` is a configuration as a run keeps it (`model_dump(mode="json")`); what has its default is left out.
    """
    return "".join(f" {part}" for part in _parts(config))


def _parts(config: Mapping[str, Any]) -> Iterator[str]:
    for key in OF_DATA:
        given = config.get(key)
        if given in (None, {}) or given == SearchConfig.model_fields[key].default:
            continue
        text = ",".join(f"{what}={name}" for what, name in given.items()) if isinstance(given, Mapping) else str(given)
        yield f"--{key.replace('_', '-')}"
        yield shlex.quote(text)
