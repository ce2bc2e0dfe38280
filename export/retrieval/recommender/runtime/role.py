"""What *recommend* means for retrieval: the best unseen items of the catalogue, for a user with a history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import reckit
import torch
from recommender.runtime import lists
from recommender.runtime.folder import Trained
from recommender.runtime.ids import Ids
from recommender.runtime.log import Log
from recommender.runtime.refusal import Refusal
from torch import Tensor


def history_of(trained: Trained) -> reckit.History:
    """What was known when the model was judged. Raises Refusal where the export left it out."""
    if not (trained.path / "query").is_dir():
        raise Refusal(
            "this folder was exported without its history, and the model cannot answer without one",
            "give the interactions: --data LOG.csv",
        )
    return reckit.open_history(trained.path / "query", trained.about["n_items"])


@dataclass(frozen=True)
class Place:
    """One line of an answer; `rank` is from 1. `score` is None where the model gives lists without scores."""

    user: str
    item: str
    score: float | None
    rank: int


class Recommender:
    """A model with its ids and with what is known of its users. `log` replaces the history that came with it."""

    def __init__(self, trained: Trained, log: Log | None = None) -> None:
        self.trained = trained
        self.items = trained.ids("item")
        known = trained.ids("user")
        if log is None:
            self.users, self.history = known, history_of(trained)
        else:
            self.users = Ids("user", (*known.raw, *(raw for raw in log.user_ids if raw not in known.numbers)))
            self.history = log.history(self.users, self.items, trained.about)
        self.n_known = len(known.raw)

    @cached_property
    def model(self) -> Any:
        """Built on what it was built on when it was trained; on the log where the export holds no interactions."""
        data = self.trained.data()
        if not self.trained.about["has_history"]:
            fields = ("n_users", "indptr", "items", "timestamps", "values")
            data = replace(data, **{name: getattr(self.history, name) for name in fields})
        return self.trained.model(data)

    def recommend(self, users: Sequence[str], k: int = 10) -> list[Place]:
        """The `k` best unseen items of each user, best first. A user's list does not depend on who else is asked for.

        Raises Refusal for a user that neither the model nor the log knows.
        """
        numbers = torch.tensor(self.users.find(users, "for a new user give a history: --history ITEM,ITEM,..."))
        return self._places(users, self.answer(numbers, k))

    def recommend_from(self, items: Sequence[str], k: int = 10, user: str = "new") -> list[Place]:
        """The `k` best other items for somebody new who took `items`, oldest first; `user` only names the lines."""
        numbers = self.items.find(items, "name items of items.csv")
        history, newcomer = lists.with_newcomer(self.history, numbers)
        return self._places([user], self._careful(history, torch.tensor([newcomer]), k))

    def answer(self, users: Tensor, k: int) -> lists.Lists:
        """The lists of users by number."""
        return self._careful(self.history, users, k)

    def _careful(self, history: reckit.History, users: Tensor, k: int) -> lists.Lists:
        about = self.trained.about
        how = {"k": k, "depth": about["top_k"], "seed": about["ties_seed"]}
        if bool((users < self.n_known).all()):
            return lists.recommend(self.model, history, users, **how)
        try:
            return lists.recommend(self.model, history, users, **how)
        except (IndexError, RuntimeError) as error:
            raise Refusal(
                f"this model cannot answer for users that it was not trained with ({type(error).__name__}: {error}); "
                "it may keep a vector for each user",
                "train it again on a log that has them: python -m recommender train --data LOG.csv",
            ) from error

    def _places(self, names: Sequence[str], answer: lists.Lists) -> list[Place]:
        return [
            Place(user, self.items.raw[item], score, rank)
            for user, items, scores in zip(names, answer.items.tolist(), _scores(answer), strict=True)
            for rank, (item, score) in enumerate(zip(items, scores, strict=True), 1)
            if item != lists.NOTHING
        ]


def _scores(answer: lists.Lists) -> list[list[float]] | list[list[None]]:
    return answer.scores.tolist() if answer.scores is not None else [[None] * len(row) for row in answer.items]
