"""Which judge reads which kind of answer. Nothing else in autorec holds held-out labels."""

from collections.abc import Callable, Mapping
from typing import Any

from autorec.judging.lists import ListJudge
from autorec.judging.pairs import PairJudge
from autorec.judging.seal import SealedJudge
from autorec.ports import Judge

JUDGES: Mapping[str, Callable[..., Judge]] = {"lists": ListJudge, "probabilities": PairJudge}
"""By the kind of answer, as the query's `meta.json` names it; see each for what it takes."""


def open_judge(answer: str, key: Mapping[str, Any], *, primary: str, cutoffs: tuple[int, ...]) -> SealedJudge:
    """The judge of a kind of answer, with the key to the answers, the test sealed.

    Raises UsageError when the primary metric cannot be had from this data.
    """
    return SealedJudge(JUDGES[answer](**key, primary=primary, cutoffs=cutoffs))
