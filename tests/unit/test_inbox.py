"""The inbox: durable, in order, each letter once, whoever writes and whoever dies."""

import signal
import sqlite3
import stat
import subprocess
import sys

import pytest

from autorec.domain.commands import Approve, Ban, Hypothesize, Pause, Pin, Resume, Stop, Unreadable
from autorec.domain.errors import StoreError, UsageError
from autorec.domain.hypothesis import Hypothesis
from autorec.schemas.commands import encode, read_hypothesis, read_why
from autorec.store.folder import RunFolder
from autorec.store.inbox import InboxTable

WRITER = """
import sys
from pathlib import Path
from autorec.domain.commands import Hypothesize
from autorec.domain.hypothesis import Hypothesis
from autorec.store.inbox import InboxTable
inbox = InboxTable(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    inbox.tell(Hypothesize(hypothesis=Hypothesis(sentence=f"{sys.argv[2]} {number}")))
    print(number, flush=True)
"""


def told(sentence: str) -> Hypothesize:
    return Hypothesize(hypothesis=Hypothesis(sentence=sentence))


def writer(path, name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_what_one_tells_another_reads_in_order(tmp_path):
    path = tmp_path / "inbox.db"
    reader = InboxTable.create(path)
    assert reader.after(0) == ()
    teller = InboxTable(path)
    assert [teller.tell(c) for c in (told("a"), Stop(), told("b"))] == [1, 2, 3]
    assert [(letter.number, letter.command) for letter in reader.after(0)] == [
        (1, told("a")),
        (2, Stop()),
        (3, told("b")),
    ]
    assert [letter.number for letter in reader.after(2)] == [3]
    assert reader.after(3) == ()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_command_is_read_as_it_was_told(tmp_path):
    inbox = InboxTable.create(tmp_path / "inbox.db")
    one = {"candidate": "a" * 64}
    commands = (told("a"), Stop(), Pause(), Resume(), Approve(**one), Pin(**one), Ban(**one), Ban(**one, why="so"))
    for command in commands:
        inbox.tell(command)
    assert tuple(letter.command for letter in inbox.after(0)) == commands


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    path = tmp_path / "inbox.db"
    reader, seen = InboxTable.create(path), []
    writers = [writer(path, name, 20) for name in "abc"]
    while any(w.poll() is None for w in writers) or reader.after(len(seen)):
        seen += reader.after(len(seen))
    assert [w.wait() for w in writers] == [0, 0, 0]
    assert [letter.number for letter in seen] == list(range(1, 61))
    for name in "abc":
        own = [s for letter in seen if (s := letter.command.hypothesis.sentence).startswith(name)]
        assert own == [f"{name} {number}" for number in range(20)]
    for process in writers:
        process.stdout.close()


def test_a_writer_that_is_killed_or_halted_neither_loses_what_it_told_nor_stands_in_the_way(tmp_path):
    path = tmp_path / "inbox.db"
    InboxTable.create(path)
    halted, killed = writer(path, "halted", 100_000), writer(path, "killed", 100_000)
    for process in (halted, killed):
        for _ in range(5):
            assert process.stdout.readline()
    halted.send_signal(signal.SIGSTOP)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    sentences = {letter.command.hypothesis.sentence for letter in InboxTable(path).after(0)}
    assert {f"{name} {number}" for name in ("halted", "killed") for number in range(5)} <= sentences
    halted.send_signal(signal.SIGKILL)
    halted.wait()
    for process in (halted, killed):
        process.stdout.close()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"kind": "ban"}', '{"kind": "stop", "x": 1}', '{"kind": "hypothesize", "sentence": ""}']
)
def test_a_letter_that_this_version_does_not_understand_is_said_to_be_one(tmp_path, content):
    inbox = InboxTable.create(tmp_path / "inbox.db")
    inbox.tell(Stop())
    with sqlite3.connect(tmp_path / "inbox.db") as db:
        db.execute("INSERT INTO letters (time, content) VALUES (0, ?)", (content,))
    db.close()
    inbox.tell(Stop())
    letters = inbox.after(0)
    assert [letter.number for letter in letters] == [1, 2, 3]
    assert isinstance(letters[1].command, Unreadable)
    assert letters[1].command.problem
    assert letters[2].command == Stop()


def test_a_file_that_is_no_inbox_is_explained(tmp_path):
    path = tmp_path / "inbox.db"
    path.write_text("no database " * 100)
    with pytest.raises(UsageError, match=r"inbox\.db"):
        InboxTable(path).after(0)


def test_a_folder_that_cannot_be_written_is_explained(tmp_path):
    with pytest.raises(StoreError, match=r"inbox\.db"):
        InboxTable(tmp_path / "nowhere" / "inbox.db").tell(Stop())


def test_a_sentence_is_one_line_and_not_empty():
    assert read_hypothesis("  a\n  b ", " ndcg@10\t+1 ") == Hypothesis(sentence="a b", predicted_effect="ndcg@10 +1")
    for sentence in ("", " \n", "x" * 1001):
        with pytest.raises(UsageError):
            read_hypothesis(sentence)
        with pytest.raises(UsageError, match="at "):
            read_why(sentence)
    assert read_why(" too\n large ") == "too large"
    with pytest.raises(ValueError, match="no command"):
        encode(Unreadable(problem="x"))


def test_a_run_knows_whether_a_process_works_on_it(tmp_path):
    writing = RunFolder.create(tmp_path / "run")
    looking = RunFolder.open(tmp_path / "run")
    assert looking.at_work
    looking.inbox.tell(Stop())
    assert [letter.command for letter in writing.inbox.after(0)] == [Stop()]
    writing.close()
    assert not looking.at_work
    looking.close()
    RunFolder.open(tmp_path / "run", write=True).close()
