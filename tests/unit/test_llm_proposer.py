"""The proposer against a scripted server: prompts, replies, the repair round, and what is recorded."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from autorec.domain.candidate import Candidate, Declined, Operator, Plan, Proposal
from autorec.domain.errors import UsageError
from autorec.domain.events import Bill
from autorec.domain.job import Limits, OutcomeKind
from autorec.llm.open import open_client
from autorec.llm.retries import Retries
from autorec.prompting.admission import breaches
from autorec.prompting.render import Templates
from autorec.prompting.replies import parse_reply
from autorec.proposers.llm import LLMProposer
from autorec.testing.llm_server import Entry, Fault, Said, ScriptedServer
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import IMPROVEMENTS, ScriptedDesigner, design
from autorec.testing.states import Story

PROMPTS = Path(__file__).parents[2] / "prompts"
GOOD = parse_reply(design("transitions")).sources({})


class Desk:
    """A proposer whose model is a script."""

    def __init__(self, script, hypotheses=(), **options) -> None:
        self.server = ScriptedServer(script)
        self.objects = MemoryObjects()
        self.story = Story(self.objects, hypotheses=hypotheses)
        retries = Retries(attempts=2, first_s=0.01)
        self.proposer = LLMProposer(
            clients={"openai/m": open_client("openai/m", api_base=self.server.base, retries=retries)},
            templates=Templates(PROMPTS),
            objects=self.objects,
            limits=Limits(),
            **options,
        )

    def propose(self, survivors=(), seed: int = 0) -> tuple[Plan, Proposal | Declined]:
        state = self.story.state(survivors)
        plan = self.proposer.plan(state, seed)
        return plan, self.proposer.propose(plan, state)

    @property
    def prompts(self) -> list[str]:
        return [request["messages"][-1]["content"] for request in self.server.requests]


@pytest.fixture
def desk():
    opened = []

    def make(*script: Entry, **options) -> Desk:
        only = script[0] if len(script) == 1 and callable(script[0]) else list(script)
        made = Desk(only, **options)
        made.server.__enter__()
        opened.append(made)
        return made

    yield make
    for made in opened:
        made.server.__exit__(None, None, None)


def test_a_draft_becomes_a_proposal(desk):
    d = desk(design("transitions"))
    _, proposal = d.propose()
    assert isinstance(proposal, Proposal)
    assert proposal.files == GOOD
    assert proposal.hypothesis.startswith("What followed the newest items")
    assert proposal.predicted_effect == "ndcg@10 +0.01 over ease_recency"
    (exchange,) = proposal.exchanges
    assert exchange.reply == design("transitions")
    assert "Operator: draft" in exchange.prompt
    assert exchange.prompt_tokens > 1000
    assert exchange.usd is None


def test_a_broken_reply_goes_back_once_with_the_exact_fault(desk):
    d = desk("Sorry, I can not.", design("transitions"))
    _, proposal = d.propose()
    assert isinstance(proposal, Proposal)
    assert len(proposal.exchanges) == 2
    assert "the header before the first file must have the lines" in d.prompts[1]
    assert [m["role"] for m in d.server.requests[1]["messages"]] == ["system", "user", "assistant", "user"]


def test_a_breach_of_the_contract_goes_back_too(desk):
    d = desk(design("transitions").replace("def fit(", "def train("), design("transitions"))
    _, proposal = d.propose()
    assert isinstance(proposal, Proposal)
    assert "train.py: must define fit(recommender, data, params, run)" in d.prompts[1]


def test_two_broken_replies_are_declined_with_the_fault(desk):
    d = desk("no", "nor this")
    _, declined = d.propose()
    assert isinstance(declined, Declined)
    assert declined.reason.startswith("no usable reply in 2 rounds: the header")
    assert len(declined.exchanges) == 2


def test_a_cut_reply_is_asked_to_be_shorter(desk):
    d = desk(Said(text=design("transitions")[:500], finish="length"), design("transitions"))
    _, proposal = d.propose()
    assert isinstance(proposal, Proposal)
    assert "It was cut at the length limit" in d.prompts[1]


def test_an_improvement_edits_the_parent(desk):
    d = desk(design("improve_both_ways"))
    parent = d.story.tell(GOOD, value=0.12)
    plan, proposal = d.propose([parent])
    assert plan.operator is Operator.IMPROVE
    assert proposal.files["model.py"] == GOOD["model.py"]
    assert "dense + backward * dense.T" in proposal.files["train.py"]
    assert GOOD["model.py"].rstrip() in d.prompts[0]


def test_an_improvement_that_changes_nothing_is_sent_back(desk):
    d = desk(design("transitions"), design("improve_both_ways"))
    _, proposal = d.propose([d.story.tell(GOOD, value=0.12)])
    assert isinstance(proposal, Proposal)
    assert "the reply changes nothing" in d.prompts[1]


def test_a_repair_shows_reason_and_log_and_mends(desk):
    d = desk(design("repair"))
    broken = parse_reply(design("broken")).sources({})
    d.story.tell(
        broken, outcome=OutcomeKind.MALFORMED, reason="scores have shape [256, 1683]", log="line\n" * 999 + "end"
    )
    plan, proposal = d.propose()
    assert plan.operator is Operator.REPAIR
    assert "It ended as malformed: scores have shape [256, 1683]" in d.prompts[0]
    assert "\nend\n" in d.prompts[0]
    assert d.prompts[0].count("\nline") < 100
    assert "weight[:-1].T" in proposal.files["model.py"]


def test_a_persons_hypothesis_is_in_the_prompt_and_stays_as_it_was_put(desk):
    d = desk(design("hypothesis"), hypotheses=("Two half-lives beat one.",))
    plan, proposal = d.propose()
    assert plan.hypothesis == proposal.hypothesis == "Two half-lives beat one."
    assert "Hypothesis to test: Two half-lives beat one." in d.prompts[0]


def test_prompts_are_rounded_name_no_data_and_do_not_grow(desk):
    lengths = []
    for many in (20, 400):
        d = desk(design("transitions"))
        for i in range(many):
            failed = i % 2
            d.story.tell(
                {"model.py": f"{i:04}", "train.py": ""},
                value=None if failed else 0.123456789,
                outcome=OutcomeKind.CRASHED if failed else OutcomeKind.COMPLETED,
                operator=Operator.POLICY,
                proposer="policy",
                hypothesis="a tried idea",
            )
        d.propose()
        lengths.append(len(d.prompts[0]))
        assert "ndcg@10 0.1235" in d.prompts[0]
        assert "0.12345" not in d.prompts[0]
        assert "secret-name" not in json.dumps(d.server.requests)
    assert abs(lengths[1] - lengths[0]) < 100


def test_a_call_without_an_answer_is_one_lost_ask(desk):
    _, declined = desk(Fault(status=500)).propose()
    assert isinstance(declined, Declined)
    assert not declined.lasting
    assert "gave no usable answer in 2 tries" in declined.reason


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=401), "Set OPENAI_API_KEY to a key that may use this model."),
        (Fault(status=403), "Set OPENAI_API_KEY to a key that may use this model."),
        (Fault(status=402), "Top up the account of OPENAI_API_KEY"),
        (Fault(status=429, code="insufficient_quota"), "Top up the account of OPENAI_API_KEY"),
        (Fault(status=404), "Check the model's name (--llm provider/model) and --api-base"),
    ],
)
def test_a_model_that_cannot_be_used_declines_lastingly_and_says_what_to_set(desk, fault, said):
    _, declined = desk(fault).propose()
    assert isinstance(declined, Declined)
    assert declined.lasting
    assert said in declined.reason


def test_one_refused_request_is_one_lost_ask_and_three_in_a_row_are_lasting(desk):
    d = desk(Fault(status=400, message="this model has no room for 16000 tokens"))
    declined = [d.propose()[1] for _ in range(3)]
    assert [answer.lasting for answer in declined] == [False, False, True]
    assert all("no room for 16000 tokens" in answer.reason for answer in declined)
    assert "llm_max_tokens" in declined[0].reason
    assert declined[2].reason.startswith("3 requests in a row: ")


def test_an_empty_answer_goes_back_once_and_is_paid_for(desk):
    d = desk(Said(text="", finish="content_filter", cost=0.25), Said(text=design("transitions"), cost=0.5))
    _, proposal = d.propose()
    assert isinstance(proposal, Proposal)
    assert [exchange.usd for exchange in proposal.exchanges] == [0.25, 0.5]
    assert all(exchange.prompt_tokens > 1000 for exchange in proposal.exchanges)
    assert "the reply is empty (finish reason: content_filter)" in d.prompts[1]


def test_the_length_of_a_reply_is_bounded_as_configured(desk):
    d = desk(design("transitions"), max_tokens=777)
    d.propose()
    assert d.server.requests[0]["max_tokens"] == 777


def test_a_paid_exchange_is_kept_when_the_next_call_fails(desk):
    _, declined = desk("unusable", Fault(status=500)).propose()
    assert isinstance(declined, Declined)
    assert len(declined.exchanges) == 1


def test_nothing_is_planned_once_the_money_is_spent(desk):
    d = desk("", max_usd=1.0)
    state = replace(d.story.state(), spent=Bill(usd=1.0))
    assert d.proposer.plan(state, 0) is None


@pytest.mark.parametrize("role", ["retrieval", "ranking"])
def test_the_example_in_the_prompts_is_a_reply_that_would_be_admitted(role):
    example = (PROMPTS / "partials" / role / "example.j2").read_text()
    assert breaches(parse_reply(example).sources({})) == []


def test_the_designer_answers_every_operator_and_never_the_same_twice(desk):
    d = desk(ScriptedDesigner())
    seen = set()
    for _ in range(8):
        _, proposal = d.propose()
        seen.add(Candidate.of(proposal.files).id)
    assert len(seen) == 8
    parents = [d.story.tell(parse_reply(design(name)).sources({}), value=0.1) for name in ("transitions", "hypothesis")]
    answers = [d.propose(parents, seed=seed) for seed in range(60)]
    dense = parents[1].id  # nothing can be left out of it, and so it is said
    assert all(
        isinstance(made, Declined) is (plan.operator is Operator.SIMPLIFY and plan.parents == (dense,))
        for plan, made in answers
    ), answers
    assert {plan.operator for plan, _ in answers} == {
        Operator.DRAFT, Operator.IMPROVE, Operator.CROSSOVER, Operator.SIMPLIFY,
    }  # fmt: skip
    improved = [Candidate.of(made.files).id for plan, made in answers if plan.operator is Operator.IMPROVE]
    assert len(set(improved)) == len(improved) > 10


def asked(d: Desk, operator: Operator, *parents: str) -> Proposal | Declined:
    plan = Plan(proposer="llm", operator=operator, seed=0, parents=parents, model="openai/m")
    return d.proposer.propose(plan, d.story.state())


def test_two_candidates_are_shown_to_be_crossed_and_edits_are_to_the_first(desk):
    d = desk(design("improve_half_life"))
    first, second = (d.story.tell(parse_reply(design(n)).sources({}), value=0.1) for n in ("transitions", "attention"))
    proposal = asked(d, Operator.CROSSOVER, first.id, second.id)
    assert isinstance(proposal, Proposal), proposal
    assert d.prompts[0].count("File: model.py\n") == 2
    assert f"# The second candidate: #{second.number}" in d.prompts[0]
    assert proposal.files["model.py"] == GOOD["model.py"]


def test_what_is_no_simpler_is_sent_back_and_what_is_shorter_is_taken(desk):
    d = desk(design("improve_half_life"), design("simplify_steps"))
    parent = d.story.tell(GOOD, value=0.1)
    proposal = asked(d, Operator.SIMPLIFY, parent.id)
    assert isinstance(proposal, Proposal), proposal
    assert "lines of code and had" in d.prompts[1]
    assert "STEPS" not in proposal.files["train.py"]
    assert breaches(proposal.files) == []


def test_to_leave_out_comments_and_docstrings_is_not_simpler(desk):
    bare = (
        design("transitions")
        .replace('    """Mean 0 and deviation 1 for each user."""\n', "")
        .replace("  # [b, n_items]", "")
    )
    d = desk(bare, bare)
    parent = d.story.tell(GOOD, value=0.1)
    declined = asked(d, Operator.SIMPLIFY, parent.id)
    assert isinstance(declined, Declined)
    assert "comments, docstrings, blank lines and line breaks do not count" in declined.reason


@pytest.mark.parametrize(
    ("name", "base"),
    [("improve_half_life", "transitions"), ("improve_both_ways", "transitions"), ("improve_last_item", "attention")],
)
def test_scripted_improvements_fit_their_parents(name, base):
    assert name in IMPROVEMENTS
    files = parse_reply(design(base)).sources({})
    assert breaches(parse_reply(design(name)).sources(files)) == []


def test_the_bias_fits_the_repaired_draft():
    files = parse_reply(design("broken")).sources({})
    for name in ("repair", "improve_bias"):
        files = parse_reply(design(name)).sources(files)
    assert breaches(files) == []


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("\n{{ nowhere }}", "draft.j2:2: 'nowhere' is undefined"),
        ("{% if %}", "draft.j2:1: "),
        ('{% include "missing.j2" %}', "no template missing.j2"),
        (None, "no template draft.j2"),
    ],
)
def test_a_template_that_does_not_render_is_named(tmp_path, template, said):
    if template is not None:
        (tmp_path / "draft.j2").write_text(template)
    with pytest.raises(UsageError, match=said):
        Templates(tmp_path).render("draft", {})
