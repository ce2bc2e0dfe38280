"""What one job of a run may use."""

from autorec.domain.job import MEBIBYTE, Limits
from autorec.schemas.config import SearchConfig
from autorec.tasks.roles import Material

SCRATCH_BYTES = 256 * MEBIBYTE
"""What a candidate may write to its disk besides what it hands over."""


def training_limits(config: SearchConfig, material: Material, training_s: float) -> Limits:
    """What one job of a run may use."""
    return limits_of(config, training_s, answer_bytes=material.answer_bytes)


def limits_of(config: SearchConfig, training_s: float, *, answer_bytes: int) -> Limits:
    """What one job may use whose file of answers has so many bytes at most.

    Predicting gets a quarter of the training time, and a little for a short training. The disk holds one state and one
    file of answers at a time, and what a candidate writes besides.
    """
    predicting_s = training_s / 4 + 10
    state_bytes = config.max_state_mb * MEBIBYTE
    return Limits(
        training_s=training_s,
        predicting_s=predicting_s,
        wall_s=training_s + predicting_s + 30,
        memory_bytes=config.max_memory_mb * MEBIBYTE,
        state_bytes=state_bytes,
        answer_bytes=answer_bytes,
        disk_bytes=state_bytes + answer_bytes + SCRATCH_BYTES,
    )
