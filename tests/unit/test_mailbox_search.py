"""A search whose model is a mailbox goes on while nobody answers, and takes the reply when it comes."""

from autorec.assets import assets
from autorec.domain.events import RunStarted
from autorec.domain.job import Limits
from autorec.execution.crew import ThreadCrew
from autorec.journal import Journal
from autorec.llm.letters import answer, letters
from autorec.llm.mailbox import MailboxClient
from autorec.prompting.render import Templates
from autorec.proposers.llm import LLMProposer
from autorec.proposers.rotation import Rotation
from autorec.search import Pace, Search
from autorec.testing.loop import BestFirst, InstantTrainer, MemoryEvents, NumberProposer, ScriptedInbox
from autorec.testing.memory import MemoryObjects
from autorec.testing.replies import design
from autorec.testing.states import TASK


def test_others_write_while_a_letter_waits_and_the_reply_becomes_a_candidate(tmp_path):
    client = MailboxClient(model="mailbox:box", folder=tmp_path / "box", look_s=0.01)
    client.check()
    answered_at: list[int] = []

    def write(event, state):
        """A person who answers the first letter some time after eight candidates of the policy are decided."""
        if len(state.decided) >= 8 and not answered_at and (waiting := letters(client.folder)):
            answered_at.append(state.seq)
            answer(waiting[0], design("transitions").encode())

    journal, objects = Journal(MemoryEvents(), (write,)), MemoryObjects()
    journal.record(RunStarted(task=TASK, seed=1, version="test", config={}))
    llm = LLMProposer(
        clients={client.model: client},
        templates=Templates(assets("prompts")),
        objects=objects,
        limits=Limits(),
        deadline_s=30,
    )

    def answered() -> bool:
        return any(record.exchanges for record in journal.state.candidates)

    Search(
        journal=journal,
        inbox=ScriptedInbox(),
        proposer=Rotation(first={}, then={"llm": llm, "policy": NumberProposer(name="policy")}, at_once=1),
        train=InstantTrainer(objects.put).train,
        selector=BestFirst(2),
        objects=objects,
        crew=ThreadCrew(),
        pace=Pace(workers=1, population=4, out_of_time=answered, too_late=answered),
    ).run()
    written = next(record for record in journal.state.candidates if record.exchanges)
    assert (written.model, written.asked) == ("mailbox:box", 0)
    assert len(journal.state.decided) >= 8
