"""The report of a run: what it says of it, and that nothing in it is markup but what we wrote."""

import re
import sqlite3
import tomllib
from html.parser import HTMLParser

import pytest

from autorec.cli.main import run
from autorec.domain import events as ev
from autorec.domain.candidate import Operator, Plan
from autorec.domain.errors import RunError
from autorec.domain.evaluation import Direction, Objective
from autorec.schemas.config import SearchConfig
from autorec.web.account import read_account
from autorec.web.configuration import as_toml
from autorec.web.report import POLICY, render
from tests.unit.report_runs import HOSTILE, Told, finished, hostile, made_task

LOGLOSS = Objective(name="logloss", direction=Direction.MINIMIZE)
ALONE = {"meta", "br", "img", "link", "input"}


class Page(HTMLParser):
    """The elements of a page with their attributes, its text, and what was never closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.opened: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ALONE:
            self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.opened and self.opened[-1] not in ("style", "title"):
            self.text += data


def page_of(told: Told) -> Page:
    return Page(render(read_account(told.folder)))


def said(told: Told) -> str:
    return " ".join(page_of(told).text.split())


@pytest.mark.parametrize("make", [finished, hostile])
def test_nothing_in_the_page_can_run_or_reach_out(make, tmp_path):
    page = page_of(make(tmp_path / "r"))
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "link", "base", "img", "foreignobject", "use"}
    for tag, attributes in page.elements:
        for name, text in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "xlink:href", "action", "formaction", "srcdoc")
            assert name != "href" or re.fullmatch(r"#[a-z0-9]+", text or ""), text
            assert name != "style" or re.fullmatch(r"width:[\d.]+%", text or ""), text
    assert page.opened == []
    policies = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies == [POLICY]
    assert "script-src" not in POLICY
    assert "default-src 'none'" in POLICY


def test_hostile_text_is_shown_with_its_control_characters_made_visible(tmp_path):
    html = render(read_account(hostile(tmp_path / "r").folder))
    for character in "\x1b\u202e\x00":
        assert character not in html
    text = Page(html).text
    assert "<script>document.title='taken'" in text
    assert "\\x1b[31mred" in text
    assert "\\x202egnp.exe" in text
    assert "{{ 7 * 7 }}" in text


def test_long_lines_are_cut_and_the_page_stays_small(tmp_path):
    html = render(read_account(hostile(tmp_path / "r").folder))
    assert len(html) < 200_000
    assert "characters more)" in html


def test_headline_of_a_verified_champion(tmp_path):
    text = said(finished(tmp_path / "r"))
    assert "Verified" in text
    assert "0.3500 ndcg@10 on the sealed test, by an improved candidate" in text
    assert "It beats ease, the best of 2 baselines, by +0.0500" in text
    assert "97.5 % interval [+0.0400, +0.0600] excludes zero" in text
    assert "opened 2 times" in text
    assert "two is more than one" in text
    assert "$0.0000" not in text


def test_a_difference_that_cannot_be_resolved_is_said_so(tmp_path):
    text = said(finished(tmp_path / "r", effect=0.005))
    assert "Not resolvable here" in text
    assert (
        "200 judged units (users or rows) cannot tell the two apart. A difference of about 0.0100 would have shown."
        in text
    )


def test_a_metric_where_lower_is_better(tmp_path):
    told = finished(tmp_path / "r", made_task(LOGLOSS))
    text = said(told)
    assert "Verified" in text
    assert "0.2500 logloss on the sealed test" in text
    assert "by −0.0500" in text
    assert "lower is better" in text
    assert "ndcg" not in text
    account = read_account(told.folder)
    assert account.leader is not None
    assert account.leader.search.evaluation.metrics["logloss"] == pytest.approx(0.25)
    assert [c.baseline.name for c in account.comparisons] == ["pop", "ease"]


def test_each_baseline_has_its_own_paired_interval(tmp_path):
    account = read_account(finished(tmp_path / "r").folder)
    assert [c.baseline.name for c in account.comparisons] == ["ease", "pop"]
    for comparison, effect in zip(account.comparisons, (0.05, 0.15), strict=True):
        assert comparison.effect == pytest.approx(effect, abs=1e-6)
        assert comparison.low < comparison.effect < comparison.high
        assert 0.005 < comparison.high - comparison.low < 0.05
        assert comparison.level == pytest.approx(0.975)


def test_the_leaders_and_whose_code_is_shown(tmp_path):
    told = Told(tmp_path / "r")
    told.baseline("pop", 0.9)
    ids = [told.candidate(value) for value in (0.2, 0.1, 0.3, None, 0.25, 0.4)]
    account = read_account(told.folder)
    assert [step.led for step in account.steps] == [True, False, True, False, False, True]
    assert [step.place for step in account.steps] == [1, 2, 3, 4, 5, 6]
    assert [r.id for r in account.looked_into] == [ids[5], ids[2], ids[0]]
    assert account.leader.id == ids[5]


def test_what_language_models_cost_is_told_by_operator_and_by_model(tmp_path):
    told = Told(tmp_path / "r")
    assert "by who answered" not in said(told)
    told.candidate(0.2)
    told.candidate(0.3, operator=Operator.IMPROVE, code="X = 2\n")
    plan = Plan(proposer="llm", operator=Operator.IMPROVE, seed=1, model="openai/dear")
    told.record(ev.Asked(number=9, plan=plan, seen=1))
    bills = (ev.Bill(model="openai/dear", usd=0.5, tokens=7, calls=2, unpriced=1),)
    told.record(ev.Rejected(ask=9, reason="no usable reply", bills=bills))
    cost = "".join(said(told).split("by what was asked for")[1].split())
    assert "draft$0.2500$0.25001of11,000" in cost
    assert "improve$0.7500and1callofunknownprice–1of21,007" in cost
    assert "openai/x$0.5000$0.25002of22,000" in cost
    assert "openai/dear$0.5000and1callofunknownprice–0of17" in cost


def test_time_between_sittings_does_not_count(tmp_path):
    told = finished(tmp_path / "r")
    path = told.close()
    with sqlite3.connect(path / "run.db") as database:
        (last,) = database.execute("SELECT max(seq) FROM events").fetchone()
        database.execute("DELETE FROM sittings")
        database.execute("INSERT INTO sittings (began, seen) VALUES (1000, 1060), (9000, 9040)")
        database.execute("UPDATE events SET time = CASE WHEN seq < ? THEN 1030 ELSE 9010 END", (last,))
    database.close()
    account = read_account(told.folder.open(path))
    assert account.worked_s == 100
    assert {step.worked_s for step in account.steps} == {30}
    assert [(phase.name, phase.seconds) for phase in account.phases][-1] == ("the sealed test", 40)


def test_an_interrupted_run_and_a_running_one(tmp_path):
    told = Told(tmp_path / "r")
    told.baseline("pop", 0.1)
    told.candidate(0.2)
    told.candidate(0.2, code="X = 2\n", trained=False)
    running = said(told)
    assert "Running" in running
    assert "0.2000 ndcg@10 on select so far" in running
    assert "autorec resume" not in running
    path = told.close()
    stopped = " ".join(Page(render(read_account(told.folder.open(path)))).text.split())
    assert "Interrupted" in stopped
    assert f"autorec resume {path}" in stopped
    assert "The test is sealed" in stopped


def test_a_run_that_has_only_begun(tmp_path):
    text = said(Told(tmp_path / "r"))
    assert "No candidate has been judged yet" in text
    assert "No training failed." in text


def test_a_run_without_a_champion(tmp_path):
    told = Told(tmp_path / "r")
    told.baseline("pop", 0.1)
    told.candidate(None, reason="it broke in line 3")
    told.record(ev.SearchEnded(reason="out of time"))
    told.record(ev.ChampionChosen(candidate=None, reason="nothing"))
    told.record(ev.RunEnded(reason="nothing valid was found: 1 candidate tried"))
    text = said(told)
    assert "Nothing valid was found: 1 candidate tried" in text
    assert "1 candidate tried, 1 failed" in text
    assert "it broke in line 3" in text
    assert "the test stayed sealed" in text


def test_every_candidate_stands_in_the_table_and_every_link_leads_somewhere(tmp_path):
    told = finished(tmp_path / "r")
    page = page_of(told)
    ids = {a["id"] for _, a in page.elements if "id" in a}
    assert {f"c{i}" for i in range(6)} <= ids
    assert {a["href"][1:] for tag, a in page.elements if tag == "a"} <= ids


def test_lineage_of_a_long_chain(tmp_path):
    told = Told(tmp_path / "r")
    parents: tuple[str, ...] = ()
    for step in range(60):
        parents = (told.candidate(step / 100, operator=Operator.IMPROVE, parents=parents),)
    text = said(told)
    assert "1 family of two and more" in text
    assert "60 candidates from" in text


def test_code_and_the_diff_to_its_parent(tmp_path):
    html = render(read_account(finished(tmp_path / "r").folder))
    assert '<span class="removed">-X = 1' in html
    assert '<span class="added">+X = 2' in html
    assert '<span class="mi">2</span>' in html


def test_a_hundred_candidates_fit(tmp_path):
    told = Told(tmp_path / "r")
    pop = told.baseline("pop", 0.1)
    code = "".join(f"def step_{i}(x):\n    return x * {i}  # a line like any other\n\n" for i in range(60))
    ids = [told.candidate(0.1 + i / 1000, code=f"{code}X = {i}\n", hypothesis=f"idea {i}") for i in range(100)]
    told.generation(ids[-4:], decided=100)
    told.finals(ids[:-4:-1], {ids[-1]: 0.2, pop: 0.1})
    assert len(render(read_account(told.folder)).encode()) < 1_500_000


def test_what_is_diagnosed_stands_beside_the_best_baselines(tmp_path):
    text = " ".join(said(finished(tmp_path / "r")).split())
    assert "Users by history: ndcg@10" in text
    assert "Wanted items by popularity: share in the top 10" in text
    assert "still rising at its end: undertrained90 %100 %214,528items.weight 21.4 of 64#2" in text
    assert "parent0.6112098725users by history: middle +0.0121; wanted items by popularity: tail +0.0186" in text
    assert "users by history: long −0.0098; wanted items by popularity: head −0.0300" in text
    assert "completed predicts as #2" in text
    told = Told(tmp_path / "bare")
    told.candidate(0.1)
    assert "nothing to diagnose" in said(told)


def test_the_configuration_can_be_used_again(tmp_path):
    config = SearchConfig(
        budget="90s",
        hypotheses=('say "no"\n\\', "ö\x7f"),
        columns="user=uid",
        prices={"a/b.c": {"input": 1, "output": 2}},
    )
    text = as_toml(config.model_dump(mode="json") | {"seed_sources": {"x": {"model.py": "y"}}})
    assert SearchConfig.model_validate(tomllib.loads(text)) == config


def test_what_was_not_trained_says_why(tmp_path):
    told = Told(tmp_path / "r")
    told.baseline("pop", 0.2)
    told.candidate(None, trained=False)
    told.record(ev.SearchEnded(reason="out of time"))
    assert re.search(r"not run \W* ?the search ended before its turn \(out of time\)", said(told))


def test_the_ends_of_an_interval_stand_apart_from_the_gain(tmp_path):
    page = render(read_account(finished(tmp_path / "r").folder))
    drawn = re.findall(r">([^<>]+)</text>", page)
    ends = [text for text in drawn if " to " in text]
    assert len(ends) == 2
    for text in ends:
        assert re.fullmatch(r"[+−][\d.]+ to [+−][\d.]+", text)
        assert re.fullmatch(r"[+−][\d.]+", drawn[drawn.index(text) - 1])


def test_the_command_writes_where_it_is_told(tmp_path, monkeypatch, capsys):
    path = finished(tmp_path / "runs" / "demo").close()
    monkeypatch.chdir(tmp_path)
    assert run(["report", "demo"]) == 0
    assert (path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run(["report", "demo"]) == 0  # its own page is made anew
    assert run(["report", "demo", "-o", "mine.html"]) == 0
    assert "runs/demo/report.html" in capsys.readouterr().out
    (tmp_path / "mine.html").write_text("precious")
    assert run(["report", "demo", "-o", "mine.html"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "mine.html").read_text() == "precious"
    assert run(["report", "demo", "-o", "-"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("</html>")


@pytest.mark.parametrize("arguments", [("nowhere",), ("a b",), ("demo", "-o", "no/such/folder.html")])
def test_a_wrong_run_or_place_is_explained(arguments, tmp_path, monkeypatch, capsys):
    finished(tmp_path / "runs" / "demo").close()
    monkeypatch.chdir(tmp_path)
    assert run(["report", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert "fix: " in told


def test_a_damaged_split_is_explained(tmp_path):
    told = finished(tmp_path / "r")
    (tmp_path / "r" / "split.json").write_text("{")
    with pytest.raises(RunError, match="is not JSON"):
        read_account(told.folder)


def test_the_hostile_text_holds_what_it_should():
    assert all(part in HOSTILE for part in ("<script>", "</style>", "onerror=", "javascript:", "\x1b", "\u202e"))
