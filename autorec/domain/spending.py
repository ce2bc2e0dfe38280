"""What language models have cost. Bills hold tokens and dollars by model; looked at here by whatever one asks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autorec.domain.candidate import Exchange
from autorec.domain.events import Bill

if TYPE_CHECKING:
    from autorec.domain.state import State


def bills_of(exchanges: Iterable[Exchange]) -> tuple[Bill, ...]:
    """One bill for each model that was called, in the order of the last call."""
    return by_model(
        Bill(
            model=each.model,
            usd=each.usd or 0.0,
            tokens=each.prompt_tokens + each.reply_tokens,
            calls=1,
            unpriced=int(each.usd is None),
        )
        for each in exchanges
    )


def by_model(bills: Iterable[Bill]) -> tuple[Bill, ...]:
    """The sum for each model, in the order in which their last ones come."""
    every: dict[str, list[Bill]] = {}
    for bill in bills:
        every[bill.model] = [*every.pop(bill.model, []), bill]
    return tuple(total(each, model=model) for model, each in every.items())


def total(bills: Sequence[Bill], model: str = "") -> Bill:
    """The sum of bills."""
    return Bill(
        model=model,
        usd=sum(bill.usd for bill in bills),
        tokens=sum(bill.tokens for bill in bills),
        calls=sum(bill.calls for bill in bills),
        unpriced=sum(bill.unpriced for bill in bills),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a part of the answers came to: so many candidates out of `answers`, and what they cost together."""

    candidates: int
    answers: int
    bill: Bill

    @property
    def a_candidate(self) -> Bill | None:
        """The mean cost of a candidate, what gave none included; None where there is none."""
        if not self.candidates:
            return None
        return replace(self.bill, usd=self.bill.usd / self.candidates, tokens=round(self.bill.tokens / self.candidates))


def spent_on_all(state: "State") -> Share:
    """All answers of language models together."""
    return _share(_answers(state))


def spent_by_operator(state: "State") -> dict[str, Share]:
    """By what was asked for, in order of the first answer."""
    answers = _answers(state)
    names = dict.fromkeys(str(answer.operator) for answer in answers)
    return {name: _share([answer for answer in answers if answer.operator == name]) for name in names}


def spent_by_model(state: "State") -> dict[str, Share]:
    """By who answered, which of an answer with several rounds may be more than one."""
    answers = _answers(state)
    names = dict.fromkeys(bill.model for answer in answers for bill in answer.bills)
    return {name: _share([answer.only(name) for answer in answers if answer.asked(name)]) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    operator: str
    candidate: bool
    bills: tuple[Bill, ...]

    def asked(self, model: str) -> bool:
        return any(bill.model == model for bill in self.bills)

    def only(self, model: str) -> "_Answer":
        """The part of one model; the candidate is whose call came last."""
        own = tuple(bill for bill in self.bills if bill.model == model)
        return replace(self, bills=own, candidate=self.candidate and self.bills[-1].model == model)


def _answers(state: "State") -> list[_Answer]:
    made = [_Answer(operator=r.operator, candidate=True, bills=r.bills) for r in state.candidates if r.bills]
    lost = [_Answer(operator=d.plan.operator, candidate=False, bills=d.bills) for d in state.declined if d.bills]
    taught = [_Answer(operator=r.plan.operator, candidate=False, bills=r.bills) for r in state.reflections if r.bills]
    return made + lost + taught


def _share(answers: Sequence[_Answer]) -> Share:
    return Share(
        candidates=sum(answer.candidate for answer in answers),
        answers=len(answers),
        bill=total([bill for answer in answers for bill in answer.bills]),
    )
