"""SVG as text: elements that escape what they are given, scales, round ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape

from autorec.domain.text import plain

LINE_HEIGHT = 15.0


def element(tag: str, *children: Markup | str, **attributes: object) -> Markup:
    """`<tag ...>...</tag>`; `class_` is `class`, `font_size` is `font-size`; text is escaped, floats are rounded."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    inside = Markup("").join(Markup(' {}="{}"').format(name, _shown(value)) for name, value in named.items())
    body = Markup("").join(child if isinstance(child, Markup) else escape(plain(child)) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, inside, body)


def picture(width: float, height: float, label: str, shapes: Iterable[Markup]) -> Markup:
    """A whole drawing that scales with its box; `label` is what a screen reader says."""
    return element("svg", *shapes, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=plain(label))


def text(x: float, y: float, content: str, class_: str = "tick", anchor: str = "start") -> Markup:
    return element("text", content, x=x, y=y, class_=class_, text_anchor=None if anchor == "start" else anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """A polyline through the points."""
    return element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=class_)


def dot(x: float, y: float, radius: float, class_: str, title: str = "") -> Markup:
    told = (element("title", title),) if title else ()
    return element("circle", *told, cx=x, cy=y, r=radius, class_=class_)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps [low, high] of the data to [start, end] of the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.start + (value - self.low) / span * (self.end - self.start)

    def ticks(self, about: int, least: float = 0.0) -> list[float]:
        """Round values within the range, near `about` of them and no less than `least` apart."""
        step = max(least, _round_step((self.high - self.low) / max(1, about)))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [i * step for i in range(first, last + 1)]


def padded(values: Iterable[float], share: float = 0.06) -> tuple[float, float]:
    """The range of the values with some room on both sides; never empty."""
    known = list(values)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    room = (high - low) * share or abs(high) * share or 1.0
    return low - room, high + room


def spread(wanted: Iterable[float], top: float, bottom: float) -> list[float]:
    """Heights for labels, as near to the wanted ones as fits without overlap; in the order that they came."""
    heights = list(wanted)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    room = min(LINE_HEIGHT, (bottom - top) / max(1, len(order) - 1)) if len(order) > 1 else LINE_HEIGHT
    last = top - room
    for i in order:
        last = heights[i] = max(heights[i], last + room)
    last = bottom + room
    for i in reversed(order):
        last = heights[i] = min(heights[i], last - room)
    return heights


def tick_label(value: float, step: float) -> str:
    """A tick with as many decimals as its step needs."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
    return f"{value:,.{decimals}f}"


def _round_step(rough: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) nearest to a step, by ratio."""
    if not rough > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return power * min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / rough)))


def _shown(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
