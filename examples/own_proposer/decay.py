"""A proposer of one's own: popularity with a half-life in days, first anywhere, then near the best that survived.

`plan` decides from the state and the seed alone, so that a resumed run decides as the one that was interrupted would;
`propose` carries the plan out, and may take as long as it likes.
"""

import random

from autorec import Desk, Operator, Plan, Proposal, State

MODEL = '''"""Popularity that fades."""

import torch
from torch import nn


class Fading(nn.Module):
    def __init__(self, n_items):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_items))

    def score(self, history, users):
        return self.weight.expand(len(users), -1)


def build(data, params):
    return Fading(data.n_items)
'''
TRAIN = '''"""An event counts half after {days:.3g} days."""

import torch


def fit(recommender, data, params, run):
    age_s = (data.timestamps.max() - data.timestamps).double()
    weights = 0.5 ** (age_s / 86_400 / {days:.3g})
    recommender.weight.copy_(torch.bincount(data.items.long(), weights=weights, minlength=data.n_items))
    run.checkpoint(recommender)
'''


class DecayProposer:
    """Implements `autorec.ports.Proposer`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk  # the task, the limits, the store of sources and logs, and the search space

    def plan(self, state: State, seed: int) -> Plan:
        """What to try next. The plan is recorded with the run, its `design` and `why` are what people read."""
        draw = random.Random(seed)
        mine = [record for record in state.survivors if record.design and "half_life_days" in record.design]
        if mine:
            days = mine[0].design["half_life_days"] * draw.uniform(0.5, 2.0)
            return self._plan(Operator.IMPROVE, seed, days, "near the best so far", (mine[0].id,))
        return self._plan(Operator.DRAFT, seed, 10 ** draw.uniform(-1, 2.5), "anywhere")

    def propose(self, plan: Plan, state: State) -> Proposal:
        """The files of the planned candidate."""
        days = (plan.design or {})["half_life_days"]
        files = {"model.py": MODEL, "train.py": TRAIN.format(days=days)}
        return Proposal(files=files, hypothesis=f"what is popular fades within {days:.3g} days")

    def _plan(self, operator: Operator, seed: int, days: float, why: str, parents: tuple[str, ...] = ()) -> Plan:
        design = {"half_life_days": days}
        return Plan(operator=operator, seed=seed, parents=parents, design=design, why=why)
