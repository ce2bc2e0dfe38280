"""Runs on disk told event by event, for the tests of the report: nothing is trained."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from autorec.domain import events as ev
from autorec.domain.candidate import Candidate, Operator, Plan
from autorec.domain.diagnosis import Diagnosis
from autorec.domain.evaluation import CurvePoint, Evaluation, Objective, Task, Trained
from autorec.domain.job import OutcomeKind, Stage, Usage
from autorec.domain.lesson import Lesson, Tally
from autorec.schemas.config import SearchConfig
from autorec.store.folder import RunFolder
from autorec.testing.diagnoses import made_up

USERS = 200
NDCG = Objective(name="ndcg@10")
HOSTILE = (
    "<script>document.title='taken';window.canary=1;alert(1)</script></style></title></textarea></svg>--><img src=x "
    'onerror="document.title=\'taken\'"><svg onload=alert(2)>\'"><a href="javascript:alert(3)">x</a>'
    "<iframe src=https://example.org></iframe> {{ 7 * 7 }} {% raw %} &lt;b&gt; \x1b[31mred\x1b[0m \u202egnp.exe \x00"
    "\x1b]0;title\x07 \x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\ "
    "\x1b]52;c;aGk=\x07 \x9b31m\x9d0;t\x9c \x85 \u2066\u2028"
    " [/b] [bold]b[/bold] [link=http://example.org]l[/link] [/] :skull: \x1b[2J\x1b[H\r\x08\x0c\x0b\x1bc"
)


def made_task(objective: Objective = NDCG, data_name: str = "ring") -> Task:
    return Task(
        role="retrieval", data_name=data_name, data_digest="d" * 64, split_rule="loo", split_digest="5" * 64,
        sizes={"users": USERS, "items": 60, "interactions": 2800}, objectives=(objective,),
    )  # fmt: skip


class Told:
    """A run that a test tells; `folder` can be read at any moment."""

    def __init__(self, path: Path, task: Task | None = None, lessons: tuple[Lesson, ...] = (), **config: Any) -> None:
        self.folder = RunFolder.create(path)
        self.folder.events.begin_sitting()
        self.task = task or made_task()
        stored = SearchConfig(workers=2, **config).model_dump(mode="json") | {"seed_sources": {}}
        people = tuple(config.get("hypotheses", ()))
        self.record(
            ev.RunStarted(
                task=self.task,
                seed=3,
                version="9.9",
                config=stored,
                hypotheses=people,
                approve=stored["approve"],
                lessons=lessons,
            ),
        )
        (path / "split.json").write_text(json.dumps({"counts": {"train": 2200, "test": 200}, "notes": ["as given"]}))
        self._asked = 0

    def record(self, event: ev.Event) -> None:
        self.folder.events.append(event)

    def baseline(self, name: str, value: float | None, diagnosis: Diagnosis | None = None) -> str:
        plan = Plan(proposer="baselines", operator=Operator.BASELINE, seed=0, design={"family": name})
        candidate = self._keep({"model.py": f"NAME = {name!r}\n", "train.py": ""})
        self.record(ev.Admitted(candidate=candidate, plan=plan, name=name))
        self._search(candidate, value, diagnosis=diagnosis)
        return candidate

    def candidate(
        self,
        value: float | None,
        *,
        code: str = "X = 1\n",
        operator: Operator = Operator.DRAFT,
        parents: Sequence[str] = (),
        hypothesis: str | None = None,
        predicted: str | None = None,
        design: Mapping[str, Any] | None = None,
        reason: str = "",
        log: str = "",
        trained: bool = True,
        diagnosis: Diagnosis | None = None,
    ) -> str:
        """An admitted candidate, trained unless told otherwise; no value is a crash."""
        plan = Plan(proposer="llm", operator=operator, seed=1, parents=tuple(parents), design=design)
        self.record(ev.Asked(number=self._asked, plan=plan, seen=1))
        candidate = self._keep({"model.py": code, "train.py": f"# {self._asked}\n"})
        bills = (ev.Bill(model="openai/x", usd=0.25, tokens=1000, calls=1),)
        self.record(
            ev.Admitted(
                candidate=candidate, plan=plan, ask=self._asked, hypothesis=hypothesis, predicted_effect=predicted,
                bills=bills,
            )
        )  # fmt: skip
        self._asked += 1
        if trained:
            self._search(candidate, value, reason, log, diagnosis)
        return candidate

    def declined(self, reason: str) -> None:
        plan = Plan(proposer="llm", operator=Operator.DRAFT, seed=1)
        self.record(ev.Asked(number=self._asked, plan=plan, seen=1))
        self.record(ev.Rejected(ask=self._asked, reason=reason))
        self._asked += 1

    def generation(self, survivors: Sequence[str], number: int = 1, decided: int = 0) -> None:
        reasons = dict.fromkeys(survivors, "kept")
        event = ev.GenerationClosed(number=number, decided=decided, survivors=tuple(survivors), reasons=reasons)
        self.record(event)

    def finals(self, finalists: Sequence[str], tests: Mapping[str, float], evidence: ev.Evidence | None = None) -> None:
        """From the end of the search to the end of the run; the first finalist is the champion."""
        self.record(ev.SearchEnded(reason="out of time"))
        self.record(ev.FinalistsChosen(candidates=tuple(finalists)))
        for candidate in (*finalists, *(c for c in tests if c not in finalists)):
            self._final(candidate, Stage.FINALIST, tests.get(candidate, 0.1))
        self.record(ev.ChampionChosen(candidate=finalists[0], reason="best"))
        self.record(ev.TestOpened(count=2))
        for candidate, value in tests.items():
            self._final(candidate, Stage.FINAL, value)
        self.record(ev.RunEnded(reason="out of time", evidence=evidence))

    def close(self) -> Path:
        self.folder.close()
        return self.folder.path

    def _keep(self, files: Mapping[str, str]) -> str:
        return self.folder.objects.put(Candidate.of(files).to_bytes())

    def _search(
        self,
        candidate: str,
        value: float | None,
        reason: str = "",
        log: str = "",
        diagnosis: Diagnosis | None = None,
    ) -> None:
        self.record(ev.Started(candidate=candidate, stage=Stage.SEARCH, seed=7))
        trained = self._trained(candidate, Stage.SEARCH, 7, value, reason, log)
        self.record(ev.Finished(trained=replace(trained, diagnosis=diagnosis)))

    def _final(self, candidate: str, stage: Stage, value: float) -> None:
        self.record(ev.Started(candidate=candidate, stage=stage, seed=8))
        self.record(ev.Finished(trained=self._trained(candidate, stage, 8, value)))

    def _trained(
        self, candidate: str, stage: Stage, seed: int, value: float | None, reason: str = "", log: str = ""
    ) -> Trained:
        put, ok = self.folder.objects.put, value is not None
        metrics = {self.task.primary.name: value or 0.0, "coverage@10": 0.5}
        points = tuple(
            CurvePoint(training_s=4.0 * step, value=(value or 0.0) * (1 - 0.5**step), predict_s=0.1)
            for step in (1, 2, 3)
        )
        return Trained(
            candidate=candidate, stage=stage, seed=seed, reason=reason, tier="told",
            outcome=OutcomeKind.COMPLETED if ok else OutcomeKind.CRASHED,
            usage=Usage(training_s=12.0, memory_bytes=300 << 20),
            evaluation=Evaluation(part=stage.judged_on, metrics=metrics, n_units=USERS) if ok else None,
            curve=points if ok else (),
            per_unit=put(per_unit(candidate, value)) if value is not None else None,
            log=put(log.encode()) if log else None,
        )  # fmt: skip


def per_unit(name: str, mean: float) -> bytes:
    """Values of users that scatter around a mean, float32 .npy; other names, other scatter."""
    rng = np.random.default_rng(int(name[:8], 16))
    values = mean + rng.normal(0.0, 0.05, USERS)
    buffer = BytesIO()
    np.save(buffer, (values - values.mean() + mean).astype(np.float32))
    return buffer.getvalue()


def finished(path: Path, task: Task | None = None, effect: float = 0.05, **text: str) -> Told:
    """A whole run: two baselines, a family of three, a failure, a declined answer, a champion."""
    worth = (task or made_task()).primary.worth
    told = Told(path, task, hypotheses=("order matters",))
    pop, ease = told.baseline("pop", 0.2), told.baseline("ease", 0.3, made_up(metric=told.task.primary.name))
    first = told.candidate(0.3, code="X = 1\n", hypothesis="order matters", predicted="a little more")
    best = told.candidate(
        0.3 + worth(0.04), code="X = 2\n", operator=Operator.IMPROVE, parents=(first,),
        hypothesis=text.get("hypothesis", "two is more than one"), predicted="+0.04",
        diagnosis=made_up(against=(first, ease), twin=first, metric=told.task.primary.name),
    )  # fmt: skip
    told.candidate(None, code="X = (\n", reason=text.get("reason", "SyntaxError: '('"), log=text.get("log", "it broke"))
    told.candidate(0.25, operator=Operator.POLICY, design={"family": "linear", "ridge": 10.0, "masked": True})
    told.declined(text.get("declined", "no file in it"))
    told.generation((best, first), decided=4)
    evidence = ev.Evidence(
        against="ease", effect=worth(effect), low=worth(effect) - 0.01, high=worth(effect) + 0.01, comparisons=2,
        n_units=USERS, verified=effect > 0.01,
    )  # fmt: skip
    told.finals((best, first), {best: 0.3 + worth(effect), ease: 0.3, pop: 0.2}, evidence)
    return told


def attacking_lesson() -> Lesson:
    tally = Tally(
        run=HOSTILE, run_id=HOSTILE, data=HOSTILE, data_digest="", date=HOSTILE, version=HOSTILE, support=1
    )  # fmt: skip
    return Lesson(sentence=HOSTILE, tags=(HOSTILE,), model=HOSTILE, earlier=(tally,), remembered=True)


def hostile(path: Path) -> Told:
    """A run in which every text that others wrote attacks the page."""
    task = made_task(data_name=HOSTILE)
    told = Told(path, task, lessons=(attacking_lesson(),), hypotheses=(HOSTILE,))
    base = told.baseline(f"b{HOSTILE}", 0.2)
    first = told.candidate(
        0.3, code=f'"""{HOSTILE}"""\n# {HOSTILE}\n{"L" * 50_000}\n', hypothesis=HOSTILE, predicted=HOSTILE,
        design={"family": HOSTILE, HOSTILE: HOSTILE}, log=HOSTILE + "L" * 50_000,
        diagnosis=made_up(against=(base,), twin=base, table=HOSTILE),
    )  # fmt: skip
    best = told.candidate(
        0.4, code=f"X = {HOSTILE!r}\n", operator=Operator.IMPROVE, parents=(first,), hypothesis=f"{HOSTILE} again"
    )
    told.candidate(None, code=HOSTILE, reason=HOSTILE + "L" * 50_000, log=HOSTILE)
    told.declined(HOSTILE + "L" * 50_000)
    told.generation((best, first), decided=3)
    evidence = ev.Evidence(
        against=HOSTILE,
        effect=0.2,
        low=0.1,
        high=0.3,
        comparisons=2,
        n_units=USERS,
        verified=False,
        missing={HOSTILE: HOSTILE},
    )
    told.finals((best, first), {best: 0.4, base: 0.2}, evidence)
    return told
