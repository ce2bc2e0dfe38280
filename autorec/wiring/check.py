"""Looking at a split and its judge without a run."""

import secrets

from autorec.domain.control import Control
from autorec.domain.job import Part
from autorec.schemas.config import SearchConfig
from autorec.tasks.known_roles import role_of
from autorec.wiring.integrity import Integrity
from autorec.wiring.task import load_data, settle

JUDGED = (Part.SELECT, Part.CONFIRM)


def check_data(config: SearchConfig) -> dict[str, tuple[Control, ...]]:
    """The controls of the split in every holdout, and those of the judge on *select* and *confirm*.

    The test stays sealed: of its rows users, items and times are looked at, and nothing is judged on it.
    """
    from autorec.judging.judges import open_judge

    config = settle(config)
    material, cutoffs = load_data(config), role_of(config).cutoffs(config)
    key = material.key(secrets.token_bytes(32))
    judge = open_judge(material.answer["answer"], key, primary=config.objectives[0], cutoffs=cutoffs)
    tried = Integrity(material=material, judge=judge, key=key, cutoffs=cutoffs, seed=config.seed)
    return {"split": material.probes(), **{f"judge on {part}": tried.controls(part) for part in JUDGED}}
