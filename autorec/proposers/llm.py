"""A language model as a proposer: what to ask for next, asking for it, and one repair round for a broken reply."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from autorec.domain.candidate import Candidate, Declined, Exchange, Operator, Plan, Proposal
from autorec.domain.errors import ModelError
from autorec.domain.job import Limits
from autorec.domain.state import Record, State
from autorec.llm.client import Completion, LLMClient, Message, NoAnswer
from autorec.llm.request import Request
from autorec.ports import Objects
from autorec.prompting.admission import breaches
from autorec.prompting.budget import TooLongError
from autorec.prompting.edits import ReplyError
from autorec.prompting.facts import failure, hypothesis_facts, parent_facts, run_facts, shown
from autorec.prompting.known import Known, Seen, repeats
from autorec.prompting.render import Templates
from autorec.prompting.replies import Reply, parse_reply
from autorec.prompting.simpler import not_simpler
from autorec.proposers.llm_messages import Conversation
from autorec.proposers.llm_plans import next_plan

ROUNDS = 2
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
        models = [model for model in self.clients if state.may_ask(model)]
        if not models or self._spent(state):
            return None
        return next_plan(state, seed, models=models, max_repairs=self.max_repairs)

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        """See `Proposer.propose`. A reply that cannot be used is sent back once with the exact fault.

        A call without an answer declines this ask alone; a model that cannot be used at all declines lastingly.
        """
        exchanges: list[Exchange] = []
        try:
            return self._talk(plan, state, exchanges)
        except TooLongError as error:
            told = f"{error}; prompt_tokens is {self.prompt_tokens:,}, begin a run with more of them"
            return Declined(reason=told, exchanges=tuple(exchanges))

    def _talk(self, plan: Plan, state: State, exchanges: list[Exchange]) -> Proposal | Declined:
        """Ask, and ask again; what was said goes to `exchanges`. Raises TooLongError."""
        base = self._sources(plan.parents[0]) if plan.parents else {}
        known = Known(self._sources, self._seen)
        asked = self._conversation(plan, state, base, known)
        messages, faults, twin = asked.first(), [""], None
        for _ in range(ROUNDS):
            request = self._request(messages, plan)
            try:
                completion = self._complete(request)
            except ModelError as error:
                broken = error.broken if isinstance(error, NoAnswer) else ()
                return _declined(error, [*exchanges, *_broken(request, broken)], request)
            exchanges += [*_broken(request, completion.broken), _exchange(request, completion)]
            reply, files, faults = _read(completion, base, plan.operator)
            twin = known.twin(files, plan, state) if reply is not None and not faults else None
            if twin is not None:
                faults = [repeats(twin, state)]
            if reply is not None and not faults:
                return _proposal(plan, reply, files, exchanges)
            messages = asked.again(completion.text, faults, truncated=completion.truncated)
        return Declined(
            reason=f"no usable reply in {ROUNDS} rounds: {'; '.join(faults)}",
            exchanges=tuple(exchanges),
            duplicate_of=twin.record.id if twin else None,
        )

    def _spent(self, state: State) -> bool:
        caps = ((state.spent.usd, self.max_usd), (state.spent.tokens, self.budget_tokens))
        return any(cap is not None and spent >= cap for spent, cap in caps)

    def _sources(self, candidate: str) -> Mapping[str, str]:
        return Candidate.from_bytes(self.objects.get(candidate)).files

    def _conversation(self, plan: Plan, state: State, base: Mapping[str, str], known: Known) -> Conversation:
        if plan.operator is Operator.HYPOTHESIS:
            facts = hypothesis_facts(state, self.limits, plan.hypothesis)
        else:
            facts = run_facts(state, self.limits)
        if plan.parents:
            parent = state.records[plan.parents[0]]
            facts |= parent_facts(parent, state, base)
            if plan.operator is Operator.REPAIR:
                facts["failure"] = failure(parent, self._log(parent))
            elif plan.operator is Operator.CROSSOVER:
                other = plan.parents[1]
                facts["other"] = shown(state.records[other], state, self._sources(other))
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

    def _request(self, messages: Sequence[Message], plan: Plan) -> Request:
        return Request(
            model=plan.model or "",
            messages=tuple(messages),
            max_tokens=self.max_tokens,
            temperature=TEMPERATURES[plan.operator],
        )

    def _complete(self, request: Request) -> Completion:
        return self.clients[request.model].complete(
            request.messages,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            deadline_s=self.deadline_s,
        )


def _read(
    completion: Completion, base: Mapping[str, str], operator: Operator
) -> tuple[Reply | None, dict[str, str], list[str]]:
    """The parsed reply, the tree that it makes, and all that is wrong with them."""
    if not completion.text.strip():
        return None, {}, [f"the reply is empty (finish reason: {completion.finish_reason})"]
    try:
        reply = parse_reply(completion.text)
        files = reply.sources(base)
    except ReplyError as error:
        return None, {}, [str(error)]
    if base and Candidate.of(files).id == Candidate.of(base).id:
        return reply, files, ["the reply changes nothing: the sources are those of the candidate it starts from"]
    if operator is Operator.SIMPLIFY and (fault := not_simpler(files, base)):
        return reply, files, [fault]
    return reply, files, breaches(files)


def _proposal(plan: Plan, reply: Reply, files: Mapping[str, str], exchanges: Sequence[Exchange]) -> Proposal:
    return Proposal(
        files=files,
        hypothesis=plan.hypothesis or reply.header.hypothesis,
        predicted_effect=reply.header.predicted_effect,
        exchanges=tuple(exchanges),
    )


def _declined(error: ModelError, exchanges: Sequence[Exchange], request: Request) -> Declined:
    """What went wrong and what to set; all but NoAnswer is lasting."""
    return Declined(
        reason=f"{str(error).rstrip('.')}. {error.fix}" if error.fix else str(error),
        lasting=not isinstance(error, NoAnswer),
        exchanges=tuple(exchanges),
        unanswered=_unanswered(request),
    )


def _exchange(request: Request, completion: Completion) -> Exchange:
    return replace(
        _unanswered(request),
        model=completion.model,
        reply=completion.text,
        prompt_tokens=completion.prompt_tokens,
        reply_tokens=completion.reply_tokens,
        usd=completion.usd,
        latency_s=completion.latency_s,
        notes=completion.notes,
        finish_reason=completion.finish_reason,
    )


def _broken(request: Request, tries: Sequence[Completion]) -> list[Exchange]:
    return [replace(_exchange(request, each), broken=True) for each in tries]


def _unanswered(request: Request) -> Exchange:
    return Exchange(
        model=request.model,
        prompt=request.text,
        reply="",
        prompt_tokens=0,
        reply_tokens=0,
        usd=None,
        latency_s=0.0,
        request=request.digest,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
    )
