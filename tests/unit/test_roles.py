"""What a role decides, and what it refuses: objectives, columns, splits."""

import pytest

from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Direction
from autorec.schemas.config import SearchConfig
from autorec.tasks.roles import role_named
from autorec.wiring import settle


def test_an_unknown_role_is_refused_with_the_nearest_known_one():
    with pytest.raises(UsageError, match="role: there is no 'retreival'; expected one of retrieval") as caught:
        role_named("retreival")
    assert caught.value.fix == "did you mean 'retrieval'?"


def test_the_role_fills_in_what_the_configuration_leaves_open():
    settled = settle(SearchConfig())
    assert (settled.objectives, settled.search_space) == (("ndcg@10",), "retrieval")
    assert settle(settled) == settled
    chosen = settle(SearchConfig(objectives=("recall@20",)))
    assert chosen.objectives == ("recall@20",)


def test_costs_and_gini_are_minimised():
    names = ("ndcg@20", "gini@10", "predict_s")
    directions = [o.direction for o in role_named("retrieval").objectives(names)]
    assert directions == [Direction.MAXIMIZE, Direction.MINIMIZE, Direction.MINIMIZE]


def test_metrics_are_cut_where_objectives_name_it_too():
    role = role_named("retrieval")
    assert role.cutoffs(SearchConfig(objectives=("ndcg@7", "predict_s"))) == (5, 7, 10, 20)
    assert role.cutoffs(SearchConfig(objectives=("ndcg@7",), cutoffs=(50, 1))) == (1, 7, 50)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": ("ndgc@10",)}, "'ndgc@10' is neither a metric of retrieval nor a cost"),
        ({"objectives": ("ndcg@0",)}, "neither a metric"),
        ({"objectives": ("ndcg",)}, "neither a metric"),
        ({"objectives": ("predict_s",)}, "must be a metric of every unit, not 'predict_s'"),
        ({"objectives": ("gini@10",)}, "must be a metric of every unit, not 'gini@10'"),
        ({"columns": {"person": "uid"}}, "columns: 'person' means nothing to retrieval"),
    ],
)
def test_what_a_role_does_not_have_is_refused(changes, message):
    with pytest.raises(UsageError, match=message) as caught:
        settle(SearchConfig(**changes))
    assert caught.value.fix
