"""What the language models of a run may cost, before it begins: calls, tokens, dollars."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autorec.assets import assets
from autorec.domain.budget import JOB_OVERHEAD_S, START_UP_S, TimePlan
from autorec.domain.job import Limits
from autorec.domain.state import State
from autorec.domain.text import count
from autorec.schemas.config import SearchConfig
from autorec.wiring.models import prices_of
from autorec.wiring.own import read_prompts
from autorec.wiring.writers import writers

if TYPE_CHECKING:
    from autorec.llm.prices import Price

CALLS_A_CANDIDATE = 1.3
"""Some replies go back once, some failures are repaired."""
REPLY_TOKENS = 3_000
"""A usual reply: a header, two files of code, and a little reasoning."""
QUICK_ANSWER_S = 10.0
"""Few replies of the usual length come sooner; each worker waits for one at a time."""
SOURCES_TOKENS = 2_000
"""What the sources of a parent add to a prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Calls of all models together, their tokens, and the price of each model; `most_reply_tokens` bounds one reply.

    `calls` are those of a search whose trainings take all of their time, `most_calls` of one whose trainings end early,
    as closed forms do, and whose models answer quickly.
    """

    calls: int
    most_calls: int
    prompt_tokens: int
    reply_tokens: int
    most_reply_tokens: int
    prices: "Mapping[str, Price | None]"
    max_usd: float | None
    max_tokens: int | None

    @property
    def unpriced(self) -> tuple[str, ...]:
        return tuple(name for name, price in self.prices.items() if price is None)

    def usd(self, calls: int, reply_tokens: int) -> float:
        """Dollars for so many calls, were each reply so long; each model writes as much as the others."""
        known = [price for price in self.prices.values() if price is not None]
        return sum(p.usd(calls * self.prompt_tokens, calls * reply_tokens) for p in known) / len(known)

    def lines(self) -> list[str]:
        """For people: what it may cost, what is not known, and what stops it."""
        total = self.calls * (self.prompt_tokens + self.reply_tokens)
        about = "at least" if self.most_calls > self.calls else "about"
        line = f"{about} {count(self.calls, 'call')} of {', '.join(self.prices)}, some {total:,} tokens"
        if self.unpriced:
            line += f": PRICE UNKNOWN of {', '.join(self.unpriced)}, so nobody can say what that costs"
        else:
            most = self.usd(self.calls, self.most_reply_tokens)
            line += f": ${self.usd(self.calls, self.reply_tokens):.2f}, "
            line += f"or ${most:.2f} were each reply as long as it may be"
        if self.most_calls > self.calls:
            usd = "" if self.unpriced else f", ${self.usd(self.most_calls, self.reply_tokens):.2f}"
            line += f"; up to about {self.most_calls:,} calls{usd} where trainings end early"
        caps = [f"${self.max_usd:g} are spent" if self.max_usd else "", f"{self.max_tokens:,} tokens are used"
                if self.max_tokens else ""]  # fmt: skip
        return [line, f"no further call once {' or '.join(filter(None, caps)) or 'the time is up: no cap is set'}"]


def estimate(config: SearchConfig, plan: TimePlan, state: State, limits: Limits) -> Estimate | None:
    """None where no language model is asked. Prompts are counted as they are, replies as they usually are."""
    if not config.llm:
        return None
    calls, most_calls = (
        math.ceil(candidates * (CALLS_A_CANDIDATE / len(writers(config)) + config.reflect / config.population))
        for candidates in (_candidates(config, plan, plan.training_s), _candidates(config, plan, 0.0))
    )
    in_time = math.ceil(_search_s(plan) * plan.workers / QUICK_ANSWER_S)
    return Estimate(
        calls=calls,
        most_calls=max(calls, min(most_calls, in_time)),
        prompt_tokens=_prompt_tokens(config, state, limits),
        reply_tokens=min(REPLY_TOKENS, config.llm_max_tokens),
        most_reply_tokens=config.llm_max_tokens,
        prices=prices_of(config),
        max_usd=config.max_usd,
        max_tokens=config.max_tokens,
    )


def _candidates(config: SearchConfig, plan: TimePlan, training_s: float) -> int:
    """As many as find time, were each trained for so long; or as many as are asked for."""
    in_time = max(1, int(_search_s(plan) * plan.workers / (training_s + JOB_OVERHEAD_S)))
    return min(in_time, config.max_candidates or in_time)


def _search_s(plan: TimePlan) -> float:
    return max(0.0, plan.budget_s - plan.reserve_s - START_UP_S)


def _prompt_tokens(config: SearchConfig, state: State, limits: Limits) -> int:
    from autorec.llm.hearing import CHARACTERS_PER_TOKEN
    from autorec.prompting.facts import run_facts
    from autorec.prompting.render import Templates

    templates = Templates(assets("prompts"), read_prompts(config))
    asked = templates.render("system", {"role": state.task.role})
    asked += templates.render("draft", run_facts(state, limits))
    return min(len(asked) // CHARACTERS_PER_TOKEN + SOURCES_TOKENS, config.prompt_tokens)
