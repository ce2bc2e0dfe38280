"""As `test_resume.py`, with the real policy, TPE, selection and store; only training and the crew are fakes."""

from pathlib import Path

import pytest

from autorec.assets import assets
from autorec.domain.events import Event, RunStarted
from autorec.journal import Journal
from autorec.proposers.human import HumanProposer
from autorec.proposers.policy import PolicyProposer
from autorec.proposers.rotation import Rotation
from autorec.proposers.space_code import SpaceCode
from autorec.schemas.space import load_space
from autorec.search import Pace, Search
from autorec.selection.choosers import TpeChoosers
from autorec.selection.study import NsgaSelector
from autorec.store.folder import RunFolder
from autorec.testing.loop import TASK, Cut, InstantTrainer, OneAtATime

SPACE_FILE = assets("search_spaces") / "retrieval.yaml"
SPACE = load_space(SPACE_FILE)
CODE = SpaceCode(SPACE, SPACE_FILE.parent)
PERSON = {"mine": {"model.py": "# mine\n", "train.py": ""}}


class Mortal:
    """The events of a run folder; the append after `life` more of them is never made."""

    def __init__(self, folder: RunFolder, life: int) -> None:
        self._folder = folder
        self._life = life

    def append(self, event: Event) -> int:
        if self._life == 0:
            raise Cut
        self._life -= 1
        return self._folder.events.append(event)

    def read(self, upto: int | None = None):
        return self._folder.events.read(upto)


def sit(path: Path, life: int = -1) -> list[Event]:
    """One process at work on the run; returns all events there are at the end."""
    folder = RunFolder.open(path, write=True) if (path / "run.db").exists() else RunFolder.create(path)
    try:
        journal = Journal(Mortal(folder, life))
        if journal.empty:
            journal.record(RunStarted(task=TASK, seed=3, version="test", config={}))
        policy = PolicyProposer(SPACE, CODE, TpeChoosers())
        Search(
            journal=journal,
            inbox=folder.inbox,
            proposer=Rotation(first={"human": HumanProposer(PERSON)}, then={"policy": policy}, at_once=2),
            train=InstantTrainer(folder.objects.put).train,
            selector=NsgaSelector(objectives=TASK.objectives, constraints=(), size=3),
            objects=folder.objects,
            crew=OneAtATime(),
            pace=Pace(workers=2, population=5, out_of_time=lambda: False, too_late=lambda: False, max_candidates=18),
        ).run()
        return list(folder.events.read())
    finally:
        folder.close()


def test_a_run_cut_again_and_again_equals_one_that_never_was(tmp_path):
    whole = sit(tmp_path / "whole")
    assert len(whole) > 60
    for life in (3, 7, 16):
        path = tmp_path / f"cut{life}"
        for _ in range((len(whole) - 1) // life):
            with pytest.raises(Cut):
                sit(path, life)
        assert sit(path) == whole
