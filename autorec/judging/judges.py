"""Which judge reads which kind of answer, and what controls it. Nothing else in autorec holds held-out labels."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from autorec.domain.control import Control
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Objective
from autorec.judging.list_controls import ListControls
from autorec.judging.list_examiner import ListExaminer
from autorec.judging.lists import ListJudge, try_metric
from autorec.judging.pair_controls import PairControls
from autorec.judging.pair_examiner import PairExaminer
from autorec.judging.pairs import PairJudge
from autorec.judging.seal import SealedJudge
from autorec.ports import Examiner, Judge

JUDGES: Mapping[str, Callable[..., Judge]] = {"lists": ListJudge, "probabilities": PairJudge}
"""By the kind of answer, as the query's `meta.json` names it; see each for what it takes."""


class Controls(Protocol):
    """What tries a judge on one part; made with the judge, its key, the part, its cutoffs and a seed."""

    def run(self) -> tuple[Control, ...]:
        """Hand in answers whose worth is known."""
        ...

    def of_answers(self, predictions: bytes, candidate: str) -> Control:
        """Judge stored answers against labels drawn at random: they must fall to chance."""
        ...


CONTROLS: Mapping[str, Callable[..., Controls]] = {"lists": ListControls, "probabilities": PairControls}
"""By the kind of answer, as `JUDGES`."""


EXAMINERS: Mapping[str, Callable[[Mapping[str, Any], Objective], Examiner]] = {
    "lists": ListExaminer,
    "probabilities": PairExaminer,
}
"""What examines answers besides judging them, by the kind of answer; made with the judge's key."""


TRIALS: Mapping[str, Callable[[str, Any], None]] = {"lists": try_metric}
"""How a metric of a person's own is tried, for each kind of answer whose judge takes some."""


def open_judge(
    answer: str,
    key: Mapping[str, Any],
    *,
    primary: str,
    cutoffs: tuple[int, ...],
    own: Mapping[str, Callable[..., Any]] | None = None,
) -> SealedJudge:
    """The judge of a kind of answer, with the key to the answers, the test sealed; `own` are a person's metrics.

    Raises UsageError when the primary metric cannot be had from this data, or a metric of one's own does not serve.
    """
    if own and answer not in TRIALS:
        raise UsageError(
            f"metrics: answers of the kind {answer} are judged by built-in metrics only",
            fix="leave `metrics` out for this role",
        )
    for name, metric in (own or {}).items():
        TRIALS[answer](name, metric)
    return SealedJudge(JUDGES[answer](**key, primary=primary, cutoffs=cutoffs, **({"own": own} if own else {})))
