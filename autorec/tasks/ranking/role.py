"""The role *ranking*: how likely a click on each of the rows is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autorec.domain.control import Control
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Direction, Task
from autorec.domain.job import Part, Stage
from autorec.schemas.config import SearchConfig
from autorec.tasks.roles import SELECTING, Measure, Role, Takeaway

if TYPE_CHECKING:
    from autorec.tasks.ranking.describe import Description
    from autorec.tasks.ranking.impressions import Impressions
    from autorec.tasks.ranking.vocabulary import Vocabulary
    from autorec.tasks.splits import Split

PROBABILITY_BYTES = 4
HEADER_BYTES = 4096
"""More than the header of a .npy file takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clicks:
    """Impressions, their split, and a vocabulary for each categorical column: `roles.Material`, and `Portable`.

    Vocabularies are learned from train alone and serve all stages, so that a kept state fits whatever data it meets.
    `named` says by meaning how columns are called in the file, where that was told.
    """

    data: "Impressions"
    split: "Split"
    vocabularies: "tuple[Vocabulary, ...]"
    named: Mapping[str, str]

    @property
    def sizes(self) -> Mapping[str, int]:
        rows = self.data
        sizes = {"rows": len(rows), "numbers": len(rows.numbers), "categories": len(rows.fields)}
        return {**sizes, "users": len(rows.users.values)} if rows.users else sizes

    @property
    def statistics(self) -> Mapping[str, float]:
        from autorec.tasks.ranking.statistics import statistics

        return statistics(self.data, self.split, self.vocabularies)

    @property
    def answer(self) -> Mapping[str, Any]:
        return {"answer": "probabilities"}

    @property
    def answer_bytes(self) -> int:
        return len(self.data) * PROBABILITY_BYTES + HEADER_BYTES

    def require(self, metric: str) -> None:
        if metric.partition("@")[0] in ("gauc", "ndcg") and not self._users_with_both():
            raise UsageError(
                f"{metric} is of users who clicked on some of their rows and not on others; each holdout needs one, "
                f"and {self.data.name} has no such users",
                fix="name the column of users (--columns user=<column>), or take auc or logloss",
            )

    def _users_with_both(self) -> bool:
        parts = self.describe().parts
        return all(parts[part].users_with_both for part in (Part.SELECT, Part.CONFIRM, Part.TEST))

    def write_training(self, secret: bytes, parts: Collection[Part], folder: Path) -> None:
        from autorec.tasks.ranking.bundle import write_training

        write_training(self.data, self.split, self.vocabularies, secret, parts, folder)

    def write_query(self, secret: bytes, part: Part, folder: Path) -> None:
        from autorec.tasks.ranking.bundle import write_query

        write_query(self.data, self.split, self.vocabularies, secret, part, folder, self.answer)

    def key(self, secret: bytes) -> Mapping[str, Any]:
        from autorec.tasks.ranking.bundle import truth

        return {
            "truth": lambda part: truth(self.data, self.split, part, secret),
            "has_users": self.data.users is not None,
        }

    def probes(self) -> tuple[Control, ...]:
        from autorec.tasks.ranking.leakage import probes

        return probes(self.data, self.split)

    def describe(self) -> "Description":
        from autorec.tasks.ranking.describe import describe

        return describe(self.data, self.split, self.vocabularies)

    def as_csv(self, part: Part, predictions: bytes) -> str:
        from autorec.tasks.ranking.predictions import as_csv

        return as_csv(self.data, self.split, part, predictions)

    def write_trained(
        self, secret: bytes, folder: Path, *, stage: Stage, predictions: bytes | None
    ) -> Mapping[str, Any]:
        from autorec.tasks.ranking.takeaway import write_trained

        where = (self.data, self.split, self.vocabularies, secret, folder)
        return write_trained(*where, stage=stage, predictions=predictions, answer=self.answer, named=self.named)


def load(config: SearchConfig) -> Clicks:
    """The configured rows, or the synthetic world where none are given, split.

    Raises DataError; UsageError where it is asked for what only a log of interactions has.
    """
    from autorec.tasks.parts import rows_of
    from autorec.tasks.ranking.splits import split
    from autorec.tasks.ranking.vocabulary import learn

    if asked := [name for name in SELECTING if getattr(config, name) is not None]:
        raise UsageError(
            f"{asked[0]} is for logs of interactions; rows of ranking carry their features and stay as they are",
            fix=f"leave --{asked[0].replace('_', '-')} out",
        )
    if config.top_k != SearchConfig.model_fields["top_k"].default:
        raise UsageError("top_k is for lists of items; ranking answers each row", fix="leave top_k out")
    if config.data is None:
        if config.columns:
            raise UsageError("columns speaks of a file, and none was given", fix="name one with --data")
        from autorec.tasks.ranking.world import ClickWorld, generate

        rows = generate(ClickWorld(seed=config.split_seed)).rows
    else:
        from autorec.tasks.ranking.readers import load as read

        rows = read(config.data, config.columns)
    cut = split(rows, rule=config.split, seed=config.split_seed)
    train = rows_of(cut.part, Part.TRAIN)
    vocabularies = tuple(learn(field, train) for field in rows.fields)
    return Clicks(data=rows, split=cut, vocabularies=vocabularies, named=config.columns)


def _sign(config: SearchConfig) -> str | None:
    from autorec.tasks.ranking.sign import sign

    return sign(config)


def _synthesise(target: Path, seed: int, sizes: Mapping[str, int]) -> str:
    from autorec.tasks.ranking.world import ClickWorld, generate, write_csv

    rows = generate(ClickWorld(seed=seed, **sizes)).rows
    write_csv(rows, target)
    return f"{len(rows):,} impressions, {int(rows.labels.sum()):,} of them clicked"


def _protocol(task: Task) -> str:
    unit = "users" if "users" in task.sizes else "rows"
    return f"probabilities of all held-out rows, ties in the AUC count one half; intervals draw {unit} anew"


RANKING = Role(
    name="ranking",
    search_space="ranking",
    baselines=("constant", "lr", "fm", "deepfm", "dcn"),
    columns=("label", "user", "timestamp", "numeric", "categorical", "ignore"),
    splits=("auto", "temporal", "ratio", "given"),
    measures={
        "auc": Measure(),
        "logloss": Measure(direction=Direction.MINIMIZE),
        "gauc": Measure(),
        "ndcg": Measure(at_cutoff=True),
        "ece": Measure(direction=Direction.MINIMIZE, primary=False),
        "calibration": Measure(primary=False, objective=False),
    },
    default_objectives=("auc",),
    default_cutoffs=(5, 10, 20),
    shown=("auc", "logloss", "ece"),
    predictions_file="predictions.csv",
    predictions_are="its probabilities for the rows of the test",
    takeaway=Takeaway(
        ask="predict --data YOUR.csv",
        ask_bare="predict --data YOUR.csv",
        answers="the probability of a click for each row",
        use="Saying how likely a click is, for rows with the columns of the data below. Values that train did not hold "
        "twice count as one and the same. Train it again as clicks come in.",
        holds="`trained/vocabularies/` holds the values of the categories, ids of users among them where there are "
        "any, and weights may hold a vector for each",
        unknown=(
            "How it does online: what was shown, and where, was settled by another system, and this one would show "
            "something else.",
            "How well calibrated it stays when the share of clicks moves; `evaluate` tells on newer rows.",
            "Whether it serves all groups of users alike: nothing about groups was measured.",
        ),
    ),
    protocol=_protocol,
    load=load,
    sign=_sign,
    synthesise=_synthesise,
)
