"""What a prompt and its reply cost: rendering it, reading the reply with the look for near-duplicates, and its tokens,
with ten candidates in the archive and with many.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping

from autorec.assets import assets
from autorec.domain.candidate import Operator, Plan
from autorec.domain.job import Limits
from autorec.domain.seeds import derive_seed
from autorec.domain.state import State
from autorec.llm.client import Completion
from autorec.prompting.budget import of_messages
from autorec.prompting.render import Templates
from autorec.proposers.llm import LLMProposer
from autorec.proposers.space_code import SpaceCode
from autorec.proposers.space_walk import draw
from autorec.schemas.space import load_space
from autorec.selection.choosers import random_chooser
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import design
from autorec.testing.states import Story

PARENTS = {
    Operator.DRAFT: 0,
    Operator.IMPROVE: 1,
    Operator.SIMPLIFY: 1,
    Operator.REPAIR: 1,
    Operator.HYPOTHESIS: 1,
    Operator.CROSSOVER: 2,
}
REPEATS = 10


class Clocked:
    """A client that answers at once, and notes when it was asked and when it had answered."""

    model = "openai/m"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.tokens = 0
        self.asked = self.answered = 0.0

    def check(self) -> None:
        """See `LLMClient`."""

    def complete(self, messages, *, max_tokens: int, temperature: float, deadline_s: float) -> Completion:  # type: ignore[no-untyped-def]
        """See `LLMClient`."""
        self.asked = time.perf_counter()
        self.tokens = of_messages([message.content for message in messages])
        answer = Completion(
            text=self.reply, prompt_tokens=0, reply_tokens=0, usd=None, model="m", latency_s=0.0, finish_reason="stop"
        )
        self.answered = time.perf_counter()
        return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1000)
    most = parser.parse_args().candidates
    print(f"machine   {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for many in sorted({min(10, most), most}):
        objects = MemoryObjects()
        state, survivors = grown(objects, many)
        client = Clocked(design("transitions"))
        proposer = LLMProposer(
            clients={client.model: client},
            templates=Templates(assets("prompts")),
            objects=objects,
            limits=Limits(training_s=60.0),
        )
        first_s = measured(lambda p=proposer, c=client, s=state, i=survivors: ask(p, c, Operator.DRAFT, s, i))  # type: ignore[misc]
        print(f"archive   {many:,} candidates, each looked at once: {1e3 * first_s / many:.1f} ms a candidate")
        for operator in PARENTS:
            ways = [ask(proposer, client, operator, state, survivors) for _ in range(REPEATS)]
            render_ms, read_ms = (1e3 * statistics.median(way[i] for way in ways) for i in (0, 1))
            print(
                f"{operator:<9} {render_ms:5.1f} ms to render, {read_ms:5.1f} ms to read the reply, "
                f"{ways[0][2]:,} tokens, {many:,} candidates"
            )


def grown(objects: MemoryObjects, many: int) -> tuple[State, list[str]]:
    """A run of random designs with made-up results, and the ids of two of them."""
    file = assets("search_spaces") / "retrieval.yaml"
    space = load_space(file)
    code = SpaceCode(space, file.parent)
    story = Story(objects, hypotheses=("Order matters.",))
    for number in range(many):
        files: Mapping[str, str] = code.render(draw(space, random_chooser(number)))
        value = None if number % 3 == 0 else (derive_seed("benchmark", number) % 997) / 10_000
        story.tell(files, value=value, hypothesis=f"Idea {number} " + "in some words " * 8, reason="it broke")
    state = story.state()
    judged = [record.id for record in state.records.values() if record.ok]
    return state, judged[:2]


def ask(
    proposer: LLMProposer, client: Clocked, operator: Operator, state: State, survivors: list[str]
) -> tuple[float, float, int]:
    """Seconds until the model is asked and from its answer to the end, and the tokens of the prompt."""
    plan = Plan(
        proposer="llm", operator=operator, seed=0, parents=tuple(survivors[: PARENTS[operator]]), model=client.model
    )
    began = time.perf_counter()
    proposer.propose(plan, state)
    return client.asked - began, time.perf_counter() - client.answered, client.tokens


def measured(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
