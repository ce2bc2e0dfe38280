"""The commands: predict, evaluate, train, verify, torch-export."""

import argparse
import sys
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from recommender.runtime import command
from recommender.runtime.columns import USUAL
from recommender.runtime.features import Features
from recommender.runtime.folder import Trained
from recommender.runtime.refusal import Refusal
from recommender.runtime.role import Recommender
from recommender.runtime.table import Table, read_table


def predict(given: argparse.Namespace, trained: Trained) -> None:
    recommender = Recommender(trained)
    answers = recommender.answer(recommender.features.encode(_known_table(given, recommender)))
    _write(sys.stdout, np.arange(1, len(answers) + 1), answers)
    sys.stdout.flush()


def _write(out: TextIO, numbers: np.ndarray, answers: np.ndarray) -> None:
    out.write("row,probability\n")
    out.writelines(f"{row},{answer:.7g}\n" for row, answer in zip(numbers.tolist(), answers.tolist(), strict=True))


def evaluate(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.metrics import quality

    recommender = Recommender(trained)
    rows = recommender.features.encode(_known_table(given, recommender), labelled=True)
    print(quality(rows.labels.numpy(), recommender.answer(rows)))


def train(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.training import train

    features = Features.open(trained).called(given.columns)
    table, seconds = _table(given, features), command.time_to_train(given, trained)
    kept = train(table, features, trained, seconds=seconds, seed=given.seed, out=given.out)
    print(f"{given.out}: held out {kept}. Use it with --model {given.out}")


def verify(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.judged import recompute

    found = recompute(Recommender(trained), given.data or ())
    equal, n = found.n_equal, len(found.judged)
    if given.out:
        with given.out.open("w", encoding="utf-8") as out:
            _write(out, found.numbers, found.own)
    print(f"{equal} of {n} probabilities are the judged ones, bit for bit")
    if equal < n:
        raise Refusal(
            f"{n - equal} probabilities differ from the judged ones, by {found.difference:.2g} at most",
            "none is needed if they do by 1e-6 or so, on another processor or torch; more means other rows or weights",
        )


def export(given: argparse.Namespace, trained: Trained) -> None:
    from recommender.runtime.tensors import torch_export

    error = torch_export(Recommender(trained), given.out)
    print(
        f"{given.out}: (numeric, categorical, users, timestamps) -> probabilities; at most {error:.2g} from the model's"
    )


def _table(given: argparse.Namespace, features: Features) -> Table:
    table = read_table(given.data, features.called(given.columns).layout)
    if table.unused:
        _note(f"not used: {', '.join(table.unused)}")
    return table


def _known_table(given: argparse.Namespace, recommender: Recommender) -> Table:
    table = _table(given, recommender.features)
    for name in recommender.features.unknown(table):
        _note(f"no value of {name!r} is one that the model learned; see how they are spelled in trained/vocabularies")
    return table


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


def add_to(commands: Any) -> None:
    """Register the commands of this role."""
    _add_rows(command.add(commands, predict, "the probability of a click for each row: CSV on standard output"))
    _add_rows(command.add(commands, evaluate, "how good it is on rows with a label"))
    _add_rows(command.add_training(commands, train, "train the model on rows with a label"))
    check = command.add(commands, verify, "recompute what was judged, and compare")
    check.add_argument(
        "--data", type=Path, action="append", metavar="ROWS", help="the rows of the run, instead of those kept here"
    )
    check.add_argument("-o", "--out", type=Path, help="write what was computed, as the run wrote predictions.csv")
    command.add(commands, export, "the model as a torch.export program", "torch-export").add_argument(
        "-o", "--out", type=Path, default=Path("model.pt2")
    )


def _add_rows(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="ROWS",
        help="CSV or TSV with the columns that it was trained on; repeatable",
    )
    to.add_argument(
        "--columns", type=command.columns(*USUAL), default={}, metavar="label=NAME,...", help="names of the columns"
    )
