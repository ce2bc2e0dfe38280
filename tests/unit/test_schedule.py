"""Which finals are trained again in the time that is left, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from autorec.domain.schedule import Final, choose, makespan_s


def final(name: str, again_s: float, kept_s: float = 1.0, **more: bool) -> Final:
    return Final(candidate=name, again_s=again_s, kept_s=kept_s, **more)


def played(waiting: list[Final], time_s: float, workers: int) -> tuple[list[str], list[str], float]:
    """Begins one whenever a worker is free; returns the order, who was trained again, and when the last one ends."""
    left, ends, order, again = list(waiting), [0.0] * workers, [], []
    while left:
        now = min(ends)
        chosen, trained = choose(left, time_s - now, [end - now for end in ends])
        left.remove(chosen)
        order.append(chosen.candidate)
        again += [chosen.candidate] * trained
        ends[ends.index(now)] += chosen.again_s if trained else chosen.kept_s
    return order, again, max(ends)


CHAMPION, POP, EASE = final("champion", 12, urgent=True), final("pop", 2, quick=True), final("ease", 4)
SASREC = final("sasrec", 14)
ALL = [POP, EASE, SASREC, CHAMPION]


def test_where_all_fit_the_longest_begin_first():
    assert played(ALL, 100, 2) == (["sasrec", "champion", "ease", "pop"], ["sasrec", "champion", "ease", "pop"], 16)


def test_where_time_is_short_what_is_cheap_is_not_what_is_skipped():
    order, again, end_s = played(ALL, 15, 2)
    assert order == ["champion", "pop", "ease", "sasrec"]
    assert again == ["champion", "pop", "ease"]
    assert end_s <= 15


def test_what_is_urgent_comes_first_and_leaves_time_to_judge_the_rest():
    assert played(ALL, 12, 1)[1] == ["pop", "ease"]
    assert played(ALL, 15, 1)[1] == ["champion", "pop"]


def test_what_is_quick_is_trained_again_as_long_as_there_is_time():
    waiting = [final(f"dear {n}", 50) for n in range(9)]
    assert played([*waiting, POP], 5, 1)[1] == ["pop"]
    assert played([*waiting, POP], 0, 1)[1] == []


costs = st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1)), min_size=1, max_size=12)


@given(costs=costs, time_s=st.floats(0, 500), workers=st.integers(1, 4))
def test_each_is_begun_once_and_time_is_kept(costs, time_s, workers):
    waiting = [final(str(n), again, again * share) for n, (again, share) in enumerate(costs)]
    order, again, end_s = played(waiting, time_s, workers)
    assert sorted(order) == sorted(each.candidate for each in waiting)
    free = [0.0] * workers
    if makespan_s((each.again_s for each in waiting), free) <= time_s - 1e-6:
        assert len(again) == len(waiting)
    if sum(each.kept_s for each in waiting) <= time_s:  # in whatever order
        assert end_s <= time_s + 1e-6


@given(seconds=st.lists(st.floats(0, 100), max_size=12), free_in=st.lists(st.floats(0, 50), min_size=1, max_size=5))
def test_the_longest_first_end_within_bounds(seconds, free_in):
    most = max(free_in) + sum(seconds) / len(free_in) + max(seconds, default=0.0)
    least = max(seconds, default=0.0) + min(free_in) if seconds else 0.0
    assert least - 1e-6 <= makespan_s(seconds, free_in) <= most + 1e-6
