"""The role *retrieval*: from all items, the few that a user will want next."""

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
    from autorec.tasks.bundle import Permutation
    from autorec.tasks.datasets import Dataset
    from autorec.tasks.describe import Description
    from autorec.tasks.splits import Split


ID_BYTES = 4
HEADER_BYTES = 4096
"""More than the header of a .npy file takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interactions:
    """An interaction log and its split: `roles.Material`, and `Portable`. Candidates hand in lists of `k` items."""

    data: "Dataset"
    split: "Split"
    k: int

    @property
    def sizes(self) -> Mapping[str, int]:
        log = self.data
        return {"users": log.n_users, "items": log.n_items, "interactions": log.n_interactions}

    @property
    def statistics(self) -> Mapping[str, float]:
        from autorec.tasks.statistics import statistics

        return statistics(self.data, self.split)

    @property
    def answer(self) -> Mapping[str, Any]:
        return {"answer": "lists", "k": self.k}

    @property
    def answer_bytes(self) -> int:
        return self.data.n_users * self.k * ID_BYTES + HEADER_BYTES

    def require(self, metric: str) -> None:
        cutoff, n_items = metric.partition("@")[2], self.data.n_items
        if cutoff and int(cutoff) > n_items:
            raise UsageError(
                f"{metric} asks for the top {cutoff}, but the catalogue has {n_items} items",
                fix=f"use a cutoff of at most {n_items}",
            )

    def write_training(self, secret: bytes, parts: Collection[Part], folder: Path) -> None:
        from autorec.tasks.bundle import write_training

        write_training(self.data, self.split, self.permutation(secret), parts, folder)

    def write_query(self, secret: bytes, part: Part, folder: Path) -> None:
        from autorec.tasks.bundle import write_query

        write_query(self.data, self.split, self.permutation(secret), part, folder, self.answer)

    def key(self, secret: bytes) -> Mapping[str, Any]:
        from autorec.tasks.holdouts import ground

        permutation = self.permutation(secret)
        return {
            "truth": lambda part: ground(self.data, self.split, part),
            "user_permutation": permutation.users,
            "item_permutation": permutation.items,
            "n_items": self.data.n_items,
            "top_k": self.k,
        }

    def probes(self) -> tuple[Control, ...]:
        from autorec.tasks.leakage import probes

        return probes(self.data, self.split)

    def describe(self) -> "Description":
        from autorec.tasks.describe import describe

        return describe(self.data, self.split)

    def as_csv(self, part: Part, predictions: bytes) -> str:
        from autorec.tasks.recommendations import as_csv

        return as_csv(self.data, self.split, part, predictions)

    def write_trained(
        self, secret: bytes, folder: Path, *, stage: Stage, predictions: bytes | None
    ) -> Mapping[str, Any]:
        from autorec.tasks.takeaway import write_trained

        where = (self.data, self.split, self.permutation(secret), folder)
        return write_trained(*where, stage=stage, predictions=predictions, answer=self.answer)

    def permutation(self, secret: bytes) -> "Permutation":
        """The ids that candidates see in a run of this secret."""
        from autorec.tasks.bundle import Permutation

        return Permutation.of(secret, self.data.n_users, self.data.n_items)


def load(config: SearchConfig) -> Interactions:
    """The configured log, or the synthetic world where none is given, and its split.

    Raises DataError; UsageError where rows or features of no log are asked for.
    """
    from autorec.tasks.splits import split

    if config.data is None:
        if asked := [name for name in (*SELECTING, "columns") if getattr(config, name) not in (None, {})]:
            raise UsageError(f"{asked[0]} speaks of a log, and none was given", fix="name one with --data")
        from autorec.tasks.synthetic import SyntheticWorld, generate

        dataset = generate(SyntheticWorld(seed=config.split_seed)).dataset
    else:
        from autorec.tasks.readers import Selection
        from autorec.tasks.readers import load as read

        selection = Selection(**{name: getattr(config, name) for name in SELECTING})
        dataset = read(config.data, columns=config.columns, selection=selection)
    k = min(dataset.n_items, max(config.top_k, *RETRIEVAL.cutoffs(config)))
    return Interactions(data=dataset, split=split(dataset, rule=config.split, seed=config.split_seed), k=k)


def _synthesise(target: Path, seed: int, sizes: Mapping[str, int]) -> str:
    from autorec.tasks.synthetic import SyntheticWorld, generate, write_csv

    log = generate(SyntheticWorld(seed=seed, **sizes)).dataset
    write_csv(log, target)
    return f"{log.n_interactions} interactions of {log.n_users} users"


def _protocol(task: Task) -> str:
    return f"full ranking over {task.sizes['items']} items, seen items masked; mean over warm users"


_OF_EACH_USER = Measure(at_cutoff=True)
_OF_ALL = Measure(at_cutoff=True, primary=False)

RETRIEVAL = Role(
    name="retrieval",
    search_space="retrieval",
    baselines=("pop", "itemknn", "ease", "ease_recency", "sasrec"),
    columns=("user", "item", "timestamp", "value"),
    splits=("auto", "temporal", "loo", "ratio", "given"),
    measures={
        **dict.fromkeys(("ndcg", "recall", "precision", "hitrate", "mrr", "map"), _OF_EACH_USER),
        **dict.fromkeys(("coverage", "novelty"), _OF_ALL),
        "gini": Measure(direction=Direction.MINIMIZE, at_cutoff=True, primary=False),
    },
    default_objectives=("ndcg@10",),
    default_cutoffs=(5, 10, 20),
    shown=("ndcg@10", "hitrate@10", "mrr@10"),
    predictions_file="recommendations.csv",
    predictions_are="what it recommends on the test",
    takeaway=Takeaway(
        ask="recommend --all -k 10",
        ask_bare="recommend --all -k 10 --data YOUR.csv",
        answers="lists for everybody",
        use="Recommending items of the catalogue that it was trained on, to the users of the data below. It knows no "
        "item that came later, and no reason why somebody took an item. Train it again as the log grows.",
        holds="`trained/users.csv` holds users' ids, and weights may hold a vector for each user",
        unknown=(
            "How it does online: clicks that its own lists cause were never seen.",
            "How it does for new users and new items beyond the figures above, or after tastes have moved on.",
            "Whether it serves all groups of users alike: nothing about groups was measured.",
            "Scores are for ordering one user's items: they are no probabilities, and do not compare between users.",
        ),
    ),
    protocol=_protocol,
    load=load,
    synthesise=_synthesise,
)
