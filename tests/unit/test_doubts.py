"""What a person who tells a run a hypothesis hears of what stands in its way."""

from pathlib import Path

from autorec.domain import events as ev
from autorec.domain.candidate import Operator, Plan
from autorec.domain.hypothesis import Hypothesis
from autorec.wiring import hypothesize
from tests.unit.report_runs import Told


def test_a_model_that_is_out_is_a_doubt(tmp_path: Path) -> None:
    told = Told(tmp_path / "run", llm="openai/x")
    plan = Plan(proposer="llm", operator=Operator.DRAFT, seed=1)
    told.record(ev.Asked(number=0, plan=plan, seen=1))
    told.record(ev.Rejected(ask=0, reason="no such key", lasting=True))
    path = told.close()
    assert hypothesize(path, Hypothesis(sentence="a")).doubts == ("llm is out until the run is resumed: no such key",)
    assert hypothesize(path, Hypothesis(sentence="b", predicted_effect="ndcg@10 +0.01")).doubts
