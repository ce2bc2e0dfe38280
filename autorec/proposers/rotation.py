"""Who writes next: some proposers before all others, then the others in a fixed rotation."""

from collections.abc import Iterator, Mapping

from autorec.domain.candidate import Declined, Plan, Proposal
from autorec.domain.lesson import Lessons
from autorec.domain.state import State
from autorec.ports import Proposer


class Rotation:
    """Implements `ports.Proposer` over named proposers; each signs its plans with the name that it has here.

    Those of `first` go on until they have nothing to do; then those of `then` alternate by the number of the ask.
    One that has nothing to do, has `at_once` asks under way, or has met a lasting fault, is passed over, and so is a
    plan for a model that has: while a language model thinks, or is out, the others go on.
    """

    def __init__(self, *, first: Mapping[str, Proposer], then: Mapping[str, Proposer], at_once: int) -> None:
        self._at_once = at_once
        self._proposers = {**first, **then}
        self._first = tuple(first)
        self._then = tuple(then)

    def plan(self, state: State, seed: int) -> Plan | None:
        """The plan of whoever's turn it is; None when nobody has anything to do, or all are busy."""
        for name in self._turns(state.asked):
            if not state.may_ask(name, self._at_once):
                continue
            plan = self._proposers[name].plan(state, seed)
            if plan is not None and state.may_ask(plan.writer):
                return plan
        return None

    def propose(self, plan: Plan, state: State) -> Proposal | Lessons | Declined:
        """Handed to the proposer that the plan names."""
        return self._proposers[plan.proposer].propose(plan, state)

    def _turns(self, asked: int) -> Iterator[str]:
        yield from self._first
        for offset in range(len(self._then)):
            yield self._then[(asked + offset) % len(self._then)]
