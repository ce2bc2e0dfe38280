"""Which drawings a run gets, and what is drawn in them."""

from collections.abc import Mapping

from markupsafe import Markup

from autorec.domain.evaluation import Trained
from autorec.domain.state import Record
from autorec.web import charts
from autorec.web.account import Account, Step
from autorec.web.wording import figure, label, made

SURVIVORS_NAMED = 4
BASELINES_NAMED = 3


def all_plots(account: Account) -> Mapping[str, Markup]:
    """Name -> drawing; a drawing with nothing to show is left out."""
    drawn: dict[str, tuple[charts.Draw, float]] = {}
    objective = account.state.task.primary
    found = [(label(r), account.state.value(r)) for r in account.state.baselines]
    levels = [(name, level) for name, level in found if level is not None]
    if any(step.value is not None for step in account.steps):
        unit, seconds = _unit_of(account.steps[-1].worked_s)
        by_time = [_point(step, step.worked_s / seconds, account) for step in account.steps]
        by_place = [_point(step, float(step.place), account) for step in account.steps]
        drawn["by_time"] = charts.progress(by_time, levels, f"{unit} of work", objective), charts.HALF
        drawn["by_place"] = charts.progress(by_place, levels, "candidates decided", objective, whole=True), charts.HALF
    if lines := _curves(account):
        drawn["curves"] = charts.curves(lines, objective), charts.FULL
    if rows := _intervals(account):
        drawn["forest"] = charts.forest(rows, objective), charts.FULL
    return {name: charts.both_widths(draw, wide) for name, (draw, wide) in drawn.items()}


def _unit_of(seconds: float) -> tuple[str, float]:
    """What a time of that length is counted in, and the seconds in it."""
    return ("hours", 3600.0) if seconds > 7200 else ("minutes", 60.0) if seconds > 300 else ("seconds", 1.0)


def _point(step: Step, x: float, account: Account) -> charts.Point:
    record, champion = step.record, account.champion
    is_champion = champion is not None and record.id == champion.id
    return charts.Point(
        x=x,
        y=step.value,
        class_=f"op-{record.operator}" + (" is-champion" if is_champion else ""),
        title=f"#{record.number} {made(record)}: {figure(step.value)}",
        large=is_champion,
    )


def _intervals(account: Account) -> list[charts.Interval]:
    return [
        charts.Interval(label=label(c.baseline), effect=c.effect, low=c.low, high=c.high) for c in account.comparisons
    ]


def _curves(account: Account) -> list[charts.Curve]:
    """The champion, the survivors and the longest-trained baselines by name, all others without one."""
    classes = _named(account)
    found = []
    for record in account.state.records.values():
        if record.search is not None and record.search.curve and (record.id in classes or not record.is_baseline):
            class_ = classes.get(record.id, "")
            name = label(record) if class_ else ""
            found.append(charts.Curve(points=_points(record.search), class_=class_ or "rest", label=name))
    return found


def _named(account: Account) -> dict[str, str]:
    """Ids of the candidates with a colour of their own."""
    state = account.state
    first = account.champion or account.leader
    others = [r for r in state.survivors if first is None or r.id != first.id][:SURVIVORS_NAMED]
    trained = [r for r in state.baselines if r.search and len(r.search.curve) > 1]
    trained.sort(key=lambda r: -_seconds(r))
    named = {r.id: f"s{i + 1}" for i, r in enumerate(others)} | {r.id: "base" for r in trained[:BASELINES_NAMED]}
    return named | ({first.id: "champion"} if first else {})


def _seconds(record: Record) -> float:
    return record.search.curve[-1].training_s if record.search else 0.0


def _points(trained: Trained) -> tuple[tuple[float, float], ...]:
    return tuple((point.training_s, point.value) for point in trained.curve)
