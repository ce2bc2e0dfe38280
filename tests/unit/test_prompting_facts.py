"""What prompts tell of failures: the cause first, and none that a repair has made good."""

from autorec.domain.candidate import Operator
from autorec.domain.job import Limits, OutcomeKind
from autorec.prompting.facts import IDEA_CHARACTERS, failure, idea, run_facts
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story

TRACEBACK = (
    "Traceback (frames of the candidate only):\n"
    '  File "train.py", line 62, in fit\n    weigh(recommender)\n'
    '  File "train.py", line 46, in weigh\n    loss = F.cross_entropy(logits, targets)\n           ^^^^^^^^^^\n'
    "RuntimeError: expected target dtype to be Long"
)


def test_of_a_traceback_the_cause_comes_first():
    story = Story(MemoryObjects())
    crashed = story.tell({"a.py": "0"}, outcome=OutcomeKind.CRASHED, reason=TRACEBACK)
    told = 'RuntimeError: expected target dtype to be Long (File "train.py", line 46, in weigh)'
    assert failure(crashed)["reason"] == told
    plain = story.tell({"a.py": "1"}, outcome=OutcomeKind.MALFORMED, reason="scores have shape [3]\nexpected [4]")
    assert failure(plain)["reason"] == "scores have shape [3] expected [4]"


def test_what_was_made_good_is_no_failure_any_more():
    story = Story(MemoryObjects())
    first = story.tell({"a.py": "0"}, outcome=OutcomeKind.CRASHED)
    second = story.tell({"a.py": "1"}, outcome=OutcomeKind.CRASHED, operator=Operator.REPAIR, parents=(first.id,))
    told = [row["number"] for row in run_facts(story.state(), Limits())["failures"]]
    assert told == [first.number, second.number]
    story.tell({"a.py": "2"}, value=0.1, operator=Operator.REPAIR, parents=(second.id,))
    lost = story.tell({"a.py": "3"}, outcome=OutcomeKind.CRASHED)
    assert [row["number"] for row in run_facts(story.state(), Limits())["failures"]] == [lost.number]


def test_a_long_idea_ends_with_a_whole_word():
    told = idea(Story(MemoryObjects()).tell({"a.py": "0"}, value=0.1, hypothesis="recurrence " * 40))
    assert told.endswith("recurrence ...")
    assert len(told) <= IDEA_CHARACTERS + 4
