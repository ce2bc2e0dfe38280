"""Bookkeeping a candidate: the policy's TPE proposal and the selection of survivors, after a tenth, half and all of the
candidates of a run."""

import argparse
import os
import platform
import statistics
import time
from dataclasses import replace

import optuna

from autorec.assets import assets
from autorec.domain.candidate import Operator
from autorec.domain.evaluation import Constraint, Direction, Evaluation, Objective, Task, Trained
from autorec.domain.job import OutcomeKind, Part, Stage, Usage
from autorec.domain.seeds import derive_seed
from autorec.domain.state import Generation, Record, State
from autorec.proposers.space_walk import draw
from autorec.schemas.space import SearchSpace, load_space
from autorec.selection.choosers import TpeChoosers, random_chooser
from autorec.selection.study import NsgaSelector

POPULATION = 20
LARGEST_FAMILY = "blend"  # has the most parameters


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1000)
    args = parser.parse_args()
    print(f"machine  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print(f"optuna {optuna.__version__}")
    space = load_space(assets("search_spaces") / "retrieval.yaml")
    state = grown(space, args.candidates)
    choosers = TpeChoosers()
    for n_decided in sorted({args.candidates // 10, args.candidates // 2, args.candidates - 10}):
        early = replace(state, decided=state.decided[:n_decided])
        draw(space, choosers(early, 0), LARGEST_FAMILY)
        propose_s = [timed_draw(space, choosers, early, seed) for seed in range(20)]
        figures = f"{1000 * statistics.median(propose_s):6.1f} ms, at most {1000 * max(propose_s):.1f} ms"
        print(f"propose  {figures}, after {n_decided} candidates")
    last = state.decided[-POPULATION:]
    looked_at = replace(state, generations=(generation(len(state.decided) - POPULATION),))
    start = time.perf_counter()
    selector = NsgaSelector(
        objectives=(*state.task.objectives, Objective(name="predict_s", direction=Direction.MINIMIZE)),
        constraints=(Constraint(name="predict_s", limit=10.0),),
        size=8,
    )
    selector.select(looked_at)
    took = time.perf_counter() - start
    print(f"select   {1000 * took:6.1f} ms a generation of {len(last)}, {1000 * took / len(last):.2f} ms a candidate")
    start = time.perf_counter()
    draw(space, TpeChoosers()(state, 0), LARGEST_FAMILY)
    print(f"resume   {1000 * (time.perf_counter() - start):6.1f} ms, once: the first proposal after {args.candidates}")


def timed_draw(space: SearchSpace, choosers: TpeChoosers, state: State, seed: int) -> float:
    start = time.process_time()
    draw(space, choosers(state, seed), LARGEST_FAMILY)
    return time.process_time() - start


def grown(space: SearchSpace, n_candidates: int) -> State:
    """A run of random designs with made-up results."""
    records = [made_up(space, number) for number in range(n_candidates)]
    task = Task(
        role="retrieval",
        data_name="none",
        data_digest="0",
        split_rule="none",
        split_digest="0",
        sizes={"users": 1, "items": 1, "interactions": 1},
        objectives=(Objective(name="ndcg@10"),),
    )
    return State(seq=0, task=task, seed=0, records={r.id: r for r in records}, decided=tuple(r.id for r in records))


def made_up(space: SearchSpace, number: int) -> Record:
    noise = derive_seed("benchmark", number)
    metrics = {"ndcg@10": 0.05 + (noise % 997) / 20_000}
    trained = Trained(
        candidate=f"{number:064x}",
        stage=Stage.SEARCH,
        seed=0,
        outcome=OutcomeKind.COMPLETED,
        reason="",
        tier="none",
        usage=Usage(),
        evaluation=Evaluation(
            part=Part.SELECT, metrics=metrics, n_units=1, fingerprint=tuple(range(number, number + 128))
        ),
        predict_s=0.01 * (1 + noise % 7),
    )
    design = draw(space, random_chooser(number))
    return Record(
        id=trained.candidate,
        number=number,
        operator=Operator.POLICY,
        proposer="policy",
        design=design,
        search=trained,
    )


def generation(decided: int) -> Generation:
    return Generation(number=0, survivors=(), reasons={}, decided=decided)


if __name__ == "__main__":
    main()
