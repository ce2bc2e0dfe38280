"""A language model as a proposer: what to ask for next, asking for it, and one repair round for a broken reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autorec.domain.candidate import Candidate, Declined, Exchange, Operator, Plan, Proposal
from autorec.domain.job import Limits
from autorec.domain.state import Record, State
from autorec.llm.client import Completion, LLMClient
from autorec.ports import Objects
from autorec.prompting.admission import breaches
from autorec.prompting.edits import ReplyError
from autorec.prompting.facts import failure, hypothesis_facts, idea, parent_facts, run_facts, shown
from autorec.prompting.known import Known, Seen, repeats
from autorec.prompting.lessons import lesson_rows
from autorec.prompting.render import Templates
from autorec.prompting.replies import Reply, parse_reply
from autorec.prompting.simpler import not_simpler
from autorec.proposers.llm_messages import Conversation
from autorec.proposers.llm_plans import next_plan
from autorec.proposers.rounds import Heard, Rounds

TEMPERATURES: Mapping[Operator, float] = {
    Operator.DRAFT: 1.0,
    Operator.IMPROVE: 0.8,
    Operator.CROSSOVER: 0.8,
    Operator.SIMPLIFY: 0.5,
    Operator.REPAIR: 0.2,
    Operator.HYPOTHESIS: 0.6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LLMProposer:
    """Drafts, improves, crosses, simplifies and repairs candidates, and tests hypotheses, through a language model.

    `clients` are the models, by name. `max_usd` and `budget_tokens` stop planning once the run has spent that much (the
    clients' ledger holds the caps against calls in flight). `deadline_s` and `max_tokens` bound one call,
    `max_repairs` the repairs of one failed candidate, `prompt_tokens` the prompt of one call, counted with care.
    """

    clients: Mapping[str, LLMClient]
    templates: Templates
    objects: Objects
    limits: Limits
    max_usd: float | None = None
    budget_tokens: int | None = None
    max_repairs: int = 2
    max_tokens: int = 16_000
    deadline_s: float = 600.0
    prompt_tokens: int = 32_000
    _seen: dict[str, Seen] = field(default_factory=dict, repr=False, compare=False)

    def plan(self, state: State, seed: int) -> Plan | None:
        """See `Proposer.plan`; None once money or tokens are spent, or while every model is out."""
        models = self.models(state)
        if not models:
            return None
        return next_plan(state, seed, models=models, max_repairs=self.max_repairs)

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        """See `Proposer.propose`. A reply that cannot be used is sent back once with the exact fault.

        A call without an answer declines this ask alone; a model that cannot be used at all declines lastingly.
        """
        sources = [self._sources(parent) for parent in plan.parents]
        base = sources[0] if sources else {}
        known = Known(self._sources, self._seen)

        def read(completion: Completion) -> Heard[_Usable]:
            heard = _read(completion, base, plan.operator)
            twin = known.twin(heard.reply[1], plan, state) if heard.reply and not heard.faults else None
            return Heard(faults=[repeats(twin, state)], duplicate_of=twin.record.id) if twin else heard

        asked = self._conversation(plan, state, sources, known)
        used = self.rounds.ask(plan.model or "", asked, temperature=TEMPERATURES[plan.operator], read=read)
        return used if isinstance(used, Declined) else _proposal(plan, *used.reply, used.exchanges)

    @property
    def rounds(self) -> Rounds:
        """How the models are asked."""
        return Rounds(clients=self.clients, max_tokens=self.max_tokens, deadline_s=self.deadline_s)

    def models(self, state: State) -> list[str]:
        """Those that may be asked now; none once money or tokens are spent."""
        return [] if self._spent(state) else [model for model in self.clients if state.may_ask(model)]

    def _spent(self, state: State) -> bool:
        caps = ((state.spent.usd, self.max_usd), (state.spent.tokens, self.budget_tokens))
        return any(cap is not None and spent >= cap for spent, cap in caps)

    def _sources(self, candidate: str) -> Mapping[str, str]:
        return Candidate.from_bytes(self.objects.get(candidate)).files

    def _conversation(
        self, plan: Plan, state: State, sources: Sequence[Mapping[str, str]], known: Known
    ) -> Conversation:
        """`sources` are the files of the parents, in order."""
        if plan.operator is Operator.HYPOTHESIS:
            facts = hypothesis_facts(state, self.limits, plan.hypothesis)
        else:
            facts = run_facts(state, self.limits)
        facts["lessons"] = lesson_rows(state, _about(plan, state, sources))
        if plan.parents:
            parent = state.records[plan.parents[0]]
            facts |= parent_facts(parent, state, sources[0])
            if plan.operator is Operator.REPAIR:
                facts["failure"] = failure(parent, self._log(parent))
            elif plan.operator is Operator.CROSSOVER:
                facts["other"] = shown(state.records[plan.parents[1]], state, sources[1])
        elif plan.operator is Operator.DRAFT:
            facts["kinds"] = known.kinds(state)
        return Conversation(
            templates=self.templates,
            system=self.templates.render("system", {"role": state.task.role}),
            name=plan.operator.value,
            facts=facts,
            most=self.prompt_tokens,
        )

    def _log(self, record: Record) -> str:
        digest = record.search.log if record.search else None
        return self.objects.get(digest).decode(errors="replace") if digest else ""


_Usable = tuple[Reply, dict[str, str]]


def _about(plan: Plan, state: State, sources: Sequence[Mapping[str, str]]) -> str:
    """What is asked for, in words that lessons may share: a hypothesis, ideas and sources of the parents."""
    told = [plan.operator.value, plan.hypothesis or ""]
    for parent, files in zip(plan.parents, sources, strict=True):
        told += [idea(state.records[parent]), *files.values()]
    return "\n".join(told)


def _read(completion: Completion, base: Mapping[str, str], operator: Operator) -> Heard[_Usable]:
    """The parsed reply with the tree that it makes, and all that is wrong with them."""
    try:
        reply = parse_reply(completion.text)
        files = reply.sources(base)
    except ReplyError as error:
        return Heard(faults=[str(error)])
    if base and Candidate.of(files).id == Candidate.of(base).id:
        return Heard(faults=["the reply changes nothing: the sources are those of the candidate it starts from"])
    if operator is Operator.SIMPLIFY and (fault := not_simpler(files, base)):
        return Heard(faults=[fault])
    return Heard(reply=(reply, files), faults=breaches(files))


def _proposal(plan: Plan, reply: Reply, files: Mapping[str, str], exchanges: Sequence[Exchange]) -> Proposal:
    return Proposal(
        files=files,
        hypothesis=plan.hypothesis or reply.header.hypothesis,
        predicted_effect=reply.header.predicted_effect,
        exchanges=tuple(exchanges),
    )
