"""Whatever is wrong with the input: one clear message, what to do, exit code 2, no traceback, no half-made run."""

import errno
import os
from pathlib import Path

import pytest

from autorec.cli.main import OF_THE_DISK, run
from autorec.testing.llm_server import Fault, ScriptedServer

HEAD = "user_id,item_id,timestamp\n"
GOOD = HEAD + "".join(f"u{u},i{(u * 7 + t * 3) % 23},{1000 + t * 10 + u}\n" for u in range(40) for t in range(8))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def say(capsys):
    """Run a command; exit code and what it said on standard error."""

    def say(*arguments):
        code = run([str(a) for a in arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
        return code, said.err

    return say


def log(content: str | bytes, name: str = "log.csv") -> Path:
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


BAD_LOGS = {
    "empty": (b"", "empty"),
    "header only": (HEAD, "no rows|empty|no interactions|two"),
    "binary": (bytes(range(256)) * 40, "binary|not text|text"),
    "no such column": ("a,b,c\n1,2,3\n2,3,4\n", "column"),
    "one user": (HEAD + "".join(f"u,i{t},{t}\n" for t in range(50)), "user"),
    "unparsable timestamps": (GOOD + "u1,i1,yesterday-ish\n", "yesterday-ish"),
    "ragged": (GOOD + "u1,i1\n", "column|field|line"),
    "nothing left after the split": (HEAD + "a,x,1\nb,y,2\n", "split|holdout|warm|users"),
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_bad_logs(name, say):
    content, about = BAD_LOGS[name]
    for command in (("data", "describe", log(content)), ("search", "--data", log(content), "--run", "r")):
        code, said = say(*command)
        assert code == 2
        assert said.startswith("error: ")
        assert "fix: " in said
        assert any(word in said for word in about.split("|")), said
    assert not Path("r").exists()


OTHER_ROLE = """
role: ranking
code: {popularity: builtin/retrieval/popularity}
structure: {family: {type: choice, choices: [popularity], default: popularity}}
tunables: {}
"""

BAD_FLAGS = {
    "ratings without a rating": (("--data", "log.csv", "--min-rating", "4"), "no value column"),
    "a core of nothing": (("--data", "log.csv", "--k-core", "1000"), "--k-core 1000 leaves nothing"),
    "a core of no rows": (("--data", "log.csv", "--k-core", "0"), "k_core"),
    "filter without a log": (("--min-rating", "4"), "min_rating speaks of a log"),
    "features of nobody": (("--data", "log.csv", "--item-features", "items.csv"), "none of its 2 item ids"),
    "missing features": (("--data", "log.csv", "--user-features", "nowhere.csv"), "nowhere.csv"),
    "not gzip": (("--data", "log.csv.gz"), "expected a gzip archive"),
    "not Parquet": (("--data", "log.parquet"), "expected Parquet"),
    "empty folder": (("--data", "hollow"), "no train.csv"),
    "missing file": (("--data", "lob.csv"), "log.csv? Else give"),
    "missing folder": (("--data", "nowhere/log.csv"), "there is no folder"),
    "missing column": (("--data", "log.csv", "--columns", "user=nobody"), "nobody"),
    "bad columns": (("--data", "log.csv", "--columns", "nobody"), "expected pairs"),
    "bad duration": (("--budget", "soon"), "'soon' is not a duration"),
    "zero workers": (("--workers", "0"), "workers"),
    "unknown role": (("--role", "oracle"), "role"),
    "unknown split": (("--split", "magic"), "split"),
    "given split without files": (("--data", "log.csv", "--split", "given"), "given"),
    "missing configuration": (("--config", "none.toml"), "none.toml"),
    "cutoff beyond the catalogue": (("--data", "log.csv", "--config", "long.toml"), "catalogue"),
    "unknown key": (("--config", "typo.toml"), "did you mean 'budget'"),
    "hypothesis without a model": (("--hypothesis", "x"), "--llm"),
    "money without a model": (("--max-usd", "1"), "--llm"),
    "no key": (("--llm", "openai/gpt-5"), "OPENAI_API_KEY"),
    "no provider": (("--llm", "gpt-5"), "provider/model"),
    "dead endpoint": (("--llm", "openai/x", "--api-base", "http://127.0.0.1:9/v1"), "127.0.0.1:9"),
    "malformed address": (("--llm", "openai/x", "--api-base", "http://127.0.0.1:abc/v1"), "127.0.0.1:abc"),
    "secret in the address": (("--llm", "openai/x", "--api-base", "http://u:pw@127.0.0.1:9/v1"), "no user or password"),
    "reply too short": (("--config", "short.toml"), "llm_max_tokens"),
    "unknown price": (("--llm", "openai/x", "--api-base", "http://127.0.0.1:9/v1", "--max-usd", "1"), "price"),
    "no seed code": (("--seed-code", "nowhere"), "nowhere"),
    "prompts without a model": (("--prompts", "."), "--llm"),
    "no prompts there": (
        ("--llm", "openai/x", "--api-base", "http://127.0.0.1:9/v1", "--prompts", "no"),
        "is no folder",
    ),
    "no search space there": (("--search-space", "mine.yaml"), "there is no file"),
    "search space of another role": (("--search-space", "./other.yaml"), "the search is for retrieval"),
    "no such proposer": (("--config", "proposer.toml"), "there is no module 'no_such_module'"),
    "no such executor": (("--config", "executor.toml"), "there is no module 'no_such_module'"),
    "no such metric": (("--config", "metric.toml"), "there is no module 'no_such_module'"),
    "metric of a taken name": (("--config", "taken.toml"), "'ndcg' is a metric"),
    "bad run name": (("--run", "a b"), "not a run name"),
}


@pytest.mark.parametrize("name", BAD_FLAGS)
def test_bad_flags(name, say):
    log(GOOD)
    Path("long.toml").write_text('objectives = ["ndcg@500"]\n')
    log(GOOD, "log.csv.gz")
    log(GOOD, "log.parquet")
    log("id,price\nx,1\ny,2\n", "items.csv")
    Path("hollow").mkdir()
    Path("typo.toml").write_text('bugdet = "3m"\n')
    Path("short.toml").write_text("llm_max_tokens = 255\n")
    Path("proposer.toml").write_text('proposers = ["policy", "no_such_module:Mine"]\n')
    Path("executor.toml").write_text('executor = "no_such_module:Mine"\n')
    Path("metric.toml").write_text('metrics = {mine = "no_such_module:mine"}\n')
    Path("taken.toml").write_text('metrics = {ndcg = "no_such_module:mine"}\n')
    Path("other.yaml").write_text(OTHER_ROLE)
    flags, about = BAD_FLAGS[name]
    run_flag = () if "--run" in flags else ("--run", "r")
    code, said = say("search", *flags, *run_flag)
    assert code == 2
    assert about in said
    assert "fix: " in said
    assert not Path("r").exists()
    assert not Path("runs").exists()


def test_a_wrong_key_is_found_before_the_run_begins(say, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
    with ScriptedServer([Fault(status=401)], models_status=401) as server:
        code, said = say("search", "--llm", "openai/x", "--api-base", server.base, "--run", "r")
    assert code == 2
    assert "OPENAI_API_KEY" in said
    assert "canary" not in said
    assert not Path("r").exists()


@pytest.mark.parametrize("source", ["flag", "environment", "file"])
def test_a_secret_in_an_address_is_neither_shown_nor_stored(say, monkeypatch, tmp_path, source):
    secret = "sk-canary-9876543210"
    log(GOOD)
    monkeypatch.setenv("AUTOREC_HOME", str(tmp_path / "home"))
    with ScriptedServer(["hi"]) as server:
        address = server.base.replace("http://", f"http://user:{secret}@")
        flags = {"flag": ("--api-base", address), "file": ("--config", "own.toml")}.get(source, ())
        if source == "environment":
            monkeypatch.setenv("AUTOREC_SEARCH_API_BASE", address)
        Path("own.toml").write_text(f'api_base = "{address}"\n' if source == "file" else "")
        code, said = say("search", "--data", "log.csv", "--llm", "openai/x", *flags, "--run", "r")
    assert code == 2
    assert "OPENAI_API_KEY" in said
    assert secret not in said
    Path("own.toml").unlink()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and secret.encode() in p.read_bytes()] == []
    assert not Path("r").exists()


def test_a_negative_seed_of_a_world_is_refused(say):
    code, said = say("data", "synth", "x.csv", "--seed", "-1")
    assert code == 2
    assert "--seed" in said
    assert not Path("x.csv").exists()


def test_a_world_overwrites_no_file(say):
    Path("mine.csv").write_text("mine")
    code, said = say("data", "synth", "mine.csv")
    assert code == 2
    assert "mine.csv is there already" in said
    assert "another path" in said
    assert Path("mine.csv").read_text() == "mine"


def test_a_home_that_is_a_file_is_explained_and_no_run_begins(isolation, say, monkeypatch):
    Path("home").write_text("")
    monkeypatch.setenv("AUTOREC_HOME", "home")
    code, said = say("search", "--data", log(GOOD), "--split", "loo", "--run", "r")
    assert code == 2
    assert said.count("error: ") == 1
    assert "AUTOREC_HOME" in said
    assert not Path("r").exists()


@pytest.mark.parametrize("number", sorted(OF_THE_DISK))
def test_what_the_machine_refuses_is_one_message(number, say, monkeypatch):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number), "somewhere")

    monkeypatch.setattr("autorec.tasks.synthetic.generate", refuse)
    code, said = say("data", "synth", "x.csv")
    assert code == 2
    assert os.strerror(number) in said
    assert "somewhere" in said
    assert "fix: " in said


def test_another_fault_of_the_machine_is_not_hidden(monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("autorec.tasks.synthetic.generate", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        run(["data", "synth", "x.csv"])


def test_runs_that_are_none(say):
    Path("empty").mkdir()
    Path("broken").mkdir()
    Path("broken/run.db").write_text("not a database" * 100)
    for command in ("status", "list", "resume"):
        for target in ("nowhere", "./empty", "./broken"):
            code, said = say(command, target)
            assert code == 2, (command, target)
            assert said.startswith("error: ")


@pytest.mark.parametrize(
    "rows",
    [
        "".join(f"ü{u}\u202e,片{(u * 7 + t * 3) % 23},{1000 + t * 10 + u}\n" for u in range(40) for t in range(8)),
        "".join(f"-{u},{10**30 + (u * 7 + t * 3) % 23},{1000 + t * 10 + u}\n" for u in range(40) for t in range(8)),
        (GOOD * 2).replace(HEAD, ""),
    ],
    ids=["unicode", "negative and huge", "duplicates"],
)
def test_odd_but_good_logs_are_described(rows, say, capsys):
    code = run(["data", "describe", str(log(HEAD + rows)), "--split", "loo"])
    said = capsys.readouterr()
    assert code == 0, said.err
    assert "40" in said.out
    assert "\u202e" not in said.out
