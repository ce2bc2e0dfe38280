"""Which model is asked for what: a bandit over arms (operator, model), by reward for what an answer costs.

An answer takes up a training besides, which is reckoned at what an answer usually costs: a model that is free is
preferred, yet not at any quality.

Thompson sampling (Thompson 1933; Agrawal and Goyal 2012, for rewards from 0 to 1): each arm's reward is drawn from a
beta distribution of what its answers were worth, and the largest draw for its cost wins. Before that, an arm that was
asked less often than its floor is asked, so that none starves. All that it knows is in the state, and all chance comes
from the seed of the ask.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from autorec.domain.candidate import Operator
from autorec.domain.events import Bill
from autorec.domain.reward import inner_reward
from autorec.domain.spending import total
from autorec.domain.state import State

FLOOR = 0.3
"""Of this share of the asks every arm gets an even part at least: with four arms, one of thirteen each."""
EXPECTED: Mapping[Operator, float] = {Operator.DRAFT: 0.3, Operator.CROSSOVER: 0.4, Operator.SIMPLIFY: 0.2}
"""Rewards before anything is known; 0.5 of the others."""
WEIGHT = 2.0
"""So many answers is the expectation worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What is asked for, and of whom."""

    operator: Operator
    model: str

    def __str__(self) -> str:
        return f"{self.operator} by {self.model}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that is decided: its reward, 0 to 1, and what it cost."""

    arm: Arm
    reward: float
    bill: Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An arm, and why it was chosen."""

    arm: Arm
    why: str


def choose(arms: Sequence[Arm], state: State, rng: random.Random) -> Choice:
    """One of the arms; the same state and the same numbers drawn always give the same one."""
    if len(arms) == 1:
        return Choice(arm=arms[0], why="")
    answers = answers_of(state)
    price, unit = _unit(answers)
    usual = _mean([price(answer.bill) for answer in answers]) or 1.0
    standings = [_Standing.of(arm, answers, price, usual) for arm in arms]
    asked = Counter(_asked(state))
    starving = min(standings, key=lambda standing: asked[standing.arm])
    if asked[starving.arm] + 1 <= FLOOR * sum(asked[arm] for arm in arms) / len(arms):
        return Choice(arm=starving.arm, why=f"asked least, so that none starves: {starving.said(unit)}")
    chosen = max(standings, key=lambda standing: standing.draw(rng) / (standing.cost + usual))
    return Choice(arm=chosen.arm, why=f"the largest draw of reward for its cost: {chosen.said(unit)}")


def best_rewarded(models: Sequence[str], state: State) -> tuple[str, str]:
    """The model whose answers were worth most on average, and why; the first while nothing is known.

    For what is asked for once a generation and has no reward of its own: it costs little, and the others build on it.
    """
    if len(models) == 1:
        return models[0], ""
    answers = answers_of(state)

    def worth(model: str) -> float:
        rewards = [answer.reward for answer in answers if answer.arm.model == model]
        return (sum(rewards) + WEIGHT / 4) / (len(rewards) + WEIGHT)

    best = max(models, key=worth)
    return best, f"{best} has given the best answers, mean reward {worth(best):.2f}"


def answers_of(state: State) -> list[Answer]:
    """Every answer of a language model whose worth is known; that a model was out says nothing of its answers."""
    baselines = state.baselines
    answers = [
        Answer(arm=Arm(operator=record.operator, model=record.model), reward=reward, bill=total(record.bills))
        for record in state.candidates
        if record.model and (reward := inner_reward(record, state, baselines)) is not None
    ]
    answers += [
        Answer(arm=Arm(operator=ask.plan.operator, model=ask.plan.model), reward=0.0, bill=total(ask.bills))
        for ask in state.declined
        if ask.plan.model and ask.bills and not ask.lasting and ask.plan.operator is not Operator.REFLECT
    ]
    return answers


def _asked(state: State) -> Iterator[Arm]:
    """The arm of every ask of a language model, under way ones too; that a model was out says nothing of its arms."""
    plans = [*(declined.plan for declined in state.declined if not declined.lasting), *(ask.plan for ask in state.asks)]
    every = [*((r.operator, r.model) for r in state.candidates), *((plan.operator, plan.model) for plan in plans)]
    yield from (Arm(operator=operator, model=model) for operator, model in every if model)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """How an arm has done: so many answers, the sum of their rewards, and what one costs."""

    arm: Arm
    answers: int
    reward: float
    cost: float

    @classmethod
    def of(cls, arm: Arm, answers: Sequence[Answer], price: Callable[[Bill], float], usual: float) -> "_Standing":
        """An arm that has not answered yet is taken to cost what an answer usually costs."""
        own = [answer for answer in answers if answer.arm == arm]
        cost = _mean([*(price(answer.bill) for answer in own), usual])
        return cls(arm=arm, answers=len(own), reward=sum(answer.reward for answer in own), cost=cost)

    def draw(self, rng: random.Random) -> float:
        expected = WEIGHT * EXPECTED.get(self.arm.operator, 0.5)
        return rng.betavariate(expected + self.reward, WEIGHT - expected + self.answers - self.reward)

    def said(self, unit: str) -> str:
        cost = f"${self.cost:.2g}" if unit == "$" else f"{self.cost:,.0f} {unit}"
        return f"{self.arm}, reward {self.reward:.1f} of {self.answers}, {cost} each"


def _unit(answers: Sequence[Answer]) -> tuple[Callable[[Bill], float], str]:
    """Dollars, or tokens where the price of any answer is unknown, or all are free."""
    bill = total([answer.bill for answer in answers])
    unknown = any(answer.bill.unpriced and answer.bill.tokens for answer in answers)
    return (lambda bill: bill.tokens, "tokens") if unknown or not bill.usd else (lambda bill: bill.usd, "$")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
