"""Keys in the environment, a server that repeats them, a candidate that looks for them, data that attacks a terminal.

One short search on all of that at once; then everything that it leaves behind is looked through.
"""

import base64
import contextlib
import io
import json
import random
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autorec.cli.main import run
from autorec.domain.text import ACTS
from autorec.testing.llm_server import Parrot
from autorec.testing.replies import ScriptedDesigner
from tests.e2e.conftest import Command, quick

pytestmark = pytest.mark.sandbox
CANARIES = {
    "OPENAI_API_KEY": "sk-canary-0f1e2d3c4b5a6978",
    "ANTHROPIC_API_KEY": "sk-ant-canary-8796a5b4c3d2e1f0",
    "AWS_SECRET_ACCESS_KEY": "canary/AwsSecret+1029384756",
    "HF_TOKEN": "hf_canary5647382910",
    "DB_PASSWORD": "canary-of-the-database",
    "DATABASE_URL": "postgres://someone:canary-in-an-address@db.example.org/x",
}
SECRETS = [*list(CANARIES.values())[:5], "canary-in-an-address"]
ATTACK = "\x1b]0;taken\x07\x1b]8;;http://example.org\x1b\\\x9b31m\u202e<script>alert(1)</script>[/b][link=x]"
IN_DATA = "\x1b]0 taken\x07\x9b31m\u202e<script>alert(1)</script>[/b]"
"""Without what may stand between columns."""
NOSY = f"""
import glob, os, sys

ATTACK = {ATTACK!r}


def look():
    print("environment:", dict(os.environ), ATTACK, flush=True)
    for path in (*glob.glob("/proc/*/environ"), *glob.glob("/proc/*/cmdline")):
        try:
            with open(path, "rb") as file:
                print(path, file.read(), flush=True)
        except OSError as error:
            print(path, error.strerror, flush=True)
    print("looked everywhere", ATTACK, file=sys.stderr, flush=True)
"""
MODEL = (
    NOSY
    + """
import torch


class Nothing(torch.nn.Module):
    def score(self, history, users):
        return torch.zeros(len(users), history.n_items)


def build(data, params):
    look()
    return Nothing()
"""
)
TRAIN = "def fit(recommender, data, params, run):\n    run.checkpoint(recommender)\n"


@pytest.fixture(scope="module")
def left_behind(isolation, tmp_path_factory):
    """The folder of the run, what was printed, and the server."""
    folder = tmp_path_factory.mktemp("work")
    hostile_data(folder)
    (folder / "nosy").mkdir()
    (folder / "nosy" / "model.py").write_text(MODEL)
    (folder / "nosy" / "train.py").write_text(TRAIN)
    with pytest.MonkeyPatch.context() as patch, Parrot(ScriptedDesigner()) as server:
        for name, value in CANARIES.items():
            patch.setenv(name, value)
        patch.setenv("AUTOREC_HOME", str(folder / "home"))
        flags = ("--llm", "openai/scripted", "--api-base", server.base, "--seed-code", "nosy", "--run", "r")
        flags += ("--item-features", "features.csv", "--hypothesis", f"order matters {ATTACK}")
        command = Command(folder)
        process = command.start(*quick(folder / "ring\x1b]0;t\x07.csv", *flags, candidates=7, baselines="pop"))
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        yield command, (out + err, *shown(folder, patch)), server


def hostile_data(folder: Path) -> None:
    draw = random.Random(1)
    lines = ["user_id,item_id,timestamp"]
    for user in range(120):
        place = draw.randrange(40)
        for step in range(12):
            place = (place + draw.choice((1, 1, 2, draw.randrange(40)))) % 40
            lines.append(f"user {user},item-{place}{IN_DATA},{1_600_000_000 + 977 * user + 86_400 * step}")
    (folder / "ring\x1b]0;t\x07.csv").write_text("\n".join(lines) + "\n")
    rows = [f"item-{place}{IN_DATA},kind {place % 3}{IN_DATA}" for place in range(40)]
    (folder / "features.csv").write_text("\n".join([f"item_id,colour{IN_DATA}", *rows]) + "\n")


def acting(text: str) -> set[str]:
    return {repr(c) for c in text if unicodedata.category(c) in ACTS and c not in "\n\t"}


def test_the_attack_took_place(left_behind):
    """The controls: keys were sent and repeated, the candidate looked, and its log was kept."""
    _, printed, server = left_behind
    assert set(server.keys) == {CANARIES["OPENAI_API_KEY"]}
    assert len(server.requests) > 2
    told = "\n".join(printed)
    assert "looked everywhere" in told and "environment: {" in told
    assert "Authorization: Bearer [key]" in told


def test_no_key_is_left_anywhere(left_behind):
    command, printed, _ = left_behind
    forms = [
        form
        for secret in SECRETS
        for form in (secret.encode(), base64.b64encode(secret.encode()), secret[::-1].encode())
    ]
    kept = [path for path in command.folder.rglob("*") if path.is_file()]
    assert len(kept) > 20 and any(path.name == "ledger.db" for path in kept)
    assert [path for path in kept for form in forms if form in path.read_bytes()] == []
    with closing(sqlite3.connect(command.folder / "runs" / "r" / "run.db")) as database:
        rows = "\n".join(content for (content,) in database.execute("SELECT content FROM events"))
    for text in (*printed, rows):
        assert [secret for secret in SECRETS if secret in text] == []


def shown(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """What each command prints of the run."""
    patch.chdir(folder)
    yield from (said("status", "r"), said("hypotheses", "r"), said("report", "r", "-o", "-"), said("list", "r"))
    for candidate in json.loads(said("list", "r", "--json"))["candidates"]:
        for view in ("--code", "--log", "--prompt", "--reply"):
            yield said("show", "r", candidate["id"], view)
        yield said("lineage", "r", candidate["id"])


def said(*arguments: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        assert run(arguments) == 0, out.getvalue()
    return out.getvalue()


def test_nothing_that_was_printed_acts(left_behind):
    command, printed, _ = left_behind
    data = next(command.folder.glob("ring*.csv"))
    described = command("data", "describe", data, "--item-features", "features.csv")
    for text in (*printed, described):
        assert acting(text) == set()
    assert "\\x1b]0 taken" in " ".join(described.split())  # which wraps


def test_an_export_holds_no_attack_but_in_the_ids(left_behind):
    command, _, _ = left_behind
    command("export", "r", "champion", "taken")
    for name in ("README.md", "MODEL_CARD.md", "requirements.txt"):
        text = (command.folder / "taken" / name).read_text(encoding="utf-8")
        assert acting(text) == set(), name
        assert "<script>" not in text, name
    assert Path(command.folder / "taken" / "trained" / "items.csv").exists()
