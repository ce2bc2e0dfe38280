"""From a run to a folder, and from the folder to the same run, without the model, the data or a training."""

import json
import os
import re
import shutil
import sqlite3
from dataclasses import replace as changed
from pathlib import Path

import pytest

from autorec.domain.errors import ReplayError, UsageError
from autorec.domain.events import Admitted, ChampionChosen, FinalistsChosen, Finished, Rejected
from autorec.domain.parting import Partings
from autorec.schemas.config import SearchConfig
from autorec.store.folder import RunFolder
from autorec.testing.replies import design
from autorec.wiring import begin, extract, open_recording, read, replay, resume
from tests.unit.recorded_runs import Designer, record


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, Designer]:
    folder = tmp_path_factory.mktemp("made")
    client = Designer()
    record(folder / "run", client)
    run = RunFolder.open(folder / "run")
    assert extract(run, folder / "cassette") == len(client.asked)
    run.close()
    return folder / "run", folder / "cassette", client


@pytest.fixture
def cassette(made, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(made[1], tmp_path / "cassette"))


class Parrot(Designer):
    """It gives one design only, each time with another name in it."""

    def complete(self, messages, **settings):
        completion = super().complete(messages, **settings)
        return changed(completion, text=design("transitions").replace("centred", f"moved_{len(self.asked)}"))


def play(cassette: Path, run: Path, **more) -> list:
    with replay(SearchConfig(llm=(f"replay:{cassette}",), **more), run) as playing:
        playing.work()
        playing.lay_out_champion()
        return list(playing.folder.events.read())


def events_of(run: Path) -> list:
    with read(run) as reader:
        return list(reader.folder.events.read())


def test_the_same_search_event_for_event(made, tmp_path):
    run, cassette, client = made
    asked = len(client.asked)
    whole, again = events_of(run), play(cassette, tmp_path / "again")
    assert again[1:] == whole[1:]
    assert len(client.asked) == asked
    kinds = {event.plan.operator for event in whole if isinstance(event, Admitted)}
    assert {"draft", "improve"} <= kinds
    assert any(isinstance(event, Rejected) and event.unanswered for event in whole)
    with read(tmp_path / "again") as reader:
        assert reader.state.champion
        assert (tmp_path / "again/champion/model.py").is_file()
        written = next(r for r in reader.state.candidates if r.exchanges)
        kept = json.loads(reader.objects.get(written.exchanges[0]))
        assert any(asked.rstrip() in kept["prompt"] for asked in client.asked)


def test_an_answer_that_was_refused_as_a_repetition_is_refused_again(tmp_path):
    record(tmp_path / "run", Parrot(fails=1000), most=12)
    run = RunFolder.open(tmp_path / "run")
    extract(run, tmp_path / "cassette")
    run.close()
    whole = events_of(tmp_path / "run")
    refused = [
        event for event in whole if isinstance(event, Rejected) and "the same code but for names" in event.reason
    ]
    assert refused
    assert all(event.duplicate_of and len(event.exchanges) == 2 for event in refused)
    assert play(tmp_path / "cassette", tmp_path / "again")[1:] == whole[1:]


def test_a_mailbox_is_replayed_wherever_it_lay(tmp_path):
    record(tmp_path / "run", Designer(model="mailbox:box"), most=3, llm="mailbox:/home/somebody/box")
    run = RunFolder.open(tmp_path / "run")
    extract(run, tmp_path / "cassette")
    run.close()
    assert play(tmp_path / "cassette", tmp_path / "again")[1:] == events_of(tmp_path / "run")[1:]
    assert "somebody" not in (tmp_path / "cassette/events.jsonl").read_text()


def test_a_cassette_is_text_that_people_can_read_and_tells_nothing_of_the_machine(made):
    _, cassette, client = made
    requests = sorted(cassette.glob("calls/*.request.md"))
    replies = sorted(cassette.glob("calls/*.reply.md"))
    assert len(requests) == len(client.asked)
    assert len(replies) == len(client.asked) - len(client.asked) // 3  # every third call brought no answer
    assert any(client.asked[0].rstrip() in file.read_text() for file in requests)
    assert "hypothesis:" in replies[0].read_text()
    index = json.loads((cassette / "cassette.json").read_text())
    assert all(re.fullmatch("[0-9a-f]{64}", call["request"]) for call in index["calls"])
    everything = "".join(p.read_text(errors="replace") for p in cassette.rglob("*") if p.is_file())
    assert "somebody" not in everything
    assert "replay:DIR" in (cassette / "README.md").read_text()


def test_an_unseen_request_says_which_one_the_nearest_and_what_differs(cassette, tmp_path):
    events = (cassette / "events.jsonl").read_text().splitlines()
    first = json.loads(events[0])
    first["content"]["task"]["sizes"] = {"users": 944, "items": 1682, "interactions": 98114}
    first["content"]["config"]["max_memory_mb"] = 2048
    (cassette / "events.jsonl").write_text("\n".join([json.dumps(first), *events[1:]]) + "\n")
    with pytest.raises(ReplayError) as caught:
        play(cassette, tmp_path / "again")
    said = str(caught.value)
    assert re.search(r"ask \d+ \(draft\) makes a request that was not recorded: [0-9a-f]{12} to openai/scripted", said)
    assert re.search(r"the nearest is call \d+ of \d+", said)
    assert not (tmp_path / "again").exists()
    assert "again was removed" in caught.value.fix
    assert re.search(r"^- .*4,096 MiB of memory.*\n\+ .*2,048 MiB of memory", said, re.MULTILINE)
    assert caught.value.fix


def test_what_is_otherwise_than_it_was_parts_and_says_where(cassette, tmp_path):
    events = (cassette / "events.jsonl").read_text().splitlines()
    first = json.loads(events[0])
    first["content"]["config"]["population"] = 2
    (cassette / "events.jsonl").write_text("\n".join([json.dumps(first), *events[1:]]) + "\n")
    with pytest.raises(ReplayError, match=r"parts from its recording at event \d+: .* then, GenerationClosed now"):
        play(cassette, tmp_path / "again")


def name_a_call(cassette: Path, name: str) -> None:
    index = json.loads((cassette / "cassette.json").read_text())
    index["calls"][0]["prompt_file"] = name
    (cassette / "cassette.json").write_text(json.dumps(index))


def configure(cassette: Path, **changed: object) -> None:
    first, *rest = (cassette / "events.jsonl").read_text().splitlines()
    started = json.loads(first)
    started["content"]["config"] |= changed
    (cassette / "events.jsonl").write_text("\n".join([json.dumps(started), *rest]) + "\n")


def link_elsewhere(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name(f"elsewhere-{path.name}")))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda c: (c / "cassette.json").unlink(), "holds no recording that can be played: cassette.json"),
        (lambda c: (c / "cassette.json").write_text("{}"), "cannot be read as a recording"),
        (lambda c: (c / "events.jsonl").write_text("[]\n"), "cannot be read as a recording"),
        (lambda c: (c / "events.jsonl").write_text(""), "no whole recording"),
        (lambda c: next(c.glob("calls/*.reply.md")).write_text("other"), "is not what was recorded"),
        (lambda c: next(c.glob("calls/*.request.md")).write_bytes(b"\xff"), "it is no UTF-8 text"),
        (lambda c: name_a_call(c, "../../x/calls/a"), "cannot be read as a recording"),
        (lambda c: name_a_call(c, "calls/.."), "cannot be read as a recording"),
        (lambda c: name_a_call(c, "calls/a\n"), "cannot be read as a recording"),
        (lambda c: link_elsewhere(next(c.glob("calls/*.request.md"))), "calls/.*: Too many levels of symbolic links"),
        (lambda c: link_elsewhere(c / "events.jsonl"), "events.jsonl: Too many levels of symbolic links"),
        (lambda c: link_elsewhere(c / "calls"), "calls/.*: Not a directory"),
        (lambda c: pipe(c / "cassette.json"), "cassette.json: it is no plain file"),
        (lambda c: (c / "events.jsonl").write_text("[" * 200_000), "cannot be read as a recording"),
        (lambda c: configure(c, population="many"), "cannot be read as a recording"),
        (lambda c: configure(c, own={"prompts": 1}), "cannot be read as a recording"),
    ],
)
def test_a_spoiled_recording_is_refused_and_leaves_no_run(cassette, tmp_path, spoil, said):
    spoil(cassette)
    with pytest.raises(ReplayError, match=said):
        play(cassette, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_an_object_that_lies_elsewhere_is_not_read(cassette, tmp_path):
    for each in cassette.glob("objects/*/*"):
        link_elsewhere(each)
    with pytest.raises(ReplayError, match=r"object [0-9a-f]{64} cannot be read: Too many levels of symbolic links"):
        play(cassette, tmp_path / "again")


def test_what_is_asked_for_must_be_what_was_recorded(made, tmp_path):
    with pytest.raises(UsageError, match="seed: 2 is asked for, and the recording was made with 1"):
        play(made[1], tmp_path / "again", seed=2)
    with pytest.raises(UsageError, match=r"data: .* is asked for") as caught:
        play(made[1], tmp_path / "again", data="elsewhere.csv")
    assert "--retrain" in caught.value.fix
    assert play(made[1], tmp_path / "again", seed=1)


def test_a_replay_is_neither_begun_as_a_search_nor_resumed_nor_recorded(made, tmp_path):
    play(made[1], tmp_path / "again")
    with (
        pytest.raises(UsageError, match="it is played"),
        begin(SearchConfig(llm=(f"replay:{made[1]}",)), tmp_path / "x"),
    ):
        pass
    with pytest.raises(UsageError, match="follows the recording"), resume(tmp_path / "again"):
        pass
    run = RunFolder.open(tmp_path / "again")
    with pytest.raises(UsageError, match="is a replay of"):
        extract(run, tmp_path / "second")
    run.close()
    assert not (tmp_path / "second").exists()


def test_a_run_that_has_not_ended_is_no_recording(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "open")
    with sqlite3.connect(tmp_path / "open/run.db") as db:
        db.execute("DELETE FROM events WHERE seq = (SELECT max(seq) FROM events)")
    db.close()
    run = RunFolder.open(tmp_path / "open")
    with pytest.raises(UsageError, match="has not ended") as caught:
        extract(run, tmp_path / "cassette")
    run.close()
    assert "autorec resume" in caught.value.fix
    assert not (tmp_path / "cassette").exists()


def test_partings_tell_figures_and_choices_that_are_others_than_then(made):
    recording = open_recording(SearchConfig(llm=(f"replay:{made[1]}",)))
    with read(made[0]) as reader:
        same, other = Partings(recording), Partings(recording)
        told = [same.look(event, reader.state) for event in recording.events]
        assert not any(told)
        assert same.summary.startswith("retrained: all ")
        first = next(e for e in recording.events if isinstance(e, Finished) and e.trained.ok)
        metrics = {"ndcg@10": first.trained.evaluation.metrics["ndcg@10"] + 0.01}
        worse = changed(first.trained, evaluation=changed(first.trained.evaluation, metrics=metrics))
        figure = other.look(Finished(trained=worse), reader.state)
        assert re.search(r"ndcg@10 in search was 0\.\d{4}, is [01]\.\d{4}", figure)
        chosen = other.look(ChampionChosen(candidate="f" * 64, reason=""), reader.state)
        assert re.fullmatch(r"the champion was [0-9a-f]{10}, is f{10}", chosen)
        assert other.summary.startswith("retrained: 2 of 2")
        assert re.search(r"; \d+ of the recording did not come, as ", other.summary)


def test_a_verdict_that_flips_and_what_does_not_come_are_told(made):
    recording = open_recording(SearchConfig(llm=(f"replay:{made[1]}",)))
    ended = recording.events[-1]
    flipped = changed(ended, evidence=changed(ended.evidence, verified=not ended.evidence.verified))
    with read(made[0]) as reader:
        other, fewer = Partings(recording), Partings(recording)
        for event in recording.events[:-1]:
            assert not other.look(event, reader.state)
            assert isinstance(event, FinalistsChosen) or not fewer.look(event, reader.state)
        fewer.look(ended, reader.state)
        assert re.fullmatch(r"the evidence was (not )?verified against \w+, is .*", other.look(flipped, reader.state))
        assert "; the first: the evidence was" in other.summary
        assert "all" not in fewer.summary.split()
        assert "1 of the recording did not come, as FinalistsChosen" in fewer.summary
