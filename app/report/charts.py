"""Numbers as positions in small SVG charts; the page's style gives the colours, so they fit light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

WIDTH, HEIGHT = 380.0, 236.0
LEFT, RIGHT, TOP, BOTTOM = 48.0, 14.0, 12.0, 40.0
_MAX_POINTS = 400  # of a line: more than a chart has pixels for
_MAX_DOTS = 120  # that answer to a pointer
_MAX_BARS = 200

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Tick:
    """A position along an axis and what stands there."""

    position: float
    text: str


@dataclass(frozen=True)
class Shape:
    """A line or an area: an SVG path, the class that styles it, and its name in the legend (or none)."""

    path: str
    style: str
    name: str = ""


@dataclass(frozen=True)
class Dot:
    """A point that shows a text under the pointer."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Bar:
    """An upright bar that shows a text under the pointer."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass
class Chart:
    """One picture. Positions are in its own units: `WIDTH` by `HEIGHT`.

    Attributes
    ----------
    key : str
        A name of letters, for ids.
    title, description : str
        What a reader, and one who cannot see it, is told.
    x_ticks, y_ticks : list of Tick
    x_title, note : str
    shapes : list of Shape
        Areas first: later ones lie on earlier ones.
    dots, bars : list
    events : list of float
        Positions of vertical lines.
    """

    key: str
    title: str
    description: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_title: str = "training images"
    note: str = ""
    shapes: list[Shape] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    events: list[float] = field(default_factory=list)
    left: float = LEFT
    right: float = WIDTH - RIGHT
    top: float = TOP
    bottom: float = HEIGHT - BOTTOM


@dataclass(frozen=True)
class Scale:
    """From values to positions, linear; `low` < `high`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the position of a value, to a hundredth."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 2)


def x_scale(low: float, high: float) -> Scale:
    """Positions along the horizontal axis."""
    return Scale(low, max(high, low + 1e-9), LEFT, WIDTH - RIGHT)


def y_scale(low: float, high: float) -> Scale:
    """Positions along the vertical axis, upwards."""
    return Scale(low, high if high > low else low + 1.0, HEIGHT - BOTTOM, TOP)


def nice_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers from ``low`` to ``high``, about so many; at least one."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low]
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next(power * f for f in (1, 2, 2.5, 5, 10) if span / (power * f) <= about * 1.2)
    first = math.ceil(low / step - 1e-9)
    return [round(step * k, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def line_path(points: Points, x: Scale, y: Scale) -> str:
    """A line through the points, thinned where they are more than the chart could show; one alone is a dash."""
    kept = [points[i] for i in thinned(len(points), _MAX_POINTS)]
    path = "M" + "L".join(f"{x(a):g} {y(b):g}" for a, b in kept) if kept else ""
    return f"{path}m-3 0h6" if len(kept) == 1 else path


def band_path(lower: Points, upper: Points, x: Scale, y: Scale) -> str:
    """The area between two lines over the same places."""
    there, back = line_path(lower, x, y), line_path(list(reversed(upper)), x, y)
    return f"{there}L{back[1:]}Z" if there else ""


def dots(points: Points, texts: Sequence[str], x: Scale, y: Scale) -> list[Dot]:
    """Points that answer to a pointer; not more than fit beside each other."""
    return [Dot(x(points[i][0]), y(points[i][1]), texts[i]) for i in thinned(len(points), _MAX_DOTS)]


def sorted_bars(values: np.ndarray, texts: Sequence[str], x: Scale, y: Scale) -> tuple[list[Bar], str]:
    """A bar for each value from the smallest on; an area in their place where they are too many.

    Returns
    -------
    list of Bar, str
        The bars and an empty path, or none and the path of the area.
    """
    order = np.argsort(values, kind="stable")
    floor = y(y.low)
    if len(values) > _MAX_BARS:
        points = [(float(k), float(values[order[k]])) for k in thinned(len(order), _MAX_POINTS)]
        return [], f"M{x(0):g} {floor:g}L{line_path(points, x, y)[1:]}L{x(points[-1][0]):g} {floor:g}Z"
    pitch = (x.end - x.start) / len(values)
    gap = min(1.0, 0.25 * pitch)
    found = []
    for k, neuron in enumerate(order.tolist()):
        top = y(float(values[neuron]))
        found.append(
            Bar(round(x.start + k * pitch, 2), top, round(pitch - gap, 2), round(floor - top, 2), texts[neuron])
        )
    return found, ""


def thinned(n: int, most: int) -> list[int]:
    """Indices 0 .. n - 1, or ``most`` of them, evenly spaced, both ends included."""
    if n <= most:
        return list(range(n))
    return sorted({round(k * (n - 1) / (most - 1)) for k in range(most)})
