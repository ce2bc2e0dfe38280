"""A mailbox as a model: the contract of a client, and the files that people see and write."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autorec.domain.errors import ModelError, UsageError
from autorec.llm.client import BudgetSpent, Message, NoAnswer
from autorec.llm.ledger import Ledger, MeteredClient
from autorec.llm.letters import REPLY_BYTES, Letter, answer, letters
from autorec.llm.mailbox import MailboxClient
from autorec.llm.open import open_client
from autorec.llm.prices import Price
from tests.contract.model_calls import ask


@pytest.fixture
def box(tmp_path) -> Path:
    return tmp_path / "box"


def client(box: Path, **more) -> MailboxClient:
    opened = MailboxClient(model="mailbox:box", folder=box, look_s=0.01, **more)
    opened.check()
    return opened


@contextmanager
def asking(box: Path, opened: MailboxClient, **options) -> Iterator[list]:
    """A call in a thread of its own; the list holds what it ended with once the block is left."""
    ended: list = []

    def call() -> None:
        try:
            ended.append(ask(opened, **options))
        except ModelError as error:
            ended.append(error)

    before = len(letters(box))
    thread = threading.Thread(target=call)
    thread.start()
    while thread.is_alive() and len(letters(box)) == before:
        thread.join(0.01)
    yield ended
    thread.join(20)
    assert not thread.is_alive()


def only(box: Path) -> Letter:
    (letter,) = letters(box)
    return letter


def test_a_request_is_a_file_and_its_reply_another(box):
    with asking(box, client(box)) as ended:
        letter = only(box)
        text = letter.path.read_text()
        assert (letter.number, letter.awaited, letter.reply) == (1, True, None)
        assert "[user]\n\nhello there" in text
        assert "at most 100 tokens, temperature 0.5" in text
        assert letter.reply_path.name in text
        answer(letter, b"hi\r\nyou")
    said = ended[0]
    assert (said.text, said.model, said.finish_reason, said.usd) == ("hi\nyou", "mailbox:box", "stop", None)
    assert (said.prompt_tokens, said.reply_tokens) == (3, 2)
    assert any("tokens estimated" in note for note in said.notes)
    assert not only(box).awaited


def test_the_deadline_holds_and_a_late_reply_is_found_by_the_same_request(box):
    opened = client(box)
    with pytest.raises(NoAnswer, match="letter 1: no reply came in time") as caught:
        ask(opened, deadline_s=0.05)
    assert "autorec mailbox" in caught.value.fix
    assert str(box) not in f"{caught.value} {caught.value.fix}"  # a run records it, and a recording goes to strangers
    answer(only(box), b"late")
    assert ask(opened, deadline_s=5).text == "late"
    assert ask(client(box), deadline_s=5).text == "late"  # another process, another day
    assert len(letters(box)) == 1


def test_equal_requests_side_by_side_are_letters_of_their_own(box):
    opened = client(box)
    with asking(box, opened) as first, asking(box, opened) as second:
        one, two = letters(box)
        answer(two, b"second")
        answer(one, b"first")
    assert [first[0].text, second[0].text] == ["first", "second"]
    with asking(box, opened):  # what was read is not the answer to the next call
        assert len(letters(box)) == 3
        answer(letters(box)[2], b"third")


def test_other_requests_are_other_letters(box):
    opened = client(box)
    for options in ({}, {"max_tokens": 7}, {"temperature": 0.1}):
        with pytest.raises(NoAnswer):
            ask(opened, deadline_s=0.02, **options)
    assert [letter.number for letter in letters(box)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"caf\xe9", r"is not UTF-8 text \(byte 3\)"),
        (b"x" * (REPLY_BYTES + 1), "has more than 1,048,576 bytes"),
    ],
    ids=["empty", "blank", "latin-1", "huge"],
)
def test_a_reply_that_cannot_be_used_is_waited_out_and_told(box, content, said):
    opened = client(box)
    with pytest.raises(NoAnswer):
        ask(opened, deadline_s=0.02)
    letter = only(box)
    with pytest.raises(UsageError, match=said) as refused:
        answer(letter, content)
    assert refused.value.fix
    assert letter.reply is None
    letter.reply_path.write_bytes(content)  # an editor asks nobody
    with pytest.raises(NoAnswer, match=f"letter 1: the reply {said}"):
        ask(opened, deadline_s=0.1)
    letter.reply_path.write_text("mended")
    assert ask(opened, deadline_s=5).text == "mended"


def test_a_reply_is_never_written_over_and_nothing_half_written_is_left(box):
    opened = client(box)
    with pytest.raises(NoAnswer):
        ask(opened, deadline_s=0.02)
    answer(only(box), b"first")
    with pytest.raises(UsageError, match="letter 1 has a reply already"):
        answer(only(box), b"second")
    assert only(box).reply.text == "first"
    assert sorted(path.suffix for path in box.iterdir()) == [".md", ".md"]


def test_a_link_is_no_reply(box, tmp_path):
    (tmp_path / "secret").write_text("secret")
    opened = client(box)
    with pytest.raises(NoAnswer):
        ask(opened, deadline_s=0.02)
    only(box).reply_path.symlink_to(tmp_path / "secret")
    with pytest.raises(NoAnswer, match="it must be a file of its own"):
        ask(opened, deadline_s=0.05)


def test_a_pipe_and_a_folder_are_no_replies(box):
    opened = client(box)
    with pytest.raises(NoAnswer):
        ask(opened, deadline_s=0.02)
    path = only(box).reply_path
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)  # a pipe that somebody holds open, and has written nothing into
    with pytest.raises(NoAnswer, match="it must be a file of its own"):
        ask(opened, deadline_s=0.05)
    os.close(writer)
    path.unlink()
    path.mkdir()
    with pytest.raises(NoAnswer, match="it must be a file of its own"):
        ask(opened, deadline_s=0.05)


def test_a_folder_that_is_none_is_told_before_the_search_begins(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="is no folder to use"):
        MailboxClient(model="mailbox:file", folder=tmp_path / "file").check()


def test_it_is_opened_by_its_name_and_costs_what_the_user_says(box):
    price = Price(input=1_000_000, output=2_000_000)
    opened = open_client(f"mailbox:{box}", prices={"mailbox:box": price}, ledger=Ledger(max_usd=5))
    assert opened.model == "mailbox:box"
    opened.check()
    post_and_answer(box, opened)
    assert ask(opened).usd == 3 * 1 + 2 * 2
    with pytest.raises(BudgetSpent):
        ask(opened)
    with pytest.raises(ModelError, match="nobody knows that of mailbox:box"):
        open_client(f"mailbox:{box}", ledger=Ledger(max_usd=5))
    with pytest.raises(ModelError, match="mailbox:DIR"):
        open_client("mailbox:")


def post_and_answer(box: Path, opened: object) -> None:
    """The reply lies there before it is asked for."""
    with pytest.raises(NoAnswer):
        ask(client(box), deadline_s=0.02)
    answer(only(box), b"hi you")


def test_an_unpriced_mailbox_counts_tokens_and_no_dollars(box):
    metered = MeteredClient(client=client(box), ledger=Ledger(max_usd=1))
    post_and_answer(box, metered)
    assert ask(metered).usd is None


def test_a_whole_conversation_is_in_the_letter(box):
    turns = [Message(role=role, content=f"I am {role}") for role in ("system", "user", "assistant", "user")]
    with pytest.raises(NoAnswer):
        client(box).complete(turns, max_tokens=1, temperature=0, deadline_s=0.02)
    text = only(box).path.read_text()
    assert [text.count(f"[{role}]") for role in ("system", "user", "assistant")] == [1, 2, 1]
