"""The lineage of a candidate: who is in it, and that no form of it can be broken by what a name holds."""

import json
import re
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from autorec.cli.lineage import to_dot, to_json, to_text
from autorec.domain.candidate import Operator
from autorec.domain.job import OutcomeKind
from autorec.domain.lineage import lineage_of
from autorec.testing.memory import MemoryObjects
from autorec.testing.states import Story


def files(text: object) -> dict[str, str]:
    return {"model.py": f"# {text}\n", "train.py": ""}


def family():
    """a -> (b, failed c); b and another draft d -> crossover e -> f; g beside."""
    story = Story(MemoryObjects())
    a = story.tell(files("a"), value=0.1)
    b = story.tell(files("b"), value=0.2, operator=Operator.IMPROVE, parents=(a.id,))
    c = story.tell(files("c"), outcome=OutcomeKind.CRASHED, operator=Operator.IMPROVE, parents=(a.id,))
    d = story.tell(files("d"), value=0.3)
    e = story.tell(files("e"), value=0.25, operator=Operator.CROSSOVER, parents=(b.id, d.id))
    f = story.tell(files("f"), decided=False, operator=Operator.SIMPLIFY, parents=(e.id,))
    story.tell(files("g"), value=0.1)
    return story.state([e, b]), (a, b, c, d, e, f)


def test_ancestors_and_descendants_and_nobody_else():
    state, (a, b, c, d, e, f) = family()
    assert [r.id for r in lineage_of(state, e.id).records] == [a.id, b.id, d.id, e.id, f.id]
    assert [r.id for r in lineage_of(state, a.id).records] == [a.id, b.id, c.id, e.id, f.id]
    assert [r.id for r in lineage_of(state, d.id).roots] == [d.id]


def test_the_tree_is_read_as_it_was_made():
    state, (a, b, _, d, e, f) = family()
    lines = list(to_text(lineage_of(state, e.id), state))
    assert [line.split()[1] for line in lines[1:]] == [r.id[:10] for r in (a, b, e, f, d, e)]
    assert lines[3].split()[2:] == ["crossover", "0.2500", "+0.0500", "asked", "for,", "survivor"]
    assert lines[4].endswith("not judged")
    assert lines[6].split()[3:] == ["0.2500", "-0.0500", "asked", "for,", "see", "above"]
    assert max(map(len, lines)) <= 80
    branches = list(to_text(lineage_of(state, a.id), state))
    assert [line[:3] for line in branches[2:]] == ["├─◦", "│ ↓", "│ ↓", "└─◦"]
    assert branches[-1].endswith("failed")


def test_json_has_a_difference_to_each_parent():
    state, (_, b, _, d, e, _) = family()
    content = json.loads(json.dumps(to_json(lineage_of(state, e.id), state)))
    found = next(r for r in content["lineage"] if r["id"] == e.id)
    assert {k: round(v, 4) for k, v in found["deltas"].items()} == {b.id: 0.05, d.id: -0.05}


@given(st.text(max_size=40))
def test_no_name_breaks_out_of_a_dot_label(name):
    story = Story(MemoryObjects())
    record = story.tell(files("a"), operator=Operator.BASELINE, name=name or "x", value=0.1)
    state = story.state()
    text = to_dot(lineage_of(state, record.id), state)
    quoted = re.compile(r'"(?:[^"\\]|\\.)*"')
    rest = " ".join(re.sub(quoted, "S", text).split())
    assert rest == "digraph lineage { node [shape=box, fontname=S]; S [label=S, penwidth=3]; }"
    assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in text)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=2), min_size=1, max_size=15), st.integers(0, 14))
def test_every_edge_of_any_lineage_is_a_line(parents, focus):
    story, made = Story(MemoryObjects()), []
    for number, chosen in enumerate(parents):
        of = tuple(dict.fromkeys(made[p % number] for p in chosen)) if number else ()
        made.append(story.tell(files(number), value=0.1, parents=of).id)
    state = story.state()
    found = lineage_of(state, made[focus % len(made)])
    ids = {r.id for r in found.records}
    edges = sum(len(ids & set(r.parents)) for r in found.records)
    assert len(list(to_text(found, state))) == 1 + len(found.roots) + edges
    assert to_dot(found, state).count("->") == edges


def test_a_lineage_may_be_very_long():
    story, last = Story(MemoryObjects()), ()
    for number in range(3000):
        last = (story.tell(files(number), value=0.1, parents=last).id,)
    state = story.state()
    assert len(list(to_text(lineage_of(state, last[0]), state))) == 3001
