"""The model card of an export: what it is, what was measured, on what, and what nobody knows.

Names of data, hypotheses and models were written by strangers: they are shown as text, never as markup.
"""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autorec.domain.candidate import SHORT_ID
from autorec.domain.evaluation import Trained
from autorec.domain.events import RunStarted
from autorec.domain.job import MEBIBYTE, Stage
from autorec.domain.resolution import evidence_line
from autorec.domain.state import Record, State
from autorec.domain.text import count
from autorec.schemas.replayed import replayed_line

STAGES = {"select": Stage.SEARCH, "confirm": Stage.FINALIST, "test": Stage.FINAL}
MARKUP = {c: f"\\{c}" for c in "\\`*_[]#|~"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card tells of. `kept` is the training whose weights are exported; `with_history` whether rows are.

    `protocol` says in a sentence how the role is judged, `shown` by which metrics; `data` is (name, text). `use`,
    `holds` and `unknown` are our own words on the role: see `roles.Takeaway`.
    """

    state: State
    started: RunStarted
    record: Record
    kept: Trained
    protocol: str
    shown: Sequence[str]
    data: Sequence[tuple[str, str]]
    use: str
    holds: str
    unknown: Sequence[str]
    with_history: bool

    def text(self) -> str:
        """Markdown."""
        parts = (self._what(), self._use(), self._data(), self._metrics(), self._training(), self._unknown())
        return "\n".join(line for part in parts for line in part) + "\n"

    def _what(self) -> Iterator[str]:
        record = self.record
        family = (record.design or {}).get("family")
        family = f", family {literal(str(family))}" if family else ""
        author = record.model or record.proposer
        by = "" if author == record.operator else f" by {literal(author)}"
        made = "named design" if record.is_baseline else f"{record.operator}{by}"
        yield f"# {literal(record.name or record.id[:SHORT_ID])}: a {literal(self.state.task.role)} recommender"
        yield ""
        yield f"Found by autorec {literal(self.started.version)}; its code is in `recommender/`, what it learned in"
        yield "`trained/`."
        yield ""
        yield f"- Candidate: {record.id}"
        yield f"- Made as: {made}{family}"
        if record.hypothesis:
            yield f"- Hypothesis that it was to test: {literal(record.hypothesis)}"
        yield f"- Weights: {weights_of(self.kept)}"

    def _use(self) -> Iterator[str]:
        rows = "" if self.with_history else " The rows of the run were left out of this folder."
        yield from ("", "## Intended use", "")
        yield self.use
        yield ""
        yield f"{self.holds}: treat the folder as the users' data.{rows}"

    def _data(self) -> Iterator[str]:
        task = self.state.task
        yield from ("", "## Data", "")
        yield f"- sha256 of the data `{task.data_digest}`, of the split `{task.split_digest}`"
        yield from (f"- {literal(name)}: {literal(text)}" for name, text in self.data)

    def _metrics(self) -> Iterator[str]:
        task, opened = self.state.task, self.state.test_opened or 0
        yield from ("", "## What was measured", "")
        yield "Three nested holdouts: *select* drove the search, *confirm* judged finalists, *test* was sealed until"
        yield f"the end. {literal(self.protocol[:1].upper() + self.protocol[1:])}. A dash: not judged there."
        primary = task.primary
        yield f"{literal(primary.name)} counts; of it, {'more' if primary.worth(1) > 0 else 'less'} is better."
        names = [primary.name, *(name for name in self.shown if name != primary.name)]
        rows = [self.record, *(r for r in self.state.baselines if r.id != self.record.id)]
        for part, stage in STAGES.items():
            yield from ("", f"| on {part} | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}")
            for record in rows:
                yield f"| {self._name(record)} | {' | '.join(_figures(_at(record, stage), names))} |"
        yield ""
        if self.record.id == self.state.champion:
            yield literal(evidence_line(self.state))
        else:
            yield "This is not the champion of its search: no comparison on the test was made for it."
        if replayed := replayed_line(self.started.config):
            yield literal(replayed)
        yield f"The test of this data was opened {count(opened, 'time')}; each time makes it a little less of a test."

    def _name(self, record: Record) -> str:
        return "**this model**" if record is self.record else literal(record.name or record.id[:SHORT_ID])

    def _training(self) -> Iterator[str]:
        kept, usage = self.kept, self.kept.usage
        yield from ("", "## Training", "")
        yield f"- {usage.training_s:.1f} s of training, seed {kept.seed}; {literal(kept.reason or 'no remark')}"
        weights_mib = (kept.state_bytes or 0) / MEBIBYTE
        yield f"- Memory at most {usage.memory_bytes / MEBIBYTE:.0f} MiB; weights {weights_mib:.2f} MiB"
        if kept.predict_s is not None:
            yield f"- All answers that were judged took {kept.predict_s:.2f} s"
        yield from (f"- {literal(name)}: {literal(value)}" for name, value in self.started.environment.items())

    def _unknown(self) -> Iterator[str]:
        yield from ("", "## What is not known", "")
        yield from (f"- {text}" for text in self.unknown)
        if len(self.record.finals) == 0:
            yield "- How it does on rows that did not drive the search: it was judged on *select* alone."
        yield "- Another processor or another torch may change the last digits of scores, and swap near ties."


def weights_of(trained: Trained) -> str:
    """Which training a state comes from, in words."""
    parts = " + ".join(trained.stage.trained_on)
    again = (
        "the state of an earlier stage, not trained again for it" if trained.not_retrained else f"trained on {parts}"
    )
    return f"stage {trained.stage}, {again}, judged on {trained.stage.judged_on}"


def literal(text: str) -> str:
    """The text on one line with nothing in it that Markdown or HTML would act on; control characters made visible."""
    shown = (c if unicodedata.category(c)[0] != "C" else f"\\x{ord(c):02x}" for c in " ".join(text.split()))
    return "".join(MARKUP.get(c, c) for piece in shown for c in piece)


def _at(record: Record, stage: Stage) -> Trained | None:
    return record.search if stage is Stage.SEARCH else record.final(stage)


def _figures(trained: Trained | None, names: Sequence[str]) -> list[str]:
    metrics: Mapping[str, float] = {} if trained is None or trained.evaluation is None else trained.evaluation.metrics
    return [f"{metrics[name]:.4f}" if name in metrics else "–" for name in names]
