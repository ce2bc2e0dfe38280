"""A run of a scripted model and a policy with instant trainings, in a real run folder: what recordings are made of."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np

from autorec.assets import assets
from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.evaluation import Trained
from autorec.domain.events import Checked, RunStarted
from autorec.domain.job import Stage
from autorec.finals import Finals
from autorec.journal import Journal
from autorec.judging.evidence import compare
from autorec.llm.client import Completion, Message, NoAnswer
from autorec.prompting.render import Templates
from autorec.proposers.llm import LLMProposer
from autorec.proposers.reflector import Reflector
from autorec.proposers.rotation import Rotation
from autorec.schemas.config import SearchConfig
from autorec.search import Pace, Search, enter_baseline
from autorec.selection.study import NsgaSelector
from autorec.store.folder import RunFolder
from autorec.testing.loop import InstantTrainer, NumberProposer, OneAtATime, falls_to_chance
from autorec.testing.replies import ScriptedDesigner
from autorec.testing.states import TASK
from autorec.wiring.limits import limits_of
from autorec.wiring.own import Own

MODEL = "openai/scripted"
UNITS = 40


class Designer:
    """An LLMClient that answers with real designs; every `fails`-th call brings no answer."""

    def __init__(self, fails: int = 3, model: str = MODEL) -> None:
        self.model = model
        self.asked: list[str] = []
        self._designer = ScriptedDesigner()
        self._fails = fails

    def check(self) -> None:
        pass

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float, deadline_s: float
    ) -> Completion:
        self.asked.append(messages[-1].content)
        if len(self.asked) % self._fails == 0:
            raise NoAnswer("the line was busy", fix="Wait.")
        text = self._designer({"messages": [{"role": m.role, "content": m.content} for m in messages]})
        latency_s = 0.1 * len(self.asked)
        return Completion(
            text=text, prompt_tokens=10, reply_tokens=7, usd=0.25, model=self.model, latency_s=latency_s,
            finish_reason="stop", notes=("said quickly",),
        )  # fmt: skip


class Trainer(InstantTrainer):
    """Values by unit are real; a candidate that fails has printed something."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(folder.objects.put)
        self._objects = folder.objects

    def _result(self, candidate: Candidate, stage: Stage, seed: int, value: float | None) -> Trained:
        trained = super()._result(candidate, stage, seed, value)
        if trained.evaluation is None:
            return replace(trained, log=self._objects.put(b"[0.3 s] loss=nan\nit broke"))
        buffer = BytesIO()
        np.save(buffer, np.linspace(0, 2 * (value or 0), UNITS, dtype=np.float32))
        evaluation = replace(trained.evaluation, n_units=UNITS)
        return replace(trained, evaluation=evaluation, per_unit=self._objects.put(buffer.getvalue()))


def record(path: Path, client: Designer, most: int = 12, llm: str = MODEL) -> None:
    """Search, finals and end, into a new run at `path`."""
    config = SearchConfig(
        llm=(llm,), workers=2, population=3, training="2s", budget="4m", seed=1, max_candidates=most,
        data="/home/somebody/ratings.csv", seed_code=("/home/somebody/mine",),
    )  # fmt: skip
    folder = RunFolder.create(path)
    journal = Journal(folder.events)
    stored = config.model_dump(mode="json") | {"seed_sources": {}, "own": Own().as_json()}
    journal.record(RunStarted(task=TASK, seed=1, version="0.1", config=stored, hypotheses=("order matters",)))
    journal.record(Checked(controls=()))
    for name in ("pop", "ease"):
        plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0)
        enter_baseline(journal, folder.objects, name, Candidate.of({"model.py": f"# {name}\n"}), plan)
    llm = LLMProposer(
        clients={client.model: client},
        templates=Templates(assets("prompts")),
        objects=folder.objects,
        limits=limits_of(config, 2.0, answer_bytes=0),
    )
    trainer = Trainer(folder)
    first, then = {"reflect": Reflector(llm=llm)}, {"llm": llm, "policy": NumberProposer(name="policy")}
    search = Search(
        journal=journal, inbox=folder.inbox, proposer=Rotation(first=first, then=then, at_once=2), train=trainer.train,
        selector=NsgaSelector(objectives=TASK.objectives, constraints=(), size=4), objects=folder.objects,
        crew=OneAtATime(),
        pace=Pace(workers=2, population=3, out_of_time=lambda: False, too_late=lambda: False, max_candidates=most),
    )  # fmt: skip
    search.run()
    Finals(
        journal=journal, objects=folder.objects, trainer=trainer, crew=OneAtATime(), workers=2, finalists=3,
        time_left_s=lambda: 1e9, open_test=lambda: 4, settle=search.settle, compare=partial(compare, seed=1),
        at_chance=falls_to_chance,
    ).run()  # fmt: skip
    folder.close()
