"""Baselines trained once for a data set and a budget, kept across runs under `AUTOREC_HOME`.

The key holds everything that the result depends on. Predictions are in the data set's own numbering, so they serve any
run; weights are in a run's secret numbering and are not kept.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from autorec.domain.candidate import Candidate
from autorec.domain.errors import StoreError
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.ports import Objects, Trains

_TRAINED = TypeAdapter(Trained)


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineCache:
    """A trainer that remembers the baselines among what it trains. `context` is what results depend on besides."""

    inner: Trains
    baselines: frozenset[str]
    folder: Path
    kept: Objects
    objects: Objects
    context: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Make the folder now, so that a run with nowhere to keep its baselines does not begin. Raises StoreError."""
        with _explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        """Train, or recall.

        A training of the search counts only together with its judgement on *confirm*: it is recalled without a state to
        judge, and training it again among the finalists is time that no budget keeps back.
        """
        if candidate.id not in self.baselines:
            return self.inner.train(candidate, stage, seed)
        judged = stage is not Stage.SEARCH or self._find(candidate, Stage.FINALIST, seed) is not None
        found = self._recall(candidate, stage, seed) if judged else None
        return found or self._keep(self.inner.train(candidate, stage, seed))

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained:
        """Predict, or recall. A recalled training has no state to predict from, so it is trained again."""
        if candidate.id not in self.baselines:
            return self.inner.predict(candidate, stage, kept)
        if found := self._recall(candidate, stage, kept.seed):
            return found
        if kept.state is None:
            return self._keep(self.inner.train(candidate, stage, kept.seed))
        return self._keep(self.inner.predict(candidate, stage, kept))

    def _recall(self, candidate: Candidate, stage: Stage, seed: int) -> Trained | None:
        """What is kept, its objects copied into the run; None where it is missing."""
        found = self._find(candidate, stage, seed)
        if found is None:
            return None
        trained, contents = found
        for content in contents:
            self.objects.put(content)
        return trained

    def _find(self, candidate: Candidate, stage: Stage, seed: int) -> tuple[Trained, list[bytes]] | None:
        """What is kept and its objects; None where it is missing or damaged, so that it is made and kept again."""
        try:
            found = _TRAINED.validate_json(self._file(candidate.id, stage, seed).read_bytes())
            return found, [self.kept.get(digest) for digest in _objects_of(found)]
        except (OSError, ValidationError, StoreError):
            return None

    def _keep(self, trained: Trained) -> Trained:
        if not trained.ok:
            return trained
        for digest in _objects_of(trained):
            self.kept.put(self.objects.get(digest))
        file = self._file(trained.candidate, trained.stage, trained.seed)
        partial = file.with_suffix(f".{os.getpid()}.tmp")
        with _explained(self.folder):
            try:
                partial.write_bytes(_TRAINED.dump_json(replace(trained, state=None, cached=True)))
                partial.replace(file)
            finally:
                partial.unlink(missing_ok=True)
        return trained

    def _file(self, candidate: str, stage: Stage, seed: int) -> Path:
        key = json.dumps({**self.context, "candidate": candidate, "stage": stage, "seed": seed}, sort_keys=True)
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


def _objects_of(trained: Trained) -> tuple[str, ...]:
    """Digests of what is kept of a training; not its weights."""
    return tuple(d for d in (trained.predictions, trained.per_unit, trained.log) if d is not None)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the cache of baselines at {folder} cannot be written: {error.strerror}",
            fix="free space, or set AUTOREC_HOME to a folder that you may write to",
        ) from error
