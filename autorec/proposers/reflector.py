"""A language model looks back on what the last generation taught.

Once a generation has closed it is asked, and once more where that gave nothing. No candidate comes of it.
"""

from dataclasses import dataclass

from autorec.domain.candidate import Declined, Operator, Plan
from autorec.domain.lesson import Lessons, Note
from autorec.domain.state import Record, State
from autorec.llm.client import Completion
from autorec.prompting.edits import ReplyError
from autorec.prompting.reflecting import reflect_facts
from autorec.prompting.reflections import parse_reflection
from autorec.proposers.arms import best_rewarded
from autorec.proposers.llm import LLMProposer
from autorec.proposers.llm_messages import Conversation
from autorec.proposers.rounds import Heard

NAME = "reflect"
"""What its plans are signed with, and the rotation knows it by."""
GENERATION = "generation"
"""The key of a plan's design that says which generation it looks back on."""
TRIES = 2
TEMPERATURE = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reflector:
    """Implements `ports.Proposer`: it asks the models of `llm`, within its caps."""

    llm: LLMProposer

    def plan(self, state: State, seed: int) -> Plan | None:
        """Look back on the last closed generation, unless that was done, is under way, or was tried in vain."""
        models = self.llm.models(state)
        if not models or not state.generations or not _due(state):
            return None
        model, why = best_rewarded(models, state)
        number = state.generations[-1].number
        return Plan(
            proposer=NAME, operator=Operator.REFLECT, seed=seed, model=model, design={GENERATION: number},
            why="; ".join(filter(None, (f"generation {number} closed", why))),
        )  # fmt: skip

    def propose(self, plan: Plan, state: State) -> Lessons | Declined:
        """See `Proposer.propose`. A reply that cannot be used is sent back once with the exact fault."""
        facts, shown = reflect_facts(state, self.llm.limits, _decided_since(state))
        asked = Conversation(
            templates=self.llm.templates,
            system="",
            name="reflect",
            facts=facts,
            most=self.llm.prompt_tokens,
            refusal="reflect_again",
        )

        def read(completion: Completion) -> Heard[tuple[Note, ...]]:
            try:
                return Heard(reply=parse_reflection(completion.text, shown, state))
            except ReplyError as error:
                return Heard(faults=[str(error)])

        used = self.llm.rounds.ask(plan.model or "", asked, temperature=TEMPERATURE, read=read)
        return used if isinstance(used, Declined) else Lessons(notes=used.reply, exchanges=used.exchanges)


def _due(state: State) -> bool:
    last = state.generations[-1].number
    done = any(_generation(reflection.plan) == last for reflection in state.reflections)
    under_way = any(_generation(ask.plan) == last for ask in state.asks)
    tried = sum(_generation(declined.plan) == last for declined in state.declined)
    return not done and not under_way and tried < TRIES


def _decided_since(state: State) -> list[Record]:
    """The candidates of all closed generations that nobody has looked back on, nor does now."""
    plans = [*(reflection.plan for reflection in state.reflections), *(ask.plan for ask in state.asks)]
    seen = max((_generation(plan) for plan in plans), default=0)
    decided = [generation.decided for generation in state.generations]
    first, last = (sum(decided[: sum(g.number <= n for g in state.generations)]) for n in (seen, len(decided)))
    return [state.records[candidate] for candidate in state.decided[first:last]]


def _generation(plan: Plan) -> int:
    """Which generation a plan looks back on; 0 where it does not look back."""
    return int((plan.design or {})[GENERATION]) if plan.operator is Operator.REFLECT else 0
