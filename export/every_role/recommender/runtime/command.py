"""What the commands of all roles are made of."""

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from recommender import TRAINED
from recommender.runtime.folder import Trained

UNITS = {"s": 1, "m": 60, "h": 3600}
Command = Callable[[argparse.Namespace, Trained], None]


def add(commands: Any, run: Command, about: str, name: str = "") -> argparse.ArgumentParser:
    """A command, called as the function is unless `name` says otherwise."""
    command: argparse.ArgumentParser = commands.add_parser(name or run.__name__, help=about, description=about)
    command.set_defaults(run=run)
    command.add_argument(
        "--model", type=Path, default=TRAINED, metavar="FOLDER", help="what `train` wrote (the export's)"
    )
    command.add_argument("--threads", type=positive, help="of torch")
    return command


def add_training(commands: Any, run: Command, about: str) -> argparse.ArgumentParser:
    """The command `train`, to which a role adds the data that it takes."""
    command = add(commands, run, about)
    command.add_argument("--out", type=Path, default=Path("retrained"), help="folder to write (retrained)")
    command.add_argument("--time", type=seconds, help="training time: 90s, 10m, 1h (as in the search)")
    command.add_argument("--seed", type=int, default=0, help="of what is drawn at random (0)")
    return command


def time_to_train(given: argparse.Namespace, trained: Trained) -> float:
    """Seconds; all processors are put to work for them unless it is said how many."""
    torch.set_num_threads(given.threads or os.cpu_count() or 1)
    return float(given.time or trained.about["training_s"])


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


def seconds(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration like 90s, 10m or 1h")
    return float(found[1]) * UNITS[found[2] or "s"]


def columns(*known: str) -> Callable[[str], dict[str, str]]:
    """A reader of `user=uid,item=sku`, with one of `known` on the left."""

    def read(text: str) -> dict[str, str]:
        pairs = dict(part.partition("=")[::2] for part in text.split(","))
        if not all(pairs.values()) or not set(pairs) <= set(known):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not like {known[0]}=NAME,{known[1]}=NAME ({', '.join(known)} on the left)"
            )
        return pairs

    return read
