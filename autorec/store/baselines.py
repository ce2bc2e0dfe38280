"""Baselines trained once for a data set and a budget, kept across runs under `AUTOREC_HOME`.

The key holds everything that the result depends on. Predictions are in the data set's own numbering, so they serve any
run; weights are in a run's secret numbering and are not kept.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from autorec.domain.candidate import Candidate
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.ports import Objects

_TRAINED = TypeAdapter(Trained)


class Trains(Protocol):
    """A trainer, or another cache around one."""

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained: ...

    def predict(self, candidate: Candidate, stage: Stage, kept: Trained) -> Trained: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineCache:
    """A trainer that remembers the baselines among what it trains. `context` is what results depend on besides."""

    inner: Trains
    baselines: frozenset[str]
    folder: Path
    kept: Objects
    objects: Objects
    context: Mapping[str, Any]

    def train(self, candidate: Candidate, stage: Stage, seed: int) -> Trained:
        """Train, or recall."""
        if candidate.id not in self.baselines:
            return self.inner.train(candidate, stage, seed)
        return self._recall(candidate, stage, seed) or self._keep(self.inner.train(candidate, stage, seed))

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
        file = self._file(candidate.id, stage, seed)
        try:
            found = _TRAINED.validate_json(file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        for digest in (found.predictions, found.per_user, found.log):
            if digest is not None:
                self.objects.put(self.kept.get(digest))
        return found

    def _keep(self, trained: Trained) -> Trained:
        if not trained.ok:
            return trained
        for digest in (trained.predictions, trained.per_user, trained.log):
            if digest is not None:
                self.kept.put(self.objects.get(digest))
        file = self._file(trained.candidate, trained.stage, trained.seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{os.getpid()}.tmp")
        partial.write_bytes(_TRAINED.dump_json(replace(trained, state=None, cached=True)))
        partial.replace(file)
        return trained

    def _file(self, candidate: str, stage: Stage, seed: int) -> Path:
        key = json.dumps({**self.context, "candidate": candidate, "stage": stage, "seed": seed}, sort_keys=True)
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
