"""The commands: recommend, train, verify, embeddings, torch-export."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from recommender.runtime import command
from recommender.runtime.folder import Trained
from recommender.runtime.ids import cell, in_lines
from recommender.runtime.log import NAMES, Log, read_log
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Place, Recommender


def recommend(given: argparse.Namespace, trained: Trained) -> None:
    log = _log(given) if given.data else None
    recommender = Recommender(trained, log)
    if given.history is not None:
        items = next(csv.reader([given.history], skipinitialspace=True), [])
        _print(recommender.recommend_from(items, given.k, (given.user or ["new"])[0]))
        return
    users = list(given.user or ())
    if given.users:
        with given.users.open(encoding="utf-8-sig", newline="") as lines:
            users += in_lines(lines)
    if given.all:
        users += log.user_ids if log else recommender.users.raw
    if not users:
        raise Refusal("nobody to recommend for", "name --user ID, --users FILE, --all, or a new user's --history")
    _print(recommender.recommend(list(dict.fromkeys(users)), given.k))


def _print(places: Sequence[Place]) -> None:
    sys.stdout.write("user_id,item_id,score,rank\n")
    for place in places:
        score = "" if place.score is None else f"{place.score:.7g}"
        sys.stdout.write(f"{cell(place.user)},{cell(place.item)},{score},{place.rank}\n")
    sys.stdout.flush()


def train(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.training import train

    seconds = command.time_to_train(given, trained)
    value = train(_log(given), trained, seconds=seconds, seed=given.seed, out=given.out)
    print(f"{given.out}: NDCG@10 {value:.4f} on held out events. Use it with --model {given.out}")


def verify(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.judged import count_equal

    equal, n = count_equal(trained)
    print(f"{equal} of {n} lists are the judged ones, all {trained.about['top_k']} places in the same order")
    if equal < n:
        raise Refusal(
            f"{n - equal} lists differ from the judged ones",
            "none is needed if few do, on another processor or torch: the last digits of scores depend on both",
        )


def embeddings(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.tensors import item_vectors

    vectors = item_vectors(Recommender(trained))
    np.save(given.out, vectors)
    print(f"{given.out}: float32 {list(vectors.shape)}, a row for each line of {given.model / 'items.csv'}")


def export(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.tensors import torch_export

    error = torch_export(Recommender(trained), given.out)
    print(f"{given.out}: (users, indptr, items, timestamps, values) -> scores; at most {error:.2g} from the model's")


def _log(given: argparse.Namespace) -> Log:
    return read_log(given.data, given.columns, seed=given.seed)


def add_to(commands: Any) -> None:
    """Register the commands of this role."""
    ask = command.add(commands, recommend, "the best items for users: CSV on standard output")
    ask.add_argument("--user", action="append", metavar="ID", help="a user's id as in the log; repeatable")
    ask.add_argument("--users", type=Path, metavar="FILE", help="ids, one a line")
    ask.add_argument("--all", action="store_true", help="everybody")
    ask.add_argument("--history", metavar="ITEM,ITEM", help="what a new user took, oldest first")
    ask.add_argument("-k", type=command.positive, default=10, help="places a user (10)")
    ask.add_argument("--seed", type=int, default=0, help="of the order of events of one user and time (0)")
    _add_log(ask, "a newer log, instead of the history that came along", required=False)
    learn = command.add_training(commands, train, "train the model on a log")
    _add_log(learn, "the log: CSV or TSV with a header; repeatable", required=True)
    command.add(commands, verify, "recompute what was judged, and compare")
    command.add(commands, embeddings, "item vectors for a nearest-neighbour index").add_argument(
        "-o", "--out", type=Path, default=Path("items.npy")
    )
    command.add(commands, export, "the scorer as a torch.export program", "torch-export").add_argument(
        "-o", "--out", type=Path, default=Path("model.pt2")
    )


def _add_log(to: argparse.ArgumentParser, about: str, *, required: bool) -> None:
    to.add_argument("--data", type=Path, action="append", required=required, metavar="LOG", help=about)
    to.add_argument(
        "--columns", type=command.columns(*NAMES), default={}, metavar="user=uid,...", help="names of the columns"
    )
