"""Near-duplicates by code: what counts as the same, what goes back to the model, and which kinds were tried."""

from dataclasses import replace
from pathlib import Path

import pytest

from autorec.domain.candidate import Declined, Operator, Plan, Proposal
from autorec.domain.job import Limits
from autorec.llm.client import Completion
from autorec.prompting.kinds import KINDS, kinds_of
from autorec.prompting.known import NEAR, Known
from autorec.prompting.render import Templates
from autorec.prompting.replies import parse_reply
from autorec.prompting.sketch import sketch
from autorec.proposers.llm import LLMProposer
from autorec.proposers.space_code import SpaceCode
from autorec.schemas.space import load_space
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import DRAFTS, design
from autorec.testing.states import TASK, Story

ROOT = Path(__file__).parents[2]
SPACES = {role: load_space(ROOT / "search_spaces" / f"{role}.yaml") for role in ("retrieval", "ranking")}
GOOD = parse_reply(design("transitions")).sources({})
RENAMED = (
    design("transitions")
    .replace("standardise", "z_scores")
    .replace("like_all", "by_all")
    .replace("Blend", "Mixture")
    .replace("STEPS", "REACH")
    .replace('"""Mean 0 and deviation 1 for each user."""', '"""Centred and scaled."""')
    .replace("import torch\nfrom reckit import Data\n", "from reckit import Data\nimport torch  # first\n")
    .replace("centred", "middle")
    .replace("def ease(data: Data, ridge: float) -> Tensor:", "def ease(data, ridge: float):")
)
OTHER_NUMBER = design("transitions").replace('"default": 2.0', '"default": 2.5')


class Model:
    """A client that says its lines in order."""

    model = "openai/m"

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)
        self.heard: list[str] = []

    def check(self) -> None: ...

    def complete(self, messages, *, max_tokens, temperature, deadline_s):
        self.heard.append(messages[-1].content)
        return Completion(
            text=self.lines.pop(0), prompt_tokens=0, reply_tokens=0, usd=None, model="m", latency_s=0.0,
            finish_reason="stop",
        )  # fmt: skip


def rendered(role: str, **choices) -> dict[str, str]:
    space = SPACES[role]
    return SpaceCode(space, ROOT / "search_spaces").render(space.complete(choices))


def answered(*lines: str, operator: Operator = Operator.DRAFT, value: float | None = 0.12) -> tuple[Model, object, str]:
    """The answer of a model in a run that knows the design `transitions` as #0."""
    objects, model = MemoryObjects(), Model(*lines)
    story = Story(objects)
    known = story.tell(GOOD, value=value)
    proposer = LLMProposer(
        clients={model.model: model}, templates=Templates(ROOT / "prompts"), objects=objects, limits=Limits()
    )
    parents = () if operator is Operator.DRAFT else (known.id,)
    plan = Plan(proposer="llm", operator=operator, seed=0, parents=parents, model=model.model)
    return model, proposer.propose(plan, story.state()), known.id


def test_names_comments_and_the_order_of_imports_make_no_other_candidate():
    files = parse_reply(RENAMED).sources({})
    assert files != GOOD
    assert sketch(files).digest == sketch(GOOD).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"default": 2.0', '"default": 2.5'),
        ("STEPS = 5", "STEPS = 4"),
        ("decay ** (step - 1)", "decay ** (step + 1)"),
        ("return dense /", "return dense *"),
        ("standardise(like_all) + ", "standardise(like_last) + "),
        ("(before, after)", "(after, before)"),
        (".clamp_min(1)", ".clamp_max(1)"),
        ('"step_decay"', '"step_damping"'),
    ],
)
def test_a_number_a_term_or_another_variable_makes_another(old, new):
    files = parse_reply(design("transitions").replace(old, new)).sources({})
    assert files != GOOD
    assert sketch(files).digest != sketch(GOOD).digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x):\n    relu = F.relu(x)\n    return relu", "def f(x):\n    gelu = F.gelu(x)\n    return gelu"),
        (
            "def f(data):\n    times = data.times\n    return times",
            "def f(data):\n    values = data.values\n    return values",
        ),
        ("def f(self, h):\n    self.mean = h.mean(1)", "def f(self, h):\n    self.median = h.median(1)"),
        (
            "from torch import relu\nclass A:\n    def relu(self, x):\n        return relu(x)",
            "from torch import tanh\nclass A:\n    def tanh(self, x):\n        return tanh(x)",
        ),
    ],
)
def test_what_is_called_as_what_the_library_gives_is_no_other_name_for_something_else(one, other):
    assert sketch({"model.py": one}).digest != sketch({"model.py": other}).digest
    assert sketch({"model.py": one}).likeness(sketch({"model.py": other})) < 1


def test_an_attribute_of_self_and_a_method_may_be_called_otherwise():
    code = "class A:\n  def __init__(self):\n    self.w = 1\n  def g(self):\n    return self.w\n  def f(self): self.g()"
    other = code.replace("w", "v").replace("g(", "h(")
    assert sketch({"model.py": code}).digest == sketch({"model.py": other}).digest


def test_what_comes_from_a_file_of_the_candidate_may_be_called_otherwise():
    files = {"model.py": "from layers import Encoder\nbuild = Encoder", "layers.py": "class Encoder: ..."}
    other = {path: text.replace("Encoder", "Reader") for path, text in files.items()}
    assert sketch(files).digest == sketch(other).digest


def test_a_number_is_as_alike_as_can_be_and_a_term_is_not():
    mine = sketch(GOOD)
    assert mine.likeness(sketch(parse_reply(OTHER_NUMBER).sources({}))) == 1.0
    for name, base in (("improve_both_ways", "transitions"), ("improve_last_item", "attention"), ("repair", "broken")):
        files = parse_reply(design(base)).sources({})
        assert sketch(parse_reply(design(name)).sources(files)).likeness(sketch(files)) < NEAR
    drafts = [sketch(parse_reply(design(name)).sources({})) for name in (*DRAFTS, "hypothesis")]
    assert max(a.likeness(b) for a in drafts for b in drafts if a is not b) < 0.5


@pytest.mark.parametrize("role", SPACES)
def test_families_and_structural_choices_are_told_apart(role):
    space = SPACES[role]
    named = {name: space.named(name) for name in space.designs}
    options = {n: p for n, p in space.structure.items() if n != "family"}
    for family in space.families:
        whole = space.complete({"family": family})
        named[family] = whole
        for name, parameter in options.items():
            for choice in getattr(parameter, "choices", None) or (True, False):
                if name in whole:
                    named[f"{family} {name}={choice}"] = space.complete({"family": family, name: choice})
    code = SpaceCode(space, ROOT / "search_spaces")
    structure = {k: tuple((n, v) for n, v in d.items() if n in space.structure) for k, d in named.items()}
    sketches = {structure[key]: sketch(code.render(whole)) for key, whole in named.items()}
    pairs = [(a, b) for i, a in enumerate(sketches) for b in list(sketches)[i + 1 :]]
    assert len(pairs) > 50
    worst = max(pairs, key=lambda pair: sketches[pair[0]].likeness(sketches[pair[1]]))
    assert sketches[worst[0]].likeness(sketches[worst[1]]) < NEAR, worst


def test_a_draft_that_repeats_a_design_goes_back_and_is_then_recorded_as_its_twin():
    model, declined, known = answered(OTHER_NUMBER, OTHER_NUMBER)
    assert "nearly the same code but for numbers and names (similarity 1.00) as #0" in model.heard[1]
    assert "which scored ndcg@10 0.1200; change an idea, not a constant" in model.heard[1]
    assert isinstance(declined, Declined)
    assert declined.duplicate_of == known
    assert len(declined.exchanges) == 2


def test_a_draft_that_is_put_right_is_taken():
    _, proposal, _ = answered(OTHER_NUMBER, design("attention"))
    assert isinstance(proposal, Proposal)


def test_an_edit_of_one_number_or_one_term_is_taken():
    for name in ("improve_half_life", "improve_both_ways"):
        _, proposal, _ = answered(design(name), operator=Operator.IMPROVE)
        assert isinstance(proposal, Proposal), proposal


def test_an_edit_of_names_alone_is_refused():
    model, declined, known = answered(RENAMED, RENAMED, operator=Operator.IMPROVE, value=None)
    assert "the same code but for names" in model.heard[1]
    assert isinstance(declined, Declined)
    assert declined.duplicate_of == known


@pytest.mark.parametrize(
    ("choices", "kinds"),
    [
        ({"family": "sequence", "encoder": "attention"}, {"attention", "full softmax loss"}),
        ({"family": "sequence", "encoder": "gru", "loss": "bpr"}, {"recurrence", "pairwise loss (BPR)"}),
        ({"family": "sequence", "encoder": "fmlp", "loss": "gbce"}, {"convolution or filters", "pointwise loss"}),
        ({"family": "graph", "loss": "sampled_softmax"}, {"graph propagation", "sampled softmax loss"}),
        ({"family": "linear", "solver": "ease"}, {"linear item to item", "closed form"}),
        ({"family": "itemknn"}, {"nearest neighbours", "counting"}),
        ({"family": "factorization", "features": True}, {"factorization", "content features"}),
        ({"family": "two_tower"}, {"two towers", "sampled softmax loss"}),
        ({"family": "blend"}, {"blend of scorers", "linear item to item", "attention"}),
    ],
)
def test_kinds_of_retrieval_are_read_off_the_code(choices, kinds):
    found = set(kinds_of(rendered("retrieval", **choices), "retrieval"))
    assert kinds <= found
    families = {"graph propagation", "two towers", "factorization", "linear item to item", "nearest neighbours"}
    assert not (found & families) - kinds


@pytest.mark.parametrize(
    ("choices", "kinds"),
    [
        ({"family": "fm"}, {"products of two fields", "numbers as logarithms"}),
        ({"family": "cross"}, {"cross layers", "deep part"}),
        ({"family": "attention"}, {"attention over fields"}),
        ({"family": "deep", "pairwise": False, "numbers": "bins"}, {"deep part", "numbers in bins"}),
    ],
)
def test_kinds_of_ranking_are_read_off_the_code(choices, kinds):
    found = set(kinds_of(rendered("ranking", **choices), "ranking"))
    assert kinds | {"log loss"} <= found
    assert not found & ({"products of two fields", "cross layers", "attention over fields"} - kinds)


@pytest.mark.parametrize(
    "text",
    [
        "x = 0x" + "f" * 9000,
        "def broken(:",
        "",
        "(" * 500 + ")" * 500,
        "s = '\ud800'",
        "x = -1j\nmatch x:\n  case None: 1\n",
    ],
)
def test_any_text_can_be_looked_at(text):
    files = {"model.py": text, "params.json": "[" * 5000, "notes.txt": text}
    assert sketch(files).likeness(sketch(files)) == 1.0
    assert isinstance(kinds_of(files, "retrieval"), tuple)


def test_what_is_only_said_is_no_kind():
    files = {"model.py": '"""Attention over a graph."""\n# recurrence: GRU\nx = 1\n', "train.py": "y = 'transformer'\n"}
    assert kinds_of(files, "retrieval") == ("counting",)
    assert kinds_of({"model.py": "def broken(:"}, "retrieval") == ("counting",)
    assert kinds_of(GOOD, "a role to come") == ()


def test_drafts_are_told_which_kinds_were_tried_and_which_were_not():
    objects = MemoryObjects()
    story = Story(objects)
    read: list[str] = []

    def sources(candidate: str) -> dict[str, str]:
        read.append(candidate)
        return parse_reply(design(designs[candidate])).sources({})

    designs = {
        story.tell(parse_reply(design(n)).sources({}), value=v).id: n
        for n, v in (("transitions", 0.12), ("attention", 0.1))
    }
    known = Known(sources)
    for _ in range(2):
        kinds = known.kinds(story.state())
    assert len(read) == 2
    tried = {row["kind"]: (row["count"], row["best"]) for row in kinds["tried"]}
    assert tried["attention"] == (1, 0.1)
    assert tried["closed form"] == (1, 0.12)
    assert "graph propagation" in kinds["untried"]
    assert [row["best"] for row in kinds["tried"]] == sorted((row["best"] for row in kinds["tried"]), reverse=True)
    assert set(tried) | set(kinds["untried"]) == set(KINDS["retrieval"])
    bare = replace(TASK, statistics={**TASK.statistics, "item_features": 0.0, "user_features": 0.0})
    assert "content features" in kinds["untried"]
    assert "content features" not in known.kinds(replace(story.state(), task=bare))["untried"]
    assert Known(sources).kinds(Story(objects).state()) == {}
