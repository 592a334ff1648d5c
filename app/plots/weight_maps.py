"""Receptive fields: the weights of each neuron as a small image of its inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from lavaprune.plots.mosaic import MAX_MAPS, Mosaic, arrange, first_of_each
from lavaprune.plots.style import FAINT, INK, MUTED, PRUNED, WEIGHTS, new_figure, styled
from lavaprune.training.readout import UNLABELLED


@styled
def weight_maps_figure(
    weights: npt.NDArray[np.uint8],
    shape: tuple[int, int],
    labels: npt.ArrayLike | None = None,
    conducts: npt.NDArray[np.uint8] | None = None,
    activity: npt.ArrayLike | None = None,
    max_maps: int = MAX_MAPS,
    title: str | None = None,
) -> Figure:
    """Draw the weights of a network's neurons.

    Neurons are ordered by label and, within one, by activity. Up to 144 of them stand in a grid with their labels
    as captions; more stand in rows by label.

    Parameters
    ----------
    weights : uint8, shape (I, N)
        0..255; column i is neuron i's.
    shape : (int, int)
        Height and width of an input image, with H * W = I.
    labels : integers, shape (N,), optional
        Class of each neuron, -1 for none (`training.readout.Labeller.labels`).
    conducts : uint8, shape (I, N), optional
        Where it is 0, the synapse is drawn as pruned.
    activity : numbers, shape (N,), optional
        Decides which neurons are drawn where there are more than ``max_maps``; the first ones unless given.
    max_maps : int
        At least 1.
    title : str, optional

    Raises
    ------
    ValueError
        If a shape differs or ``max_maps`` is below 1.
    """
    mosaic = arrange(weights.shape[1], shape, labels, activity, max_maps)
    width_in = 11.0 if mosaic.has_class_rows or mosaic.n_columns > 12 else 6.4
    canvas_height, canvas_width = mosaic.canvas_shape
    figure = new_figure(width_in, max(1.8, (width_in - 1.0) * canvas_height / canvas_width + 0.45))
    axes = figure.add_subplot()
    draw_weight_maps(axes, weights, shape, labels, conducts, activity, max_maps)
    n_shown, n_neurons = len(mosaic.neurons), weights.shape[1]
    shown = f"{n_shown} neurons" if n_shown == n_neurons else f"{n_shown} of {n_neurons} neurons"
    axes.set_title(title or f"Receptive fields: {shown}")
    bar = figure.colorbar(axes.images[0], ax=axes, shrink=0.5, aspect=25, pad=0.015, fraction=0.03)
    bar.set_label("weight (255 is the largest possible)")
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def draw_weight_maps(
    axes: Axes,
    weights: npt.NDArray[np.uint8],
    shape: tuple[int, int],
    labels: npt.ArrayLike | None = None,
    conducts: npt.NDArray[np.uint8] | None = None,
    activity: npt.ArrayLike | None = None,
    max_maps: int = MAX_MAPS,
) -> None:
    """Draw the maps into ``axes``; parameters and errors as of `weight_maps_figure`."""
    n_inputs, n_neurons = weights.shape
    if shape[0] * shape[1] != n_inputs:
        raise ValueError(f"weight maps: shape is {shape} for {n_inputs} inputs; allowed: height * width = inputs")
    if conducts is not None and conducts.shape != weights.shape:
        raise ValueError(f"weight maps: conducts has shape {conducts.shape}; allowed: {weights.shape}")
    mosaic = arrange(n_neurons, shape, labels, activity, max_maps)
    canvas = np.full(mosaic.canvas_shape, np.nan)
    pruned = np.zeros(mosaic.canvas_shape, bool)
    for k, neuron in enumerate(mosaic.neurons):
        canvas[mosaic.cell(k)] = weights[:, neuron].reshape(shape)
        if conducts is not None:
            pruned[mosaic.cell(k)] = conducts[:, neuron].reshape(shape) == 0
    axes.imshow(np.ma.masked_invalid(canvas), cmap=WEIGHTS, vmin=0, vmax=max(1, int(weights.max(initial=0))))
    if pruned.any():
        tint = np.zeros((*canvas.shape, 4))
        tint[pruned] = to_rgba(PRUNED)
        axes.imshow(tint)
        axes.set_title("tinted: pruned", loc="right", color=MUTED, fontsize=8, fontweight="normal")
    axes.set(xticks=[], yticks=[], xlim=(-1.5, canvas.shape[1] + 0.5), ylim=(canvas.shape[0] + 0.5, -1.5))
    axes.spines[:].set_visible(False)
    _frame(axes, mosaic)
    if labels is not None:
        classes = np.asarray(labels)[mosaic.neurons]
        if mosaic.has_class_rows:
            _name_rows(axes, mosaic, classes)
        else:
            _caption(axes, mosaic, classes)


def _frame(axes: Axes, mosaic: Mosaic) -> None:
    """A hair line around each map: without it, the empty margins of neighbours run together."""
    top, left = mosaic.rows * mosaic.pitch[0] - 0.5, mosaic.columns * mosaic.pitch[1] - 0.5
    bottom, right = top + mosaic.shape[0], left + mosaic.shape[1]
    lift = np.full(len(top), np.nan)  # of the pen, between two maps
    xs = np.stack([left, right, right, left, left, lift], axis=1).ravel()
    ys = np.stack([top, top, bottom, bottom, top, lift], axis=1).ravel()
    axes.plot(xs, ys, color=FAINT, linewidth=0.4, solid_joinstyle="miter")


def _name_rows(axes: Axes, mosaic: Mosaic, classes: np.ndarray) -> None:
    first = first_of_each(classes)
    names = ["none" if label == UNLABELLED else str(int(label)) for label in classes[first]]
    middles = mosaic.rows[first] * mosaic.pitch[0] + (mosaic.shape[0] - 1) / 2
    axes.set_yticks(middles, names, fontsize=9, fontweight="bold")
    axes.tick_params(axis="y", length=0)


def _caption(axes: Axes, mosaic: Mosaic, classes: np.ndarray) -> None:
    for label, row, column in zip(classes, mosaic.rows, mosaic.columns, strict=True):
        axes.text(
            column * mosaic.pitch[1] + (mosaic.shape[1] - 1) / 2,
            row * mosaic.pitch[0] + mosaic.shape[0] - 0.3,
            "–" if label == UNLABELLED else str(int(label)),
            ha="center",
            va="top",
            fontsize=6.0,
            color=MUTED if label == UNLABELLED else INK,
        )
