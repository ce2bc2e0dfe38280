"""What language models cost a run: in all, a candidate, by operator and by model."""

from collections.abc import Iterator, Mapping
from typing import Any

from autorec.domain.events import Bill
from autorec.domain.spending import Share, spent_by_model, spent_by_operator, spent_on_all
from autorec.domain.state import State
from autorec.domain.text import count, plain


def cost_lines(state: State) -> Iterator[str]:
    """For `status`; the parts only where a language model was asked."""
    yield f"cost        {_money(state.spent)}"
    everything = spent_on_all(state)
    if not everything.answers:
        return
    mean = everything.a_candidate
    yield f"            a candidate {_money(mean)}" if mean else "            no candidate came of it"
    shares = [*spent_by_operator(state).items(), *spent_by_model(state).items()]
    width = max(len(name) for name, _ in shares)
    for name, share in shares:
        yield plain(f"  {name:<{width}}  {_share(share)}")


def costs_json(state: State) -> dict[str, Any]:
    """The same for scripts."""
    mean = spent_on_all(state).a_candidate
    return {
        "usd": state.spent.usd,
        "tokens": state.spent.tokens,
        "calls": state.spent.calls,
        "unpriced_calls": state.spent.unpriced,
        "a_candidate": None if mean is None else {"usd": mean.usd, "tokens": mean.tokens},
        "by_operator": _shares_json(spent_by_operator(state)),
        "by_model": _shares_json(spent_by_model(state)),
    }


def _share(share: Share) -> str:
    mean = share.a_candidate
    each = f"; ${mean.usd:.4f} a candidate" if mean and not share.bill.unpriced else ""
    return f"{share.candidates:,} of {count(share.answers, 'answer')}, {_money(share.bill)}{each}"


def _money(bill: Bill) -> str:
    if bill.unpriced and bill.unpriced == bill.calls:
        return f"{bill.tokens:,} tokens, UNKNOWN price"
    unknown = f" and {count(bill.unpriced, 'call')} of UNKNOWN price" if bill.unpriced else ""
    return f"{bill.tokens:,} tokens, ${bill.usd:.4f}{unknown}"


def _shares_json(shares: Mapping[str, Share]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "candidates": share.candidates,
            "answers": share.answers,
            "usd": share.bill.usd,
            "tokens": share.bill.tokens,
            "unpriced_calls": share.bill.unpriced,
        }
        for name, share in shares.items()
    }
