"""What a trained click model needs where autorec is not installed, as `export/ranking` reads it."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from autorec.domain.errors import UsageError
from autorec.domain.job import Part, Stage
from autorec.tasks.parts import CODE_OF
from autorec.tasks.ranking.bundle import truth, user_numbers, write_query, write_training
from autorec.tasks.ranking.formats import CRITEO_NAMES
from autorec.tasks.ranking.impressions import MISSING, Impressions
from autorec.tasks.ranking.predictions import row_numbers
from autorec.tasks.ranking.vocabulary import Vocabulary
from autorec.tasks.splits import Split
from autorec.tasks.takeaway import write_ids

MEANINGS = ("label", "timestamp")
NOBODY = ""
"""What stands in `users.csv` for rows that name no user."""


def write_trained(
    rows: Impressions,
    split: Split,
    vocabularies: Collection[Vocabulary],
    secret: bytes,
    folder: Path,
    *,
    stage: Stage,
    predictions: bytes | None,
    answer: Mapping[str, Any],
    named: Mapping[str, str],
) -> Mapping[str, Any]:
    """Write vocabularies, bundles and the judged probabilities to `folder`; returns what its `about.json` says of them.

    `stage` is the one that `predictions` were judged in; `named` says by meaning how columns are called. Without
    predictions no row is written: the model is built on one click and one other row in which everything is missing.
    Raises UsageError where two columns have one name.
    """
    _require_names(rows)
    _write_vocabularies(folder, rows, vocabularies, secret)
    if predictions is not None:
        asked = truth(rows, split, stage.judged_on, secret).asked
        write_training(rows, split, vocabularies, secret, stage.trained_on, folder / "data")
        write_query(rows, split, vocabularies, secret, stage.judged_on, folder / "query", answer)
        np.save(folder / "judged.npy", np.load(BytesIO(predictions), allow_pickle=False)[asked])
        np.save(folder / "judged_rows.npy", row_numbers(rows, split, stage.judged_on)[asked])
    else:
        blank, apart = _blank(rows, split)
        write_training(blank, apart, vocabularies, secret, (Part.TRAIN,), folder / "data")
    return {
        "columns": {
            "numeric": [number.name for number in rows.numbers],
            "categorical": [field.name for field in rows.fields],
            "user": rows.users.name if rows.users else None,
            "timestamps": rows.timestamps is not None,
            "named": {meaning: named[meaning] for meaning in MEANINGS if meaning in named},
            "headless": list(CRITEO_NAMES[1:]) if rows.in_order else [],
        },
        "buckets": [vocabulary.n_buckets for vocabulary in vocabularies],
        "has_history": predictions is not None,
    }


def _require_names(rows: Impressions) -> None:
    counts = Counter((*(number.name for number in rows.numbers), *(field.name for field in rows.fields)))
    if twice := [name for name, count in counts.items() if count > 1]:
        raise UsageError(
            f"{rows.name}: two columns are called {twice[0]!r}, and an export finds columns by their names",
            fix="rename one of them in the data and search again",
        )


def _write_vocabularies(folder: Path, rows: Impressions, vocabularies: Collection[Vocabulary], secret: bytes) -> None:
    (folder / "vocabularies").mkdir()
    for place, (field, vocabulary) in enumerate(zip(rows.fields, vocabularies, strict=True), 1):
        codes = vocabulary.code_of[:-1]
        own = np.flatnonzero(codes > vocabulary.n_buckets)
        numbers = (codes[own] - 1 - vocabulary.n_buckets).tolist()
        write_ids(folder / "vocabularies" / f"c{place:02d}.csv", "value", field.values[own].tolist(), numbers)
    if rows.users:
        write_ids(
            folder / "users.csv",
            "user",
            (*rows.users.values.tolist(), NOBODY),
            user_numbers(rows.users, secret).tolist(),
        )


def _blank(rows: Impressions, split: Split) -> tuple[Impressions, Split]:
    """A click and another row, of which nothing else is known."""
    nothing = np.full(2, np.nan, dtype=np.float32)
    missing = np.full(2, MISSING, dtype=np.int32)
    blank = replace(
        rows,
        labels=np.array([False, True]),
        numbers=tuple(replace(number, values=nothing) for number in rows.numbers),
        categories=tuple(replace(field, codes=missing) for field in rows.categories),
        users=replace(rows.users, codes=missing) if rows.users else None,
        timestamps=None if rows.timestamps is None else np.zeros(2, dtype=np.int64),
    )
    return blank, replace(split, part=np.full(2, CODE_OF[Part.TRAIN], dtype=np.int8))
