"""How a network developed while it learned, from the lines of ``metrics.jsonl``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, PercentFormatter

from lavaprune.plots.style import BLUE, FAINT, MUTED, ORANGE, VERMILLION, light_grid, new_figure, styled
from lavaprune.settings import Settings
from lavaprune.training.control import pruning_schedule

Metrics = Sequence[Mapping[str, Any]]


@styled
def history_figure(metrics: Metrics, pruning_images: Sequence[int] = (), n_neurons: int | None = None) -> Figure:
    """Draw accuracy, firing rate, thresholds and connectivity over the training images.

    Parameters
    ----------
    metrics : sequence of mappings
        Lines of ``metrics.jsonl`` (`runs.RunFolder.read_metrics`), in order; at least one.
    pruning_images : sequence of int
        Numbers of images after which the network was pruned: marked by vertical lines.
    n_neurons : int, optional
        The number of neurons, which ``active_neurons`` is compared with.

    Raises
    ------
    ValueError
        If there is no line.
    """
    figure = new_figure(8.4, 5.2)
    axes = figure.subplots(2, 2, sharex=True)
    draw_accuracy(axes[0, 0], metrics, pruning_images)
    draw_rates(axes[0, 1], metrics, pruning_images, n_neurons)
    draw_thresholds(axes[1, 0], metrics, pruning_images)
    draw_connectivity(axes[1, 1], metrics, pruning_images)
    for panel in axes[0]:
        panel.set_xlabel("")
    return figure


@styled
def accuracy_figure(metrics: Metrics, pruning_images: Sequence[int] = ()) -> Figure:
    """Draw the accuracy estimate alone; parameters and errors as of `history_figure`."""
    figure = new_figure(5.2, 3.0)
    draw_accuracy(figure.add_subplot(), metrics, pruning_images)
    return figure


def draw_accuracy(axes: Axes, metrics: Metrics, pruning_images: Sequence[int] = ()) -> None:
    """The running estimate (see `training.monitor.AccuracyEstimate`) over the training images."""
    draw_line(axes, metrics, "accuracy_estimate", BLUE)
    finish_panel(axes, "Accuracy while it learns (estimate)", metrics, pruning_images)
    percent(axes)


def draw_rates(axes: Axes, metrics: Metrics, pruning_images: Sequence[int] = (), n_neurons: int | None = None) -> None:
    """Spikes of all excitatory neurons per image, and how many of them fire at all (right-hand scale)."""
    draw_line(axes, metrics, "spikes_per_image", BLUE)
    finish_panel(axes, "Firing", metrics, pruning_images)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("spikes per image", color=BLUE)
    other = axes.twinx()
    draw_line(other, metrics, "active_neurons", ORANGE)
    other.set_ylim(0, 1.06 * (n_neurons or max(1, *(line["active_neurons"] for line in metrics))))
    other.set_ylabel("neurons that fire", color=ORANGE)
    other.tick_params(axis="y", length=0)
    other.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def draw_thresholds(axes: Axes, metrics: Metrics, pruning_images: Sequence[int] = ()) -> None:
    """Mean and largest threshold adaptation theta."""
    draw_line(axes, metrics, "theta_max_mv", ORANGE, "largest")
    draw_line(axes, metrics, "theta_mean_mv", BLUE, "mean")
    finish_panel(axes, "Threshold adaptation $\\theta$", metrics, pruning_images)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("mV")


def draw_connectivity(axes: Axes, metrics: Metrics, pruning_images: Sequence[int] = ()) -> None:
    """Share of synapses that exist, and of weights that are not 0."""
    draw_line(axes, metrics, "connectivity", BLUE, "synapses")
    draw_line(axes, metrics, "nonzero_weights", ORANGE, "weights > 0")
    finish_panel(axes, "Connectivity", metrics, pruning_images)
    percent(axes)
    if pruning_images:
        axes.set_title("red lines: pruning", loc="right", fontsize=8, fontweight="normal", color=MUTED)


def pruning_images(settings: Settings, n_images: int) -> tuple[int, ...]:
    """Numbers of training images, of ``n_images``, after which the settings prune."""
    if settings.pruning.method == "none":
        return ()
    return pruning_schedule(settings, n_images).event_images


def percent(axes: Axes) -> None:
    """A vertical axis of shares, 0 to 100 %."""
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def draw_line(axes: Axes, metrics: Metrics, key: str, color: str, name: str | None = None) -> None:
    """One value of the lines of metrics over the images; lines in which it is None are left out."""
    if not metrics:
        raise ValueError("history: there are 0 lines of metrics; allowed: at least 1")
    known = [(line["sample"], line[key]) for line in metrics if line[key] is not None]
    samples, values = np.array(known, float).reshape(-1, 2).T
    axes.plot(samples, values, color=color, marker="." if len(known) <= 20 else "", markersize=5, label=name)


def finish_panel(axes: Axes, title: str, metrics: Metrics, pruning_images: Sequence[int]) -> None:
    """Title, axes, grid, pruning events and, where lines have names, a legend."""
    axes.set_title(title)
    axes.set(xlim=(0, max(line["sample"] for line in metrics) * 1.01), xlabel="training images")
    light_grid(axes)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for image in pruning_images:
        axes.axvline(image, color=VERMILLION, linewidth=0.8, alpha=0.45, zorder=0.5)
    if axes.get_legend_handles_labels()[0]:
        legend = axes.legend(loc="best", handlelength=1.2, frameon=True, framealpha=0.9, edgecolor=FAINT)
        legend.get_frame().set_linewidth(0)
