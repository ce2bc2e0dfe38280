"""What a role decides, and what it refuses: objectives, columns, splits."""

import pytest

from autorec.assets import assets
from autorec.domain.errors import UsageError
from autorec.domain.evaluation import Direction
from autorec.domain.job import Part
from autorec.judging.judges import open_judge
from autorec.schemas.config import SearchConfig
from autorec.schemas.space import find_space, load_space
from autorec.tasks.known_roles import role_named
from autorec.wiring import load_data, settle


def test_an_unknown_role_is_refused_with_the_nearest_known_one():
    with pytest.raises(UsageError, match="role: there is no 'retreival'; expected one of retrieval, ranking") as caught:
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


def test_log_loss_is_minimised_and_can_be_the_first_objective():
    settled = settle(SearchConfig(role="ranking", objectives=("logloss", "auc")))
    directions = [o.direction for o in role_named("ranking").objectives(settled.objectives)]
    assert directions == [Direction.MINIMIZE, Direction.MAXIMIZE]
    assert settle(SearchConfig(role="ranking")).search_space == "ranking"


@pytest.mark.parametrize("name", ["retrieval", "ranking"])
def test_a_role_is_whole(name):
    """What it names exists: its search space with a design for each baseline, its prompts, a judge for its answers."""
    role = role_named(name)
    space = load_space(find_space(role.search_space, assets("search_spaces")))
    assert space.role == name
    assert set(role.baselines) <= set(space.designs)
    for partial in ("answers", "reckit", "example", "task"):
        assert (assets("prompts") / "partials" / name / f"{partial}.j2").is_file()
    material = load_data(SearchConfig(role=name))
    judge = open_judge(
        material.answer["answer"], material.key(b"secret"), primary=role.default_objectives[0], cutoffs=(10,)
    )
    with pytest.raises(UsageError, match="the test is sealed"):
        judge.judge(b"", Part.TEST)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "ranking", "objectives": ("ndcg",)}, "'ndcg' is neither a metric of ranking nor a cost"),
        ({"role": "ranking", "objectives": ("auc@10",)}, "'auc@10' is neither"),
        ({"role": "ranking", "objectives": ("auc", "calibration")}, "'calibration' is neither"),
        ({"role": "ranking", "objectives": ("ece",)}, "must be a metric of every unit, not 'ece'"),
        ({"role": "ranking", "split": "loo"}, "split: 'loo' is not for ranking"),
        ({"role": "ranking", "columns": {"item": "sku"}}, "columns: 'item' means nothing to ranking"),
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


def test_rows_are_not_selected_like_a_log():
    with pytest.raises(UsageError, match="k_core is for logs of interactions"):
        load_data(SearchConfig(role="ranking", k_core=5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"role": "ranking", "top_k": 20}, "top_k is for lists of items"),
        ({"role": "ranking", "columns": {"user": "uid"}}, "columns speaks of a file, and none was given"),
        ({"columns": {"user": "uid"}}, "columns speaks of a log, and none was given"),
    ],
)
def test_what_would_do_nothing_is_refused(changes, message):
    with pytest.raises(UsageError, match=message) as caught:
        load_data(SearchConfig(**changes))
    assert caught.value.fix


CLICKS = "user_id,item_id,timestamp,click\n" + "".join(f"u{n % 9},i{n % 131},{n},{n // 2 % 2}\n" for n in range(120))
CRITEO = "".join("\t".join([str(n % 2), *["1"] * 13, *["ab"] * 26]) + "\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "more", "sign"),
    [
        (CLICKS, {}, "its column 'click' holds 0 and 1 alone"),
        (CLICKS, {"columns": {"user": "user_id"}}, "its column 'click' holds 0 and 1 alone"),
        (CLICKS, {"columns": {"label": "click"}}, "--columns names its label"),
        (CRITEO, {}, "it has the Criteo layout"),
    ],
)
def test_data_of_another_role_than_the_default_is_not_misread(tmp_path, text, more, sign):
    file = tmp_path / "rows.csv"
    file.write_text(text)
    for ask in (settle, load_data):
        with pytest.raises(UsageError, match=f"rows.csv looks like data for ranking: {sign}") as caught:
            ask(SearchConfig(data=file, **more))
        assert caught.value.fix.startswith("give --role ranking")


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (CLICKS, {"role": "retrieval"}),
        (CLICKS, {"min_rating": 1}),
        (CLICKS, {"columns": {"value": "click"}}),
        (CLICKS.replace(",0\n", ",1\n"), {}),
        (CLICKS.replace("click", "rating"), {}),
        (CLICKS.replace(",0\n", ",3\n"), {}),
    ],
    ids=["named", "filtered by value", "its column named", "positive only", "a rating", "grades"],
)
def test_a_log_with_values_is_a_log(tmp_path, text, more):
    file = tmp_path / "log.csv"
    file.write_text(text)
    assert "users" in load_data(SearchConfig(data=file, **more)).sizes


def test_a_settled_role_is_not_doubted_again(tmp_path):
    """What a run keeps says its role, so that it is taken up again whatever its data looks like."""
    assert "role" in settle(SearchConfig()).model_fields_set
