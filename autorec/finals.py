"""After the search: finalists on fresh seeds, the champion by *confirm*, and the sealed test, once.

| stage | trained on | checkpoint chosen on | judged on, with history |
|---|---|---|---|
| finalists, fresh seeds | train | select | confirm, train + select |
| final: champion and baselines | train + select | confirm | test, train + select + confirm |

What can be verified is decided in the final stage, whose time is kept first. Baselines are judged on *confirm* from
the state that the search kept, beside the finalists or after the test, if there is time for it. A training that fails
here, or finds no time, falls back on the kept state of the stage before, and its reason says so. No job is broken off
for time: the last may end as late as its own wall limit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from autorec.batch import carry_out
from autorec.domain import events as ev
from autorec.domain.budget import END_S
from autorec.domain.candidate import Candidate
from autorec.domain.control import Control
from autorec.domain.evaluation import Trained
from autorec.domain.job import Stage
from autorec.domain.resolution import not_alike, nothing_valid, too_few
from autorec.domain.schedule import Final, choose, final_of, makespan_s, slowness_of
from autorec.domain.state import Record, State, training_seed
from autorec.journal import Journal
from autorec.ports import Crew, Objects, Trains

Probe = Callable[[str, str], Control]
"""The digest of judged predictions of the test and their candidate, to what they are worth against labels drawn at
random."""

Compare = Callable[[bytes, bytes, int], tuple[float, float, float]]
"""Values by unit of champion and baseline, and the number of comparisons, to (effect, low, high)."""

Choose = Callable[[Sequence[Final], float, Sequence[float]], tuple[Final, bool]]
"""Who begins now, and whether it is trained again; see `schedule.choose`."""

NO_TIME = "no time to train again"
UNISOLATED = "no champion: its candidates ran without a sandbox, where they could read the labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finals:
    """The last stages of a run. Who finds no time to be trained again in `time_left_s` is judged from the kept state.

    `open_test` unseals the test and returns how often it has been opened;
    a run that is resumed opens it once all the same. `settle` books what the search still has open, before the end.
    `unlike` are baselines that are not what their names say, name -> why: while there is one, nothing is verified.
    """

    journal: Journal
    objects: Objects
    trainer: Trains
    crew: Crew
    workers: int
    finalists: int
    time_left_s: Callable[[], float]
    open_test: Callable[[], int]
    settle: Callable[[], None]
    compare: Compare
    at_chance: Probe
    choose: Choose = choose
    unlike: Mapping[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Take up wherever the events end; a second call changes nothing."""
        if self.journal.state.ended is not None:
            return
        self._judge_finalists()
        self._choose_champion()
        if self.journal.state.champion is not None:
            self._open_test()
            self._probe_champion()
            self._carry_out(Stage.FINALIST, ())
        self.settle()
        self._end()

    def _judge_finalists(self) -> None:
        state = self.journal.state
        if state.champion_reason is not None:
            return
        if not state.finalists and state.survivors:
            chosen = tuple(record.id for record in state.survivors[: self.finalists])
            self.journal.record(ev.FinalistsChosen(candidates=chosen))
        self._carry_out(Stage.FINALIST, self.journal.state.finalists)

    def _choose_champion(self) -> None:
        state = self.journal.state
        if state.champion_reason is not None:
            return
        valid = state.best_first((state.records[i] for i in state.finalists), Stage.FINALIST)
        isolated = [record for record in valid if record.isolated]
        if not isolated:
            reason = UNISOLATED if valid else "no candidate could be judged on confirm"
            self.journal.record(ev.ChampionChosen(candidate=None, reason=reason))
            return
        value = state.value(isolated[0], Stage.FINALIST)
        reason = f"best of {len(isolated)} by {state.task.primary.name} on confirm: {value:.4f}"
        self.journal.record(ev.ChampionChosen(candidate=isolated[0].id, reason=reason))

    def _open_test(self) -> None:
        count = self.open_test()
        if self.journal.state.test_opened is None:
            self.journal.record(ev.TestOpened(count=count))
        self._carry_out(Stage.FINAL, filter(None, [self.journal.state.champion]))

    def _probe_champion(self) -> None:
        """Answers that are worth something against labels drawn at random owe it to the judge, not to the labels."""
        state = self.journal.state
        champion = state.records[state.champion or ""]
        final = champion.final(Stage.FINAL)
        if state.control_of(champion.id) is None and final is not None and final.predictions is not None:
            control = self.at_chance(final.predictions, champion.id)
            self.journal.record(ev.Checked(controls=(control,)))

    def _end(self) -> None:
        state = self.journal.state
        if state.champion is None:
            unisolated = state.champion_reason == UNISOLATED
            self.journal.record(ev.RunEnded(reason=UNISOLATED if unisolated else nothing_valid(state)))
        else:
            self.journal.record(ev.RunEnded(reason=state.search_ended or "", evidence=self._evidence(state)))

    def _evidence(self, state: State) -> ev.Evidence | None:
        objective = state.task.primary
        champion = state.records[state.champion or ""].final(Stage.FINAL)
        if champion is None:
            return None
        rivals = [r for r in state.baselines if (t := r.final(Stage.FINAL)) and t.pairs_with(champion)]
        best = state.best(rivals, Stage.FINAL)
        trained = best.final(Stage.FINAL) if best else None
        if best is None or trained is None:
            return None
        ours, theirs = self.objects.get(champion.per_unit or ""), self.objects.get(trained.per_unit or "")
        effect, low, high = self.compare(ours, theirs, len(state.finalists))
        missing = {**not_alike(state), **self.unlike}
        better = min(objective.worth(low), objective.worth(high)) > 0
        chance = state.control_of(champion.candidate)
        fell = chance is not None and chance.held
        return ev.Evidence(
            against=best.name or best.id,
            effect=effect,
            low=low,
            high=high,
            comparisons=len(state.finalists),
            n_units=champion.n_units,
            verified=better and fell and not missing and not too_few(champion.n_units),
            missing=missing,
            too_good=None if fell else chance,
        )

    def _carry_out(self, stage: Stage, candidates: Iterable[str]) -> None:
        state = self.journal.state
        records = [*(state.records[i] for i in candidates), *(r for r in state.baselines if r.ok)]
        waiting = [record for record in records if record.final(stage) is None]
        ends: dict[str, float] = {}
        for _, trained in carry_out(self.crew, self._calls(stage, waiting, ends), at_once=self.workers):
            del ends[trained.candidate]
            self.journal.record(ev.Finished(trained=trained))

    def _calls(
        self, stage: Stage, waiting: list[Record], ends: dict[str, float]
    ) -> Iterator[tuple[tuple[Stage, str], Callable[[], Trained]]]:
        """What is done for each is decided by the time that is left when a worker is free for it.

        `ends` are the seconds that will be left when what is under way ends, by candidate.
        """
        while waiting:
            left_s = self._time_left()
            busy = [max(0.0, left_s - end) for end in ends.values()]
            chosen, again = self.choose(
                self._costs(waiting, stage), left_s, [*busy, *[0.0] * (self.workers - len(busy))]
            )
            record = self.journal.state.records[chosen.candidate]
            waiting[:] = [each for each in waiting if each.id != record.id]
            if again or stage is Stage.FINAL or not record.is_baseline:
                ends[record.id] = left_s - (chosen.again_s if again else chosen.kept_s)
                yield (stage, record.id), self._start(record, stage, again)

    def _time_left(self) -> float:
        """Seconds that the stage may take; until the test is opened without those that the final stage will."""
        state = self.journal.state
        left_s = self.time_left_s() - END_S * slowness_of(state.records.values())
        if state.test_opened is not None:
            return left_s
        champions = self._costs([state.records[i] for i in state.finalists], Stage.FINAL)
        rivals = self._costs([record for record in state.baselines if record.ok], Stage.FINAL)
        champion_s = max((each.again_s for each in champions), default=0.0)
        return left_s - makespan_s((champion_s, *(rival.again_s for rival in rivals)), [0.0] * self.workers)

    def _costs(self, records: Iterable[Record], stage: Stage) -> list[Final]:
        slowness = slowness_of(self.journal.state.records.values())
        return [final_of(record, record.search, stage, slowness) for record in records if record.search is not None]

    def _start(self, record: Record, stage: Stage, again: bool) -> Callable[[], Trained]:
        state = self.journal.state
        seed = training_seed(state, record.id, stage)
        if (record.id, stage) not in state.finals_begun:
            self.journal.record(ev.Started(candidate=record.id, stage=stage, seed=seed))
        return partial(self._final, record, stage, seed, again)

    def _final(self, record: Record, stage: Stage, seed: int, again: bool) -> Trained:
        source = Candidate.from_bytes(self.objects.get(record.id))
        kept = (record.final(Stage.FINALIST) if stage is Stage.FINAL else None) or record.search
        if record.is_baseline and stage is Stage.FINALIST and kept is not None:
            return self.trainer.predict(source, stage, kept)
        if kept is None or kept.state is None:
            return self.trainer.train(source, stage, seed)
        if not again:
            return self._from_kept(source, stage, kept, NO_TIME)
        trained = self.trainer.train(source, stage, seed)
        if trained.ok:
            return trained
        told = f"trained again, it ended as {trained.outcome}: {trained.reason}"
        judged = self._from_kept(source, stage, kept, told)
        return judged if judged.ok else trained

    def _from_kept(self, source: Candidate, stage: Stage, kept: Trained, why: str) -> Trained:
        judged = self.trainer.predict(source, stage, kept)
        reason = f"{why}; judged from the kept state" if judged.ok else judged.reason
        return replace(judged, reason=reason, not_retrained=True)
