"""The policy: draws designs from the declared action space and renders them to code."""

from collections.abc import Callable, Iterator

from autorec.domain.candidate import Operator, Plan, Proposal
from autorec.domain.seeds import derive_seed
from autorec.domain.state import State
from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import Chooser, draw
from autorec.schemas.space import Design, SearchSpace, Value

NAME = "policy"
"""What its plans are signed with, and the rotation knows it by."""
DRAWS = 32
"""How often a design that is already known is drawn again before the space counts as exhausted."""


class PolicyProposer:
    """Implements `ports.Proposer` over a search space; how it chooses is the chooser's business.

    Each family has its turn first, with the defaults of the space; from then on `choose(state, seed)` makes the
    chooser of the next design. A design that is known, tried or under way, is not planned again.
    """

    def __init__(self, space: SearchSpace, code: SpaceCode, choose: Callable[[State, int], Chooser]) -> None:
        self._space = space
        self._code = code
        self._choose = choose

    def plan(self, state: State, seed: int) -> Plan | None:
        """The next design; None when 32 draws in a row were known."""
        known = [dict(design) for _, design in _designs(state)]
        family = self._next_family(state)
        for design in self._designs(state, seed, family):
            if design not in known:
                why = f"the turn of family {family}" if family else "drawn from the search space"
                return Plan(proposer=NAME, operator=Operator.POLICY, seed=seed, design=design, why=why)
        return None

    def propose(self, plan: Plan, state: State) -> Proposal:
        """Render the planned design; needs no model and no time."""
        return Proposal(files=self._code.render(plan.design or {}))

    def _next_family(self, state: State) -> str | None:
        """The first family that the policy has not tried, None when all have been."""
        tried = {design["family"] for proposer, design in _designs(state) if proposer == NAME}
        return next((family for family in self._space.families if family not in tried), None)

    def _designs(self, state: State, seed: int, family: str | None) -> Iterator[dict[str, Value]]:
        """Designs to consider: a new family's default, then draws."""
        if family:
            yield self._space.complete({"family": family})
        for attempt in range(DRAWS):
            yield draw(self._space, self._choose(state, derive_seed(seed, attempt)), family)


def _designs(state: State) -> Iterator[tuple[str, Design]]:
    """Every design of the space that the run knows, with its proposer: tried, under way or declined."""
    for record in state.records.values():
        if record.design and "family" in record.design:
            yield record.proposer, record.design
    for plan in [ask.plan for ask in state.asks] + [ask.plan for ask in state.declined]:
        if plan.design and "family" in plan.design:
            yield plan.proposer, plan.design
