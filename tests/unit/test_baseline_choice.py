"""Which designs a search compares with, and which of all the command for baselines has time for."""

import pytest

from autorec.domain.errors import AutorecError, SpaceError
from autorec.schemas.config import SearchConfig
from autorec.wiring import choose_in_time, settle
from autorec.wiring.arena import time_plan
from autorec.wiring.spaces import open_space

SPACE = open_space(SearchConfig())
SPINE = ("pop", "itemknn", "ease", "ease_recency", "sasrec")


def config(*baselines: str, **more: object) -> SearchConfig:
    return SearchConfig.model_validate({"baselines": baselines, "workers": 2, **more})


def test_a_search_compares_with_the_usual_ones_unless_told_otherwise():
    assert settle(config()).baselines == SPINE
    assert settle(config("slim", "pop", "slim")).baselines == ("slim", "pop")
    assert set(settle(config("all")).baselines) > {*SPINE, "slim", "bpr_mf", "lightgcn"}


def test_what_is_settled_stays():
    assert settle(settle(config("all"))) == settle(config("all"))


def test_an_unknown_baseline_is_told_the_nearest():
    with pytest.raises(SpaceError, match="no design named 'slmi'; expected one of pop, ") as raised:
        settle(config("ease", "slmi"))
    assert raised.value.fix == "did you mean slim?"


def test_a_plan_counts_those_that_use_all_of_their_time():
    quick, slow = (
        time_plan(settle(config(*names, training=60)), SPACE) for names in (("slim", "ease"), ("sasrec", "bpr_mf"))
    )
    assert slow.least_s > quick.least_s + 60
    with pytest.raises(AutorecError, match="too short for baselines"):
        time_plan(settle(config("all", budget=120, training=20)), SPACE)


def test_all_that_a_budget_has_time_for_are_measured():
    chosen, left_out = choose_in_time(config())
    assert chosen.baselines == settle(config("all")).baselines
    assert left_out == ()
    chosen, left_out = choose_in_time(config(budget=70, training=30))
    assert chosen.baselines == (*SPINE, "slim", "bpr_mf")
    assert left_out == ("lightgcn", "gru4rec", "bert4rec")


def test_what_is_named_is_measured_whatever_it_takes():
    chosen, left_out = choose_in_time(config("lightgcn", "sasrec", budget=10, training=600))
    assert (chosen.baselines, left_out) == (("lightgcn", "sasrec"), ())
