"""The drawings of a report. Each is made twice, for a wide and for a narrow screen, so that its text stays legible."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autorec.domain.evaluation import Objective
from autorec.web import svg
from autorec.web.wording import better_way, signed

Draw = Callable[[float], Markup]
FULL, HALF, NARROW = 920.0, 500.0, 350.0
"""Widths in units of the drawing, near the pixels that it takes: the page, half of it, a telephone."""
TOP, BOTTOM, LEFT = 14.0, 42.0, 46.0
ROW = 34.0
CHARACTER = 6.2
"""Width of a letter of a label."""
INTERVAL_ROOM, FIGURES_ROOM = 138.0, 206.0
"""Room right of a forest: for the ends of an interval, and for the effect before them as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A candidate in a plot."""

    x: float
    y: float | None
    class_: str
    title: str
    large: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line through (x, y); one without a label stays in the background."""

    points: tuple[tuple[float, float], ...]
    class_: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A row of a forest plot."""

    label: str
    effect: float
    low: float
    high: float


def both_widths(draw: Draw, wide: float) -> Markup:
    """The drawing for a wide and for a narrow screen; the style sheet shows one of them."""
    return svg.element("div", draw(wide), class_="wide") + svg.element("div", draw(NARROW), class_="narrow")


def _height(width: float) -> float:
    return 300.0 if width < FULL else 380.0


def _gutter(width: float) -> float:
    return 84.0 if width == NARROW else 112.0


def progress(
    points: Sequence[Point],
    levels: Sequence[tuple[str, float]],
    x_name: str,
    objective: Objective,
    whole: bool = False,
) -> Draw:
    """Every candidate as a dot, the best so far as a step line, baselines as levels.

    A few very bad candidates would flatten the rest: those stand hollow on the edge of the plot. `whole` is for an x
    that counts.
    """
    known = [p.y for p in points if p.y is not None]
    low, high = svg.padded([*_without_the_worst(known, objective), *(level for _, level in levels)])

    def draw(width: float) -> Markup:
        frame = _Frame(width, (0.0, max([p.x for p in points], default=1.0) * 1.02), (low, high))
        shapes = frame.axes(x_name, 1.0 if whole else 0.0)
        shapes += frame.levels([(name, value) for name, value in levels if low <= value <= high])
        shapes.append(svg.path(frame.steps(points, objective), "best"))
        for point in sorted(points, key=lambda p: p.large):
            if point.y is not None:
                inside = low <= point.y <= high
                y = frame.y(min(max(point.y, low), high))
                class_ = point.class_ if inside else f"{point.class_} hollow"
                shapes.append(svg.dot(frame.x(point.x), y, 6.0 if point.large else 4.0, class_, point.title))
        return svg.picture(width, _height(width), f"{objective.name} by {x_name}", shapes)

    return draw


def curves(lines: Sequence[Curve], objective: Objective) -> Draw:
    """Learning curves: named ones in colour with their name at the end, all others grey behind them."""
    named, rest = [c for c in lines if c.label], [c for c in lines if not c.label]
    seconds = [x for c in lines for x, _ in c.points]
    ends = [y for c in lines for _, y in c.points]
    low, high = svg.padded(_without_the_worst(ends, objective))

    def draw(width: float) -> Markup:
        frame = _Frame(width, (0.0, max(seconds, default=1.0) * 1.02), (low, high))
        shapes = frame.axes("seconds of training")
        for curve in (*rest, *named):
            at = [(frame.x(x), frame.y(min(max(y, low), high))) for x, y in curve.points]
            shapes.append(svg.path(at, f"curve {curve.class_}") if len(at) > 1 else Markup(""))
            if curve.label:
                shapes.append(svg.line(*at[-1], frame.right, at[-1][1], f"held {curve.class_}"))
            shapes.append(svg.dot(*at[-1], 3.5 if curve.label else 2.0, f"end {curve.class_}", curve.label))
        heights = svg.spread((frame.y(min(max(c.points[-1][1], low), high)) for c in named), TOP + 4, frame.bottom)
        for curve, height in zip(named, heights, strict=True):
            shapes.append(svg.text(frame.right + 8, height + 4, frame.cut(curve.label), f"label {curve.class_}"))
        return svg.picture(width, _height(width), "Learning curves", shapes)

    return draw


def forest(rows: Sequence[Interval], objective: Objective) -> Draw:
    """The champion's gain over each baseline with its interval; the line is no difference."""
    low, high = svg.padded([0.0, *(r.low for r in rows), *(r.high for r in rows)], 0.05)
    height = TOP + ROW * len(rows) + BOTTOM

    def draw(width: float) -> Markup:
        left = 8 + CHARACTER * min(16, max(len(r.label) for r in rows))
        right = width - (FIGURES_ROOM if width > NARROW else 14)
        x = svg.Scale(low, high, left + 12, right)
        ticks = x.ticks(round(width / 100))
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        bottom = height - BOTTOM
        shapes = [svg.line(x(t), TOP, x(t), bottom, "grid") for t in ticks]
        shapes += [svg.text(x(t), bottom + 16, _signed(t, step), "tick", "middle") for t in ticks]
        shapes.append(svg.line(x(0.0), TOP - 6, x(0.0), bottom + 2, "zero"))
        below = f"champion − baseline; {better_way(objective)}"
        shapes.append(svg.text(width / 2, height - 4, below, "axis", "middle"))
        for i, row in enumerate(rows):
            y = TOP + ROW * (i + 0.5)
            class_ = _side(row, objective)
            shapes.append(svg.text(left, y + 4, _cut(row.label, 16), "name", "end"))
            shapes.append(svg.line(x(row.low), y, x(row.high), y, f"interval {class_}"))
            shapes += [svg.line(x(end), y - 5, x(end), y + 5, f"interval {class_}") for end in (row.low, row.high)]
            shapes.append(svg.dot(x(row.effect), y, 5.0, f"effect {class_}"))
            if width > NARROW:
                shapes.append(svg.text(width - INTERVAL_ROOM, y + 4, signed(row.effect), "name", "end"))
                ends = f"{signed(row.low)} to {signed(row.high)}"
                shapes.append(svg.text(width, y + 4, ends, "figure", "end"))
        return svg.picture(width, height, "The champion against each baseline on the sealed test", shapes)

    return draw


class _Frame:
    """Axes of a plot with a gutter for labels on the right."""

    def __init__(self, width: float, xs: tuple[float, float], ys: tuple[float, float]) -> None:
        self.width, self.height = width, _height(width)
        self.right, self.bottom = width - _gutter(width), self.height - BOTTOM
        self.x = svg.Scale(*xs, LEFT, self.right)
        self.y = svg.Scale(*ys, self.bottom, TOP)

    def axes(self, x_name: str, least_x: float = 0.0) -> list[Markup]:
        shapes = []
        ticks = self.y.ticks(6)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        for tick in ticks:
            shapes.append(svg.line(LEFT, self.y(tick), self.right, self.y(tick), "grid"))
            shapes.append(svg.text(LEFT - 7, self.y(tick) + 4, svg.tick_label(tick, step), "tick", "end"))
        ticks = self.x.ticks(round(self.width / 85), least_x)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        for tick in ticks:
            label = svg.tick_label(tick, step)
            shapes.append(svg.text(self.x(tick), self.bottom + 18, label, "tick", "middle"))
        shapes.append(svg.line(LEFT, self.bottom, self.right, self.bottom, "floor"))
        shapes.append(svg.text((LEFT + self.right) / 2, self.height - 4, x_name, "axis", "middle"))
        return shapes

    def levels(self, levels: Sequence[tuple[str, float]]) -> list[Markup]:
        heights = svg.spread((self.y(value) for _, value in levels), TOP + 4, self.bottom)
        shapes = []
        for (name, value), height in zip(levels, heights, strict=True):
            shapes.append(svg.line(LEFT, self.y(value), self.right, self.y(value), "level"))
            shapes.append(svg.line(self.right, self.y(value), self.right + 6, height, "leader"))
            shapes.append(svg.text(self.right + 8, height + 4, self.cut(name), "label"))
        return shapes

    def steps(self, points: Sequence[Point], objective: Objective) -> list[tuple[float, float]]:
        """The best so far as corners of a step line."""
        corners: list[tuple[float, float]] = []
        best: float | None = None
        for point in points:
            if point.y is not None and (best is None or objective.worth(point.y - best) > 0):
                if best is not None:
                    corners.append((self.x(point.x), self.y(best)))
                best = point.y
                corners.append((self.x(point.x), self.y(best)))
        return [*corners, (self.right, corners[-1][1])] if corners else []

    def cut(self, label: str) -> str:
        return _cut(label, int((_gutter(self.width) - 10) / CHARACTER))


def _without_the_worst(values: Sequence[float], objective: Objective) -> list[float]:
    """The better three quarters of the values, of few values all."""
    ranked = sorted(values, key=lambda value: -objective.worth(value))
    return ranked if len(ranked) < 8 else ranked[: round(len(ranked) * 0.75)]


def _side(row: Interval, objective: Objective) -> str:
    ends = [objective.worth(row.low), objective.worth(row.high)]
    return "better" if min(ends) > 0 else "worse" if max(ends) < 0 else "unresolved"


def _signed(value: float, step: float) -> str:
    label = svg.tick_label(abs(value), step)
    return label if abs(value) < step / 2 else f"{'+' if value > 0 else '−'}{label}"


def _cut(label: str, most: int) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"
