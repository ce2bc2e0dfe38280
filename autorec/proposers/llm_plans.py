"""What a language model is asked for next, decided from the state and a seed alone.

In this order: repair what failed, test the hypotheses of people, draft while nothing has survived; then whichever
pays of drafting, improving or simplifying a survivor, and crossing two. Of several models the one is asked whose
answers of that kind pay (see `arms.py`).
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from autorec.domain.candidate import Operator, Plan
from autorec.domain.hypothesis import Hypothesis
from autorec.domain.state import DeclinedAsk, Record, State
from autorec.proposers.arms import Arm, choose

NAME = "llm"
"""What its plans are signed with, and the rotation knows it by."""
FREE = (Operator.DRAFT, Operator.IMPROVE, Operator.SIMPLIFY)
"""What is asked for where nothing else is due; with two survivors, to cross them as well."""
HYPOTHESIS_TRIES = 3
UNANSWERED = 8
"""So many asks without an answer are one try: an outage uses up none, and what is always refused is not asked for ever.
"""


def next_plan(state: State, seed: int, *, models: Sequence[str], max_repairs: int) -> Plan:
    """The next thing to ask for, of one of the models; the same state and seed always give the same plan."""
    rng = random.Random(seed)

    def plan(*operators: Operator, why: str, **what: Any) -> Plan:
        arms = [Arm(operator=operator, model=model) for operator in operators for model in models]
        chosen = choose(arms, state, rng)
        if "parents" not in what and chosen.arm.operator is not Operator.DRAFT:
            parents = _parents(chosen.arm.operator, state.survivors, rng)
            what["parents"] = tuple(parent.id for parent in parents)
            why = f"{' and '.join(f'#{parent.number}' for parent in parents)} survived"
        return Plan(
            proposer=NAME, model=chosen.arm.model, operator=chosen.arm.operator, seed=seed,
            why="; ".join(filter(None, (why, chosen.why))), **what,
        )  # fmt: skip

    if broken := repair_due(state, max_repairs):
        why = f"#{broken.number} failed and may be mended"
        return plan(Operator.REPAIR, parents=(broken.id,), hypothesis=broken.hypothesis, why=why)
    survivors = state.survivors
    if hypothesis := open_hypothesis(state):
        parents = tuple(survivor.id for survivor in survivors[:1])
        return plan(Operator.HYPOTHESIS, parents=parents, hypothesis=hypothesis.sentence, why="a person asks")
    if not survivors:
        return plan(Operator.DRAFT, why="nothing has survived yet")
    crossing = (Operator.CROSSOVER,) if len(survivors) > 1 else ()
    return plan(*FREE, *crossing, why="drafts keep the search open")


def open_hypothesis(state: State) -> Hypothesis | None:
    """The first hypothesis of a person that no candidate, and nothing under way, tests.

    One that gave no usable reply is tried a few times and then left; that no answer came is hardly a try.
    """
    tested = {record.hypothesis for record in state.candidates} | {ask.plan.hypothesis for ask in state.asks}
    for hypothesis in state.hypotheses:
        misses = [d for d in _misses(state) if d.plan.hypothesis == hypothesis.sentence and d.plan.proposer == NAME]
        if hypothesis.sentence not in tested and _tries(misses) < HYPOTHESIS_TRIES:
            return hypothesis
    return None


def repair_due(state: State, most: int) -> Record | None:
    """The oldest failure of the language model that is worth a repair, or its last repair if that failed as well.

    None that a person has banned, nor what descends from one.

    A candidate is repaired at most `most` times: repairs that failed, that gave no candidate and that are under way
    count alike.
    """
    fruitless = _fruitless_repairs(state)
    for family in _families(state):
        tried = len(family) - 1 + sum(fruitless[member.id] for member in family)
        waiting = any(_is_under_repair(member, state) for member in family)
        banned = any(member.refused or state.verdicts.get(member.id) is False for member in family)
        if all(_failed(member) for member in family) and not waiting and not banned and tried < most:
            return family[-1]
    return None


def _parents(operator: Operator, survivors: Sequence[Record], rng: random.Random) -> list[Record]:
    """One survivor, or two different ones to be crossed."""
    first = _pick(survivors, rng)
    if operator is not Operator.CROSSOVER:
        return [first]
    return [first, _pick([record for record in survivors if record is not first], rng)]


def _pick(survivors: Sequence[Record], rng: random.Random) -> Record:
    """A survivor, the better the more often: the r-th best with weight 1 / r."""
    return rng.choices(survivors, [1 / rank for rank in range(1, len(survivors) + 1)])[0]


def _families(state: State) -> list[list[Record]]:
    """Each candidate of the language model with the repairs that descend from it, in order of admission."""
    family_of: dict[str, list[Record]] = {}
    families: list[list[Record]] = []
    for record in state.candidates:
        parent = record.parents[0] if record.operator is Operator.REPAIR and record.parents else None
        if parent in family_of:
            family_of[record.id] = family_of[parent]
            family_of[parent].append(record)
        elif record.proposer == NAME:
            family_of[record.id] = [record]
            families.append(family_of[record.id])
    return families


def _fruitless_repairs(state: State) -> dict[str, int]:
    """How many repairs of each candidate gave no candidate; that no answer came is hardly a try."""
    misses: dict[str, list[DeclinedAsk]] = defaultdict(list)
    for declined in _misses(state):
        if declined.plan.operator is Operator.REPAIR:
            misses[declined.plan.parents[0]].append(declined)
    return defaultdict(int, {candidate: _tries(each) for candidate, each in misses.items()})


def _misses(state: State) -> list[DeclinedAsk]:
    """Asks that gave no candidate; that the model was out says nothing of what it was asked."""
    return [declined for declined in state.declined if not declined.lasting]


def _tries(misses: Sequence[DeclinedAsk]) -> int:
    """How often something was tried in vain: each miss that brought an answer, and a few that brought none."""
    answered = sum(bool(declined.bills) for declined in misses)
    return answered + (len(misses) - answered) // UNANSWERED


def _is_under_repair(record: Record, state: State) -> bool:
    return any(ask.plan.operator is Operator.REPAIR and record.id in ask.plan.parents for ask in state.asks)


def _failed(record: Record) -> bool:
    return record.search is not None and not record.ok
