"""What every implementation of a port has to do, as checks that any test can call; they raise AssertionError.

    from autorec.testing.conformance import check_proposer
    from my_pkg.mine import MyProposer

    def test_my_proposer(): check_proposer(MyProposer)

`check_executor`, `check_list_metric`, `check_selector`, `check_objects` serve the other ports in the same way.
"""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from autorec.domain.candidate import Declined, Plan, Proposal
from autorec.domain.errors import StoreError
from autorec.domain.job import Limits, OutcomeKind
from autorec.domain.state import State
from autorec.ports import Desk, Executor, ListMetric, Objects, Proposer, Selector
from autorec.testing.jobs import MANY, ONCE, RAISES, Bundle, Observer, a_job
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import TASK, Story

SEEDS = (0, 1, 7, 12345)


def check_proposer(make: Callable[[Desk], Proposer], desk: Desk | None = None) -> None:
    """`ports.Proposer`: plans come from the state and the seed alone, and what is proposed is a candidate or declined.

    A class whose proposals need the search space of a role wants a `desk` that has one.
    """
    objects = desk.objects if desk else MemoryObjects()
    desk = desk or a_desk(objects)
    for state in some_states(objects):
        for seed in SEEDS:
            plan = make(desk).plan(state, seed)
            again = make(desk).plan(state, seed)
            assert plan == again, "the same state and seed give the same plan, in another process too"
            if plan is not None:
                _check_plan(plan, state, seed)
                _check_answer(make(desk).propose(plan, state))


def check_executor(executor: Executor, bundle: Bundle) -> None:
    """`ports.Executor`, from open to closed; `bundle` is a folder of `autorec.testing.jobs.write_bundle`."""
    _check_training(executor, bundle)
    _check_stop(executor, bundle)
    _check_prediction(executor, bundle)
    crashed = executor.run(a_job(bundle, RAISES), Observer())
    assert crashed.kind is OutcomeKind.CRASHED, "an exception of the candidate is an outcome"
    assert "the loss diverged" in crashed.reason, "and its reason is for the candidate's author"
    with ThreadPoolExecutor(2) as pool:
        kinds = list(pool.map(lambda train: executor.run(a_job(bundle, train), Observer()).kind, [ONCE, RAISES]))
    assert kinds == [OutcomeKind.COMPLETED, OutcomeKind.CRASHED], "several threads may run jobs"
    _check_raises(ZeroDivisionError, lambda: executor.run(a_job(bundle, ONCE), _broken), "what the observer raises")
    executor.close()
    executor.close()
    _check_raises(Exception, lambda: executor.run(a_job(bundle, ONCE), Observer()), "a closed executor")


def check_list_metric(metric: ListMetric) -> None:
    """`ports.ListMetric`: a finite value a user, from that user's list alone, whatever stands beyond the cutoff."""
    import numpy as np

    draw = np.random.default_rng(0)
    hits = draw.random((50, 20)) < 0.2
    hits[0] = False
    n_relevant = np.maximum(hits.sum(axis=1), 1) + draw.integers(0, 5, size=50)
    hits.flags.writeable = n_relevant.flags.writeable = False
    for k in (1, 5, 20):
        values = np.asarray(metric(hits, n_relevant, k))
        assert values.shape == (50,), f"one value a user: expected the shape (50,), got {values.shape}"
        assert np.isfinite(values).all(), "values are finite, for a user without a hit too"
        order = draw.permutation(50)
        alone = np.asarray(metric(hits[order], n_relevant[order], k))
        assert np.allclose(alone, values[order]), "a user's value comes from that user's list alone"
        cut = hits & (np.arange(20) < k)
        assert np.allclose(np.asarray(metric(cut, n_relevant, k)), values), "places beyond k do not count"


def check_selector(make: Callable[[], Selector]) -> None:
    """`ports.Selector`: survivors were judged, each once, and everyone looked at has a reason."""
    for state in some_states(MemoryObjects()):
        reasons, survivors = make().select(state)
        ids = [record.id for record in survivors]
        assert len(set(ids)) == len(ids), "nobody survives twice"
        assert all(record.ok and not record.is_baseline for record in survivors), "only who was judged may survive"
        assert set(ids) <= set(reasons), "each survivor has a reason"
        assert set(state.decided_since) <= set(reasons), "each candidate decided since has one"
        assert (reasons, survivors) == make().select(state), "the same state gives the same survivors"


def a_desk(objects: Objects) -> Desk:
    """A desk whose search space has one family, of a model that is the same for everyone."""
    return Desk(task=TASK, limits=Limits(), objects=objects, space=_OneFamily(), render=lambda _: _SOURCES)


def some_states(objects: Objects) -> tuple[State, ...]:
    """A run that has just begun, one with survivors and failures, and one whose asks were declined."""
    story = Story(objects, hypotheses=("tastes drift",))
    begun = story.state()
    story.tell({**_SOURCES, "a.py": "A = 1\n"}, value=0.1, name="pop", proposer="baselines")
    best = story.tell({**_SOURCES, "a.py": "A = 2\n"}, value=0.3, log="done")
    story.tell({**_SOURCES, "a.py": "A = 3\n"}, outcome=OutcomeKind.CRASHED, reason="it broke", log="Traceback")
    story.tell({**_SOURCES, "a.py": "A = 4\n"}, decided=False)
    return begun, story.state(), story.state(survivors=[best])


class _OneFamily:
    families = ("constant",)

    def complete(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"family": "constant", **given}


_SOURCES = {
    "model.py": "def build(data, params):\n    return None\n",
    "train.py": "def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n",
}


def _check_plan(plan: Plan, state: State, seed: int) -> None:
    assert isinstance(plan, Plan), f"plan gives a Plan or None, not a {type(plan).__name__}"
    assert plan.seed == seed, "the plan keeps the seed that it was made with"
    assert set(plan.parents) <= set(state.records), "parents are candidates of the run"


def _check_answer(answer: object) -> None:
    from autorec.prompting.admission import breaches

    if isinstance(answer, Proposal):
        assert breaches(answer.files) == [], "what is proposed is a candidate"
    else:
        assert isinstance(answer, Declined), f"propose gives a Proposal or Declined, not a {type(answer).__name__}"
        assert answer.reason, "what is declined has a reason"


def _check_training(executor: Executor, bundle: Bundle) -> None:
    seen = Observer()
    outcome = executor.run(a_job(bundle, MANY), seen)
    assert outcome.kind is OutcomeKind.COMPLETED, f"a training completes; it ended as {outcome.kind}: {outcome.log}"
    assert [each.index for each in seen.snapshots] == list(range(len(seen.snapshots))), "snapshots come in order"
    times = [each.training_s for each in seen.snapshots]
    assert seen.snapshots and times == sorted(times), "with training time that grows"
    assert all(each.predictions and each.state for each in seen.snapshots), "with predictions and state"
    assert outcome.usage.wall_s > 0 and outcome.usage.memory_bytes > 0, "time and memory are measured"
    assert outcome.tier, "the outcome names the isolation that it ran under"


def _check_stop(executor: Executor, bundle: Bundle) -> None:
    seen = Observer(stop_at=1)
    outcome = executor.run(a_job(bundle, MANY), seen)
    assert len(seen.snapshots) == 2, "no checkpoint after the observer has asked for a stop"
    assert outcome.kind is OutcomeKind.COMPLETED, "and to be stopped is no failure"


def _check_prediction(executor: Executor, bundle: Bundle) -> None:
    trained, asked = Observer(), Observer()
    executor.run(a_job(bundle, ONCE), trained)
    outcome = executor.run(a_job(bundle, ONCE, state=trained.snapshots[0].state), asked)
    assert outcome.kind is OutcomeKind.COMPLETED, f"a kept state is predicted from: {outcome.log}"
    assert [each.state for each in asked.snapshots] == [None], "once, and without a new state"


def _check_raises(expected: type[Exception], call: Callable[[], object], what: str) -> None:
    try:
        call()
    except expected:
        return
    raise AssertionError(f"{what} raises; expected {expected.__name__}")


def _broken(_: object) -> bool:
    raise ZeroDivisionError


def check_objects(objects: Objects) -> None:
    """`ports.Objects`, from empty: what goes in comes out under its sha256, and nothing else does."""
    contents = [b"", b"a", b"\x00\xff" * 1000, "é".encode(), bytes(1 << 20)]
    _check_missing(objects, hashlib.sha256(b"a").hexdigest())
    for content in contents:
        assert objects.put(content) == hashlib.sha256(content).hexdigest(), "an object is named by its sha256"
    for content in contents:
        assert objects.get(hashlib.sha256(content).hexdigest()) == content, "what went in comes out, byte for byte"
    assert objects.put(b"a") == hashlib.sha256(b"a").hexdigest(), "to put an object twice is no error"
    for name in ("", "../run.db", "0" * 63, "0" * 64, "A" * 64):
        _check_missing(objects, name)
    _check_many_writers(objects)


def _check_missing(objects: Objects, digest: str) -> None:
    try:
        content = objects.get(digest)
    except StoreError:
        return
    raise AssertionError(f"{digest!r} was never put, yet gave {content[:40]!r}; expected StoreError")


def _check_many_writers(objects: Objects) -> None:
    contents = [bytes([number % 4]) * 10_000 for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        digests = list(pool.map(objects.put, contents))
    assert [objects.get(digest) for digest in digests] == contents, "writers of the same object do not disturb others"
