"""A model as a torch.export program, for systems that know neither its code nor Python."""

from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import torch
from torch import Tensor, nn

from recommender.runtime.refusal import Refusal
from recommender.runtime.rest import at_rest

Inputs = tuple[Tensor | None, ...]


def write_program(scorer: nn.Module, inputs: Inputs, others: Sequence[Inputs], file: Path) -> float:
    """Write `scorer` as a program, and return by how much it differs from it at most, on `inputs` and on `others`.

    The first dimension of all inputs may have any size. Raises Refusal where torch cannot follow the model.
    """
    any_size = torch.export.Dim.DYNAMIC
    shapes = tuple({0: any_size} if each is not None else None for each in inputs)
    with at_rest(scorer), redirect_stderr(StringIO()):
        try:
            program = torch.export.export(scorer, inputs, dynamic_shapes=shapes)
        except Exception as error:  # torch raises many kinds, and says what it could not follow
            raise Refusal(
                f"torch.export cannot follow this model: {_first_line(error)}",
                "numpy, scipy and len() where it scores are what it cannot follow; call the model from Python instead",
            ) from error
        differences = [scorer(*each) - program.module()(*each) for each in (inputs, *others)]
    torch.export.save(program, file)
    return max(float(difference.abs().max()) for difference in differences)


def _first_line(error: Exception) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
