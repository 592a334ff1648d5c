"""What the figures share: curves with error bars, the paper's points, panels and legends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lavaprune.plots.style import CATEGORICAL, MUTED, light_grid, new_figure
from lavaprune.reproduce.runs import Point

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PHASES_NOTE = "Solid: training. Dashed: inference."
BARS_NOTE = "Bars: standard deviation over the seeds."
NOTE = f"{BARS_NOTE} Hollow: the paper's numbers."
PICTURES_ONLY = (
    "The paper shows its curves as pictures only: compared are the statements of its text. It makes them about MNIST; "
    "the lines about Fashion-MNIST say whether they hold there, too."
)
AXIS_LABELS = {
    "connectivity": "connectivity, %",
    "unpruned": "unpruned weights, %",
    "accuracy": "accuracy, %",
    "loss": "accuracy loss, points",
    "training": "training SOPs/image, % of unpruned",
    "inference": "inference SOPs/image, % of unpruned",
    "total": "SOPs/image, % of unpruned",
    "training_saved": "training SOPs saved, %",
    "inference_saved": "inference SOPs saved, %",
    "threshold": "initial threshold, share of w_max",
}


def panels(rows: int, columns: int, width_in: float = 3.7, height_in: float = 2.9) -> tuple[Figure, list[Axes]]:
    """A figure of panels, and their axes row by row. Call it inside `plots.style.styled` functions."""
    figure = new_figure(width_in * columns, height_in * rows + 0.2)
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel().tolist()
    return figure, axes


_COLOURS = (*CATEGORICAL, "#8c510a", "#c51b7d")  # brown and magenta: there are ten methods


def look(index: int) -> tuple[str, str]:
    """Colour and marker of the curve `index` of a figure; no two of the first 64 have both alike."""
    n = len(_COLOURS)
    return _COLOURS[index % n], MARKERS[(index + index // n) % len(MARKERS)]


def draw_curve(
    axes: Axes,
    points: Sequence[Point],
    quantity: str,
    over: str = "connectivity",
    label: str | None = None,
    index: int = 0,
    style: str = "-",
) -> None:
    """Draw means over the seeds, joined in the order of `over`, with standard deviations of both as bars."""
    if not points:
        return
    x, x_bar = _means(points, over)
    y, y_bar = _means(points, quantity)
    order = np.argsort(x, kind="stable")
    color, marker = look(index)
    axes.errorbar(
        x[order],
        y[order],
        xerr=None if x_bar is None else x_bar[order],
        yerr=None if y_bar is None else y_bar[order],
        color=color,
        marker=marker,
        linestyle=style,
        markersize=4.0,
        linewidth=1.3,
        elinewidth=0.8,
        label=label,
    )


def draw_level(axes: Axes, points: Sequence[Point], label: str = "unpruned") -> None:
    """A horizontal line at the accuracy of the unpruned networks that the points are compared with."""
    if points:
        base = (points[0].values["accuracy"] + points[0].values["loss"]).mean()
        axes.axhline(base, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), label=label)


def draw_paper(axes: Axes, x: float, y: float | None, index: int) -> None:
    """A number of the paper as a hollow marker in the colour of its curve; nothing where it gives none."""
    if y is None:
        return
    color, marker = look(index)
    axes.plot([x], [y], marker=marker, markersize=7.0, markerfacecolor="none", markeredgecolor=color, linestyle="None")


def finish(axes: Axes, title: str, x: str, y: str, legend: str | None = None) -> None:
    """Title, axis labels by the names of quantities (or as given), light grid and, where wanted, a legend."""
    axes.set_title(title)
    axes.set_xlabel(AXIS_LABELS.get(x, x))
    axes.set_ylabel(AXIS_LABELS.get(y, y))
    light_grid(axes)
    if legend is not None and axes.get_legend_handles_labels()[0]:
        axes.legend(loc=legend, fontsize=7.0, handlelength=1.6)


def shared_legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One legend of all panels' labels below them, each label once."""
    columns = max(1, int(figure.get_figwidth() / 1.7))
    found: dict[str, Artist] = {}
    for panel in axes:
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=columns, fontsize=8.0)


def note(figure: Figure, text: str = NOTE) -> None:
    """Small print above the panels' left edge."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=7.0, fontweight="normal", color=MUTED)


def _means(points: Sequence[Point], name: str) -> tuple[np.ndarray, np.ndarray | None]:
    bars = np.array([point.deviation(name) for point in points])
    return np.array([point.mean(name) for point in points]), np.nan_to_num(bars) if np.any(bars > 0) else None
