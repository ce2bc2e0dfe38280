"""The command: python -m recommender; README.md says which commands there are."""

import argparse
import os
import sys
from collections.abc import Sequence

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as when the model was judged: the last digits depend on it

import torch

from recommender.runtime import commands
from recommender.runtime.folder import Trained
from recommender.runtime.refusal import Refusal


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m recommender", description="A recommender, and how to train it again."
    )
    commands.add_to(parser.add_subparsers(required=True, metavar="COMMAND"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
