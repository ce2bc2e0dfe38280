"""Which designs a search compares with, and which of all the command for baselines has time for."""

import re

import pytest

from autorec.domain.errors import AutorecError, SpaceError
from autorec.schemas.config import SearchConfig
from autorec.wiring import choose_in_time, settle
from autorec.wiring.spaces import open_space
from autorec.wiring.task import time_plan

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


def test_a_budget_that_is_too_short_is_told_in_times_that_people_read_and_that_can_be_typed():
    short = settle(config(budget=58))
    with pytest.raises(AutorecError, match=r"budget: 58s is too short .* 4\.8s of training each") as raised:
        time_plan(short, SPACE)
    enough = raised.value.fix.removeprefix("give --budget ")
    assert time_plan(settle(config(budget=enough)), SPACE).fits


def test_a_run_that_goes_on_is_told_of_nothing_but_its_budget():
    begun = settle(config("pop", budget=20, training=20))
    with pytest.raises(AutorecError) as first:
        time_plan(begun, SPACE)
    assert "--training" in first.value.fix
    with pytest.raises(AutorecError) as again:
        time_plan(begun, SPACE, goes_on=True)
    assert re.fullmatch(r"give --budget \w+", again.value.fix)


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
