"""How every picture looks: colours that colour-blind people tell apart, type, lines; and new figures in that style.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), few at a time, on white. Figures are built
without pyplot, so no backend, window or global state is involved.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK = "#22262b"
MUTED = "#6b7280"
FAINT = "#d9dde3"
BLUE = "#0072b2"
VERMILLION = "#d55e00"
GREEN = "#009e73"
ORANGE = "#e69f00"
SKY = "#56b4e9"
PURPLE = "#cc79a7"
PRUNED = "#f3e3cf"
CATEGORICAL = (BLUE, ORANGE, GREEN, SKY, VERMILLION, PURPLE, MUTED, INK)

# From paper to ink through one hue: lightness falls all the way, so it also reads in grey.
WEIGHTS = LinearSegmentedColormap.from_list(
    "lavaprune_weights", ["#fcfdff", "#b8d4ea", "#4f93c4", "#0f5c97", "#0a2540"]
)

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with Matplotlib: the same letters everywhere
    "font.size": 8.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
    "figure.titlesize": 12.0,
    "figure.titleweight": "bold",
    "image.interpolation": "nearest",
    "figure.dpi": 100.0,
    "savefig.dpi": 160.0,
}

Draws = TypeVar("Draws", bound=Callable[..., Figure])


def in_style() -> AbstractContextManager[None]:
    """Matplotlib's own defaults plus our style while the block runs, whatever the user's configuration says."""
    context: AbstractContextManager[None] = matplotlib.style.context(["default", STYLE])
    return context


def styled(draw: Draws) -> Draws:
    """Let a function that returns a Figure draw it in our style, layout included."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> Figure:
        with in_style():
            figure = draw(*args, **kwargs)
            figure.draw_without_rendering()  # ticks are made, and styled, only when a figure is drawn
        return figure

    return drawn  # type: ignore[return-value]


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure of that size in inches, for Matplotlib's Agg renderer."""
    figure = Figure(figsize=(width_in, height_in))
    FigureCanvasAgg(figure)
    return figure


def light_grid(axes: Axes, axis: str = "y") -> None:
    """Thin lines to read values by; the axis line across them goes."""
    axes.grid(True, axis=axis)  # type: ignore[arg-type]
    axes.tick_params(axis=axis, length=0)  # type: ignore[arg-type]
    axes.spines["left" if axis == "y" else "bottom"].set_visible(False)
