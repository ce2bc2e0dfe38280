"""A scripted model that answers prompts with real designs: what the tests and the examples run in place of a model.

The replies stand in `designs/` as a model would write them: `transitions`, `attention`, and `broken` (its scores
have one column too many, which `repair` mends) are drafts, `hypothesis` answers a person's, `crossover` joins two,
`improve_*` and `simplify_*` are edits.
"""

import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autorec.testing.reflections import look_back

DESIGNS = Path(__file__).parent / "designs"
DRAFTS = ("broken", "transitions", "attention")
IMPROVEMENTS = ("improve_half_life", "improve_both_ways", "improve_last_item", "improve_bias")
SIMPLIFICATIONS = ("simplify_vectors", "simplify_attention", "simplify_decay", "simplify_steps")
TWISTS = (
    ("decay ** (step - 1)", "1.0 / step"),
    ("centred.std(1, keepdim=True)", "centred.abs().amax(1, keepdim=True)"),
    ("* standardise(like_last)", "* standardise(like_last).tanh()"),
    ("    dense.fill_diagonal_(0.0)\n", ""),
    ("clamp_min(1e-6)", "sqrt().clamp_min(1e-6)"),
)
"""Ideas for `transitions`, as text and what takes its place; none is a good one."""
_OPERATOR = re.compile(r"^Operator: (\w+)$", re.MULTILINE)
_SOURCE = re.compile(r"^File: (\S+)\n(`{3,})\n(.*?)\n\2$", re.MULTILINE | re.DOTALL)
_SEARCHES = re.compile(r"^<<<<<<< SEARCH\n(.*?)\n=======$", re.MULTILINE | re.DOTALL)
_REAL_DEFAULT = re.compile(r'"type": "float"[^}]*?"default": (\d+\.\d+)')


class ScriptedDesigner:
    """A script for `ScriptedServer` that tells the operator from the prompt and never gives the same answer twice.

    Drafts come in the order of `DRAFTS`, then `transitions` with ever other `TWISTS`: a draft that differs in a number
    alone would be sent back. An improvement is the first that fits the
    parent's sources and was not given for them before, else another default of one of its hyper-parameters.
    """

    def __init__(self) -> None:
        self._drafted = 0
        self._varied = 0
        self._given: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def __call__(self, request: Mapping[str, Any]) -> str:
        """The reply to a chat request, by the marker line `Operator: ...` of its first user message."""
        prompt = next(m["content"] for m in request["messages"] if m["role"] == "user")
        operator = _OPERATOR.search(prompt)
        with self._lock:
            if operator is None:
                return "The prompt names no operator."
            if operator[1] in ("hypothesis", "crossover"):
                return self._once(operator[1])
            if operator[1] == "reflect":
                return look_back(prompt)
            if operator[1] == "repair":
                return self._repair(prompt)
            if operator[1] == "simplify":
                return self._simplify(prompt)
            return self._improve(prompt) if operator[1] == "improve" else self._draft()

    def _draft(self) -> str:
        number, self._drafted = self._drafted, self._drafted + 1
        if number < len(DRAFTS):
            return design(DRAFTS[number])
        return self._vary(_twisted(design("transitions"), number - len(DRAFTS) + 1))

    def _repair(self, prompt: str) -> str:
        mend = design("repair")
        return mend if fits(mend, sources(prompt)) else self._vary(design("transitions"))

    def _improve(self, prompt: str) -> str:
        base = sources(prompt)
        key = json.dumps(base, sort_keys=True)
        for name in IMPROVEMENTS:
            if (name, key) not in self._given and fits(design(name), base):
                self._given.add((name, key))
                return design(name)
        declared = base.get("params.json", "{}")
        return _header() + f"File: params.json\n```json\n{self._vary(declared)}\n```\n"

    def _simplify(self, prompt: str) -> str:
        """The first that fits the parent; of others nothing can be left out."""
        fitting = (reply for name in SIMPLIFICATIONS if fits(reply := design(name), sources(prompt)))
        return next(fitting, "There is nothing to leave out.")

    def _once(self, name: str) -> str:
        """The design as it stands, and with other defaults where it was given before."""
        if (name, "") in self._given:
            return self._vary(design(name))
        self._given.add((name, ""))
        return design(name)

    def _vary(self, text: str) -> str:
        """The text with one real-valued default five to ten percent smaller, by another factor each time."""
        self._varied += 1
        found = [match for match in _REAL_DEFAULT.finditer(text) if float(match[1])]
        if not found:
            return text
        chosen = found[self._varied % len(found)]
        value = float(chosen[1]) * (0.9 + 0.1 / (self._varied + 1))
        return f"{text[: chosen.start(1)]}{value:.6g}{text[chosen.end(1) :]}"


def design(name: str) -> str:
    """One reply of `designs/`."""
    return (DESIGNS / f"{name}.md").read_text(encoding="utf-8")


def sources(prompt: str) -> dict[str, str]:
    """The files that a prompt shows (path -> text)."""
    return {path: text for path, _, text in _SOURCE.findall(prompt)}


def fits(reply: str, base: Mapping[str, str]) -> bool:
    """Whether each search text of a reply stands in the files."""
    text = "\n".join(base.values())
    return all(search in text for search in _SEARCHES.findall(reply))


def _twisted(text: str, which: int) -> str:
    """The text with the twists that the bits of a number stand for."""
    for place, (old, new) in enumerate(TWISTS):
        if which >> place & 1:
            text = text.replace(old, new)
    return text


def _header() -> str:
    return (
        "hypothesis: The parent's defaults were a guess; one of them is off.\n"
        "predicted_effect: ndcg@10 +0.001 over the parent\n"
        "what_is_new: another default of one hyper-parameter\n\n"
    )
