"""Prompts of one's own: they replace, they extend, and what is wrong with them is told with file and line."""

from dataclasses import replace
from pathlib import Path

import pytest

from autorec.assets import assets
from autorec.domain.errors import UsageError
from autorec.domain.job import Limits
from autorec.prompting.render import Templates
from autorec.prompting.templates import read_templates
from autorec.prompting.trial import try_out
from autorec.testing.states import TASK
from autorec.wiring.own import Own

BUILT_IN = assets("prompts")


def own(folder: Path, **texts: str) -> Templates:
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/')}.j2"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return Templates(BUILT_IN, read_templates(folder, "prompts"))


FACTS = {"faults": ["it is empty"], "truncated": False}


def test_a_file_takes_the_place_of_the_built_in_one(tmp_path):
    assert own(tmp_path, again="Once more: {{ faults[0] }}").render("again", FACTS) == "Once more: it is empty\n"


def test_a_block_is_extended_and_the_rest_stays(tmp_path):
    before = Templates(BUILT_IN).render("system", {"role": "retrieval"})
    text = '{% extends "builtin/system.j2" %}{% block aim %}Be brief.\n{% endblock %}'
    after = own(tmp_path, system=text).render("system", {"role": "retrieval"})
    assert after.startswith("Be brief.")
    assert after.split("# The candidate")[1] == before.split("# The candidate")[1]


def test_a_partial_is_replaced_inside_the_built_in_prompts(tmp_path):
    templates = own(tmp_path, partials__reply="Reply as you like.")
    assert templates.render("system", {"role": "retrieval"}).endswith("Reply as you like.\n")


def test_a_partial_of_ones_own_is_known_by_who_includes_it(tmp_path):
    templates = own(tmp_path, again='{% include "partials/mine.j2" %}', partials__mine="Mine.")
    assert templates.render("again", FACTS) == "Mine.\n"


@pytest.mark.parametrize(
    ("name", "text", "said", "fix"),
    [
        ("drafts", "x", "drafts.j2 takes the place of no built-in template", "did you mean draft.j2?"),
        ("partials__arxive", "x", "arxive.j2 takes the place of no", "did you mean partials/archive.j2?"),
        ("draft", "one\n{% if %}", "draft.j2:2: ", "edit the template"),
        ("draft", "one\ntwo {{ task.nothing }}", "draft.j2:2: .*no attribute 'nothing'", "edit the template"),
        ("draft", "one\n\n{{ nowhere }}", "draft.j2:3: 'nowhere' is undefined", "edit the template"),
        ("improve", "{{ parent.number / 0 }}", "improve.j2:1: ZeroDivisionError", "edit the template"),
        ("repair", "a\n{{ parent.idea | number }}", "repair.j2:2: ValueError", "edit the template"),
        ("again", '{% extends "builtin/agian.j2" %}', "again.j2:1: there is no template builtin/agian.j2", "again.j2"),
    ],
)
def test_what_is_wrong_is_told_before_the_search_with_its_file(tmp_path, name, text, said, fix):
    with pytest.raises(UsageError, match=said) as caught:
        try_out(own(tmp_path, **{name: text}), TASK, Limits())
    assert str(tmp_path) in str(caught.value)
    assert fix in caught.value.fix


def test_the_built_in_prompts_pass_the_trial():
    try_out(Templates(BUILT_IN), TASK, Limits())


def test_a_folder_without_a_template_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"holds no \.j2 file"):
        read_templates(tmp_path, "prompts")
    with pytest.raises(UsageError, match="is no folder"):
        read_templates(tmp_path / "nowhere", "prompts")
    (tmp_path / "draft.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"draft\.j2 is not UTF-8 text"):
        read_templates(tmp_path, "prompts")


def test_the_built_in_ones_of_then_are_rendered_and_not_those_of_now(tmp_path):
    read = read_templates(BUILT_IN, "prompts")
    then = replace(read, files={**read.files, "again.j2": "It was thus."})
    (tmp_path / "draft.j2").write_text("{% include 'builtin/again.j2' %} And so on.")
    kept = Own.from_json(Own(builtin_prompts=then, prompts=read_templates(tmp_path, "prompts")).as_json())
    assert kept.templates.render("again", {}) == "It was thus.\n"
    assert kept.templates.render("draft", {}) == "It was thus. And so on.\n"
    assert Own().templates.render("system", {"role": "ranking"}) == kept.templates.render("system", {"role": "ranking"})


def test_a_template_reaches_neither_python_nor_the_machine(tmp_path, monkeypatch):
    """A recording brings the templates of whoever made it, and is rendered by whoever plays it."""
    monkeypatch.chdir(tmp_path)
    payload = "{{ cycler.__init__.__globals__.os.system('id > PWNED') }}"
    with pytest.raises(UsageError, match=r"again.j2:1: .*unsafe"):
        own(tmp_path / "prompts", again=payload).render("again", FACTS)
    with pytest.raises(UsageError, match=r"again.j2:1: .*unsafe"):
        own(tmp_path / "prompts", again="{{ faults.append('mine') }}").render("again", FACTS)
    assert not (tmp_path / "PWNED").exists()


def test_macros_loops_and_includes_work_in_templates_of_ones_own(tmp_path):
    text = """{% macro said(fault) %}- {{ fault }}!{% endmacro %}{% set seen = namespace(n=0) %}
{% for fault in faults %}{% set seen.n = seen.n + 1 %}{{ said(fault) }} {{ seen.n }}{% endfor %}
{{ "%s of %s" | format(seen.n, faults | length) }} {{ "a,b".split(",") | join("+") }}"""
    assert own(tmp_path, again=text).render("again", FACTS) == "- it is empty! 11 of 1 a+b\n"
