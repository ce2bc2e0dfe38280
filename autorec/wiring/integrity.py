"""Whether judge and split can be believed, asked before anything is trained and again of the champion."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autorec.domain.control import Control, broken, control_line
from autorec.domain.errors import IntegrityError
from autorec.domain.job import Part
from autorec.ports import Judge
from autorec.tasks.roles import Material

if TYPE_CHECKING:
    from autorec.judging.judges import Controls


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """The judge of a run with the key to its answers, to be tried with answers whose worth is known."""

    material: Material
    judge: Judge
    key: Mapping[str, Any]
    cutoffs: tuple[int, ...]
    seed: int

    def controls(self, part: Part = Part.SELECT) -> tuple[Control, ...]:
        """Every control of the judge on one part."""
        return self._on(part).run()

    def at_chance(self, predictions: bytes, candidate: str) -> Control:
        """A candidate's judged answers of the test against labels drawn at random. The test must be open."""
        return self._on(Part.TEST).of_answers(predictions, candidate)

    def _on(self, part: Part) -> "Controls":
        from autorec.judging.judges import CONTROLS

        kind = CONTROLS[self.material.answer["answer"]]
        return kind(self.judge, self.key, part=part, cutoffs=self.cutoffs, seed=self.seed)


def demand(controls: Iterable[Control]) -> tuple[Control, ...]:
    """The controls, if all hold.

    Raises IntegrityError that names those that do not.
    """
    controls = tuple(controls)
    if wrong := broken(controls):
        told = "; ".join(map(control_line, wrong))
        raise IntegrityError(
            f"the judge or the split of this data cannot be believed: {told}",
            fix="nothing of this run would mean anything: please report it, with `autorec data check --json`",
        )
    return controls
