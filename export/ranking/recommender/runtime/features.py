"""From rows of text to the numbers that the model sees: its columns, their vocabularies, its users."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import reckit
import torch
from recommender.runtime.columns import MISSING_TEXTS, Column, Layout
from recommender.runtime.folder import Trained
from recommender.runtime.ids import Ids
from recommender.runtime.table import Table
from recommender.runtime.vocabulary import Vocabulary, learn

NOBODY = ""
"""What stands in users.csv for rows that name no user; users that it does not hold have the same number."""


@dataclass(frozen=True)
class Features:
    """`vocabularies` follow the layout's categories; `users` None where the rows name none."""

    layout: Layout
    vocabularies: tuple[Vocabulary, ...]
    users: Ids | None

    @classmethod
    def open(cls, trained: Trained) -> "Features":
        layout = Layout.of(trained.about["columns"])
        folder = trained.path / "vocabularies"
        buckets = trained.about["buckets"]
        files = (folder / f"c{place:02d}.csv" for place, _ in enumerate(layout.categorical, 1))
        vocabularies = tuple(Vocabulary(Ids.read(f, "value"), n) for f, n in zip(files, buckets, strict=True))
        return cls(layout, vocabularies, trained.ids("user") if layout.user else None)

    @classmethod
    def learn(cls, table: Table, layout: Layout, train: np.ndarray) -> "Features":
        """Values are numbered anew from the rows of train, bool [n]."""
        vocabularies = tuple(learn(table.features[name], train) for name in layout.categorical)
        named = sorted(set(table.features[layout.user].texts) - MISSING_TEXTS) if layout.user else ()
        users = Ids("user", (*named, NOBODY)) if layout.user else None
        return cls(layout, vocabularies, users)

    def write(self, folder: Path) -> Mapping[str, Any]:
        """As `open` reads them; returns what `about.json` says of them."""
        (folder / "vocabularies").mkdir()
        for place, vocabulary in enumerate(self.vocabularies, 1):
            vocabulary.own.write(folder / "vocabularies" / f"c{place:02d}.csv")
        if self.users:
            self.users.write(folder / "users.csv")
        return {"columns": vars(self.layout), "buckets": [v.n_buckets for v in self.vocabularies]}

    def called(self, named: Mapping[str, str]) -> "Features":
        """For rows whose columns of label or timestamp have other names."""
        return replace(self, layout=replace(self.layout, named={**self.layout.named, **named}))

    def encode(self, table: Table, *, labelled: bool = False) -> reckit.Rows:
        """The rows as the model sees them. Raises Refusal for a value that does not fit its column."""
        n, layout = len(table), self.layout
        numeric = np.empty((n, len(layout.numeric)), dtype=np.float32)
        for place, name in enumerate(layout.numeric):
            numeric[:, place] = table.numbers(name)
        categorical = np.empty((n, len(layout.categorical)), dtype=np.int32)
        for place, (name, vocabulary) in enumerate(zip(layout.categorical, self.vocabularies, strict=True)):
            categorical[:, place] = vocabulary.encode(table.features[name])
        return reckit.Rows(
            numeric=torch.from_numpy(numeric),
            categorical=torch.from_numpy(categorical),
            n_codes=tuple(v.n_codes for v in self.vocabularies),
            n_users=len(self.users.raw) if self.users else None,
            labels=torch.from_numpy(table.labels()) if labelled else None,
            users=torch.from_numpy(self._numbers(table.features[layout.user])) if layout.user else None,
            timestamps=torch.from_numpy(table.seconds()) if layout.timestamps else None,
        )

    def _numbers(self, column: Column) -> np.ndarray:
        numbers = self.users.numbers  # type: ignore[union-attr]
        found = (numbers.get(text, numbers[NOBODY]) for text in column.texts)
        return np.fromiter(found, dtype=np.int32, count=len(column.texts))[column.codes]

    def unknown(self, table: Table) -> list[str]:
        """Columns none of whose values the model has learned: they may be spelled otherwise."""
        found = []
        for name, vocabulary in zip(self.layout.categorical, self.vocabularies, strict=True):
            codes = vocabulary.codes(table.features[name].texts)
            if len(vocabulary.own.raw) and (codes > 0).any() and not (codes > vocabulary.n_buckets).any():
                found.append(name)
        return found
