"""Who writes candidates: from the names in the configuration to one proposer that hands out turns."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from autorec.domain.candidate import Declined, Plan, Proposal
from autorec.domain.errors import UsageError
from autorec.domain.state import State
from autorec.ports import Desk, Objects, Proposer
from autorec.prompting.admission import breaches
from autorec.proposers.human import NAME as HUMAN
from autorec.proposers.llm_plans import NAME as LLM
from autorec.proposers.policy import NAME as POLICY
from autorec.schemas.config import SearchConfig
from autorec.wiring import own_code
from autorec.wiring.arena import Arena
from autorec.wiring.own import Own

if TYPE_CHECKING:
    from autorec.llm.client import LLMClient
    from autorec.proposers.llm import LLMProposer

BUILT_IN = (LLM, POLICY)


def writers(config: SearchConfig) -> tuple[str, ...]:
    """The names of those who write by turns; people's own code comes before all of them.

    Raises UsageError for a name that is neither built in nor an import string, and where a language model is given
    and not named, or named and not given.
    """
    if not config.proposers:
        return BUILT_IN if config.llm else (POLICY,)
    for name in config.proposers:
        if name not in BUILT_IN and not own_code.is_spec(name):
            raise UsageError(
                f"proposers: {name!r} is no proposer", fix=f"expected {', '.join(BUILT_IN)} or package.module:Class"
            )
    if len(set(config.proposers)) < len(config.proposers):
        raise UsageError(f"proposers: {', '.join(config.proposers)} names one twice", fix="name each one once")
    if LLM in config.proposers and not config.llm:
        raise UsageError("proposers: llm is named, and no language model is given", fix="add --llm provider/model")
    if config.llm and LLM not in config.proposers:
        raise UsageError(
            f"llm: {', '.join(config.llm)} is given, and proposers does not name llm", fix=f'proposers = ["{LLM}", ...]'
        )
    return config.proposers


def own_writers(config: SearchConfig) -> dict[str, Any]:
    """The classes of the proposers of one's own, by name. Raises UsageError where one cannot be had."""
    own = {name: own_code.load("proposers", name) for name in writers(config) if name not in BUILT_IN}
    for name, cls in own.items():
        own_code.takes("proposers", name, cls, "desk")
    return own


def open_writers(
    config: SearchConfig,
    arena: Arena,
    objects: Objects,
    seeds: Mapping[str, Mapping[str, str]],
    models: "Mapping[str, LLMClient]",
    own: Own,
) -> Proposer:
    """People's own code first, then those who write by turns, in the order in which they are named."""
    from autorec.proposers.human import HumanProposer
    from autorec.proposers.reflector import NAME as REFLECT
    from autorec.proposers.reflector import Reflector
    from autorec.proposers.rotation import Rotation

    first: dict[str, Proposer] = {HUMAN: HumanProposer(seeds)}
    makers: dict[str, Callable[[], Proposer]] = {POLICY: lambda: _policy(config, arena)}
    if models:
        llm = _llm(config, arena, objects, models, own)
        makers[LLM] = lambda: llm
        first |= {REFLECT: Reflector(llm=llm)} if config.reflect else {}
    for name, cls in own_writers(config).items():
        makers[name] = lambda name=name, cls=cls: Guarded(name, cls, _desk(arena, objects))  # type: ignore[misc]
    then = {name: makers[name]() for name in writers(config) if name in makers}
    return Rotation(first=first, then=then, at_once=config.workers)


class Guarded:
    """A proposer of a person's own, and what it gives checked; what it raises tells file and line."""

    def __init__(self, name: str, cls: Callable[[Desk], Any], desk: Desk) -> None:
        """Raises UsageError when it cannot be made, or lacks a method of `ports.Proposer`."""
        self._name = name
        with own_code.explained("proposers", name):
            self._inner = cls(desk)
        own_code.method("proposers", name, self._inner, "plan", "state, seed")
        own_code.method("proposers", name, self._inner, "propose", "plan, state")

    def plan(self, state: State, seed: int) -> Plan | None:
        """See `ports.Proposer`; the plan is signed with the name that the configuration has for it."""
        with own_code.explained("proposers", self._name):
            plan = self._inner.plan(state, seed)
        if plan is None:
            return None
        if isinstance(plan, Plan):
            return replace(plan, proposer=self._name)
        raise self._wrong(plan, "plan", "a Plan or None")

    def propose(self, plan: Plan, state: State) -> Proposal | Declined:
        """See `ports.Proposer`; files that are no candidate are declined, as a model's are."""
        with own_code.explained("proposers", self._name):
            answer = self._inner.propose(plan, state)
        if isinstance(answer, Declined):
            return answer
        if not isinstance(answer, Proposal):
            raise self._wrong(answer, "propose", "a Proposal or Declined")
        faults = breaches(answer.files)
        return Declined(reason=f"no candidate: {'; '.join(faults)}", exchanges=answer.exchanges) if faults else answer

    def _wrong(self, given: object, method: str, expected: str) -> UsageError:
        return UsageError(
            f"proposers: {self._name}.{method} gave a {type(given).__name__}; expected {expected}",
            fix="autorec/ports.py says what a proposer gives; autorec.testing.conformance.check_proposer tries it",
        )


def _desk(arena: Arena, objects: Objects) -> Desk:
    return Desk(
        task=arena.task,
        limits=arena.limits,
        objects=objects,
        space=arena.space,
        render=lambda design: arena.code.render(arena.space.complete(design)),
    )


def _policy(config: SearchConfig, arena: Arena) -> Proposer:
    from autorec.proposers.policy import PolicyProposer
    from autorec.selection.choosers import TpeChoosers, random_chooser

    choose = TpeChoosers() if config.chooser == "tpe" else (lambda state, seed: random_chooser(seed))
    return PolicyProposer(arena.space, arena.code, choose)


def _llm(
    config: SearchConfig,
    arena: Arena,
    objects: Objects,
    models: "Mapping[str, LLMClient]",
    own: Own,
) -> "LLMProposer":
    from autorec.proposers.llm import LLMProposer

    return LLMProposer(
        clients=models,
        templates=own.templates,
        objects=objects,
        limits=arena.limits,
        max_usd=config.max_usd,
        budget_tokens=config.max_tokens,
        max_tokens=config.llm_max_tokens,
        deadline_s=config.llm_deadline or config.budget,
        prompt_tokens=config.prompt_tokens,
    )
