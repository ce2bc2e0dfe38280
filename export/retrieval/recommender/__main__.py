"""The command: python -m recommender recommend | train | verify | embeddings | torch-export."""

import argparse
import csv
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as when the model was judged: the last digits depend on it

import numpy as np
import torch
from recommender import TRAINED
from recommender.runtime.folder import Trained
from recommender.runtime.ids import cell, in_lines
from recommender.runtime.log import NAMES, Log, read_log
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Place, open_recommender

UNITS = {"s": 1, "m": 60, "h": 3600}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, or 2 for what a person can put right."""
    given = _parser().parse_args(arguments)
    try:
        trained = Trained.open(given.model)
        torch.set_num_threads(given.threads or trained.about["threads"])
        given.run(given, trained)
    except Refusal as refusal:
        print(f"error: {refusal}\n  fix: {refusal.fix}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def recommend(given: argparse.Namespace, trained: Trained) -> None:
    log = _log(given) if given.data else None
    recommender = open_recommender(given.model, log)
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

    seconds = given.time or trained.about["training_s"]
    torch.set_num_threads(given.threads or os.cpu_count() or 1)
    value = train(_log(given), trained, seconds=seconds, seed=given.seed, out=given.out)
    print(f"{given.out}: NDCG@10 {value:.4f} on held out events. Use it with --model {given.out}")


def verify(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.judged import count_equal

    equal, n = count_equal(open_recommender(given.model))
    print(f"{equal} of {n} lists are the judged ones, all {trained.about['top_k']} places in the same order")
    if equal < n:
        raise Refusal(
            f"{n - equal} lists differ from the judged ones",
            "none is needed if few do, on another processor or torch: the last digits of scores depend on both",
        )


def embeddings(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.tensors import item_vectors

    vectors = item_vectors(open_recommender(given.model))
    np.save(given.out, vectors)
    print(f"{given.out}: float32 {list(vectors.shape)}, a row for each line of {given.model / 'items.csv'}")


def export(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.tensors import torch_export

    error = torch_export(open_recommender(given.model), given.out)
    print(f"{given.out}: (users, indptr, items, timestamps, values) -> scores; at most {error:.2g} from the model's")


def _log(given: argparse.Namespace) -> Log:
    return read_log(given.data, given.columns, seed=given.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recommender", description="A recommender, and how to train it again."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    ask = _command(commands, recommend, "the best items for users: CSV on standard output")
    ask.add_argument("--user", action="append", metavar="ID", help="a user's id as in the log; repeatable")
    ask.add_argument("--users", type=Path, metavar="FILE", help="ids, one a line")
    ask.add_argument("--all", action="store_true", help="everybody")
    ask.add_argument("--history", metavar="ITEM,ITEM", help="what a new user took, oldest first")
    ask.add_argument("-k", type=_positive, default=10, help="places a user (10)")
    _add_log(ask, "a newer log, instead of the history that came along", required=False)
    learn = _command(commands, train, "train the model on a log")
    _add_log(learn, "the log: CSV or TSV with a header; repeatable", required=True)
    learn.add_argument("--out", type=Path, default=Path("retrained"), help="folder to write (retrained)")
    learn.add_argument("--time", type=_seconds, help="training time: 90s, 10m, 1h (as in the search)")
    _command(commands, verify, "recompute what was judged, and compare")
    _command(commands, embeddings, "item vectors for a nearest-neighbour index").add_argument(
        "-o", "--out", type=Path, default=Path("items.npy")
    )
    _command(commands, export, "the scorer as a torch.export program", "torch-export").add_argument(
        "-o", "--out", type=Path, default=Path("model.pt2")
    )
    return parser


def _command(commands, run, about: str, name: str = "") -> argparse.ArgumentParser:  # type: ignore[no-untyped-def]
    command: argparse.ArgumentParser = commands.add_parser(name or run.__name__, help=about, description=about)
    command.set_defaults(run=run)
    command.add_argument(
        "--model", type=Path, default=TRAINED, metavar="FOLDER", help="what `train` wrote (the export's)"
    )
    command.add_argument("--threads", type=_positive, help="of torch")
    return command


def _add_log(command: argparse.ArgumentParser, about: str, *, required: bool) -> None:
    command.add_argument("--data", type=Path, action="append", required=required, metavar="LOG", help=about)
    command.add_argument("--columns", type=_columns, default={}, metavar="user=uid,...", help="names of the columns")
    command.add_argument("--seed", type=int, default=0, help="of what is drawn at random (0)")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration like 90s, 10m or 1h")
    return float(found[1]) * UNITS[found[2] or "s"]


def _columns(text: str) -> dict[str, str]:
    pairs = dict(part.partition("=")[::2] for part in text.split(","))
    if not all(pairs.values()) or not set(pairs) <= set(NAMES):
        raise argparse.ArgumentTypeError(f"{text!r} is not like user=uid,item=sku ({', '.join(NAMES)} on the left)")
    return pairs


if __name__ == "__main__":
    sys.exit(main())
