"""Every spike of one image: inputs, excitatory and inhibitory neurons over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lavaprune.plots.mosaic import first_of_each
from lavaprune.plots.style import BLUE, FAINT, INK, MUTED, VERMILLION, WEIGHTS, new_figure, styled
from lavaprune.proc_models.fused_engine import FusedEngine, Recording
from lavaprune.processes.control import PHASE_TEST
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.training.control import inference_rows
from lavaprune.training.readout import UNLABELLED


def record_image(
    parameters: NetworkParameters, state: NetworkState, image: npt.NDArray[np.uint8], sample: int = 0
) -> Recording:
    """The spikes that an image (I,) causes in a network that does not learn meanwhile.

    It runs the fused kernels in this process, on a copy of the state; ``sample`` is its number among the test images,
    so the spikes are those of the test.
    """
    engine = FusedEngine(parameters, state)
    _, recording = engine.run(image[None].copy(), inference_rows(PHASE_TEST, sample, 1), record=True)
    assert recording is not None
    return recording


@styled
def raster_figure(
    recording: Recording,
    sample: int = 0,
    labels: npt.ArrayLike | None = None,
    shape: tuple[int, int] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the spikes of one image, one dot each.

    Parameters
    ----------
    recording : Recording
        From ``FusedEngine.run(..., record=True)`` or `record_image`.
    sample : int
        Which of its K images.
    labels : integers, shape (N,), optional
        Class of each neuron, -1 for none; orders the neurons.
    shape : (int, int), optional
        Height and width of an image; then the input's spike counts are drawn as one, beside.
    title : str, optional

    Raises
    ------
    ValueError
        If the recording has no such image, or a shape differs.
    """
    n_samples, n_steps, n_neurons = recording.exc.shape
    if not 0 <= sample < n_samples:
        raise ValueError(f"raster: sample is {sample}; allowed: 0 .. {n_samples - 1}, the recording's")
    inputs, exc, inh = (spikes[sample] for spikes in (recording.inputs, recording.exc, recording.inh))
    order = np.arange(n_neurons)
    if labels is not None:
        classes = np.asarray(labels)
        if classes.shape != (n_neurons,):
            raise ValueError(f"raster: labels have shape {classes.shape}; allowed: {(n_neurons,)}")
        order = np.argsort(np.where(classes == UNLABELLED, np.inf, classes), kind="stable")
    rows = [(inputs, "input", INK), (exc[:, order], "excitatory neuron", BLUE)]
    if inh.any():
        rows.append((inh[:, order], "inhibitory neuron", VERMILLION))
    figure = new_figure(8.2, 1.2 + 1.7 * len(rows))
    grid = figure.add_gridspec(len(rows), 2, width_ratios=(5, 1.25))
    first: Axes | None = None
    for row, (spikes, name, color) in enumerate(rows):
        axes = first = figure.add_subplot(grid[row, 0], sharex=first)
        _marks(axes, spikes, name, color)
        if row and labels is not None:
            _class_ticks(axes, np.asarray(labels)[order])
        axes.tick_params(labelbottom=row == len(rows) - 1)
    axes.set(xlim=(-0.01 * n_steps, 1.01 * n_steps), xlabel="time (ms)")
    if shape is not None:
        _input_counts(figure.add_subplot(grid[0, 1]), inputs, shape)
    _counts(figure.add_subplot(grid[1, 1]), exc, order, labels)
    figure.suptitle(title or "Every spike of one image", x=0.01, ha="left")
    return figure


def _marks(axes: Axes, spikes: np.ndarray, name: str, color: str) -> None:
    """A short upright line per spike where there are few, a dot where there are many."""
    steps, cells = np.nonzero(spikes)
    n_cells = spikes.shape[1]
    height_pt = max(1.6, min(7.0, 110 / n_cells, 2500 / max(1, len(steps))))
    if len(steps) < 200:
        height_pt = max(5.0, height_pt)
    marker, edge = ("|", 1.1) if height_pt > 2.5 else (".", 0.0)
    axes.plot(steps, cells, linestyle="none", marker=marker, markersize=height_pt, markeredgewidth=edge, color=color)
    axes.set(ylabel=name, ylim=_limits(n_cells))
    axes.set_title(f"{len(steps):,} spikes", loc="right", fontsize=8, fontweight="normal", color=MUTED)


def _limits(n_cells: int) -> tuple[float, float]:
    """Of an axis of rows, the first one at the top, with a little room."""
    room = 0.5 + 0.02 * n_cells
    return n_cells - 1 + room, -room


def _class_ticks(axes: Axes, classes: np.ndarray) -> None:
    starts = first_of_each(classes)
    ends = np.append(starts[1:], len(classes))
    _rule(axes, starts)
    names = ["–" if label == UNLABELLED else str(int(label)) for label in classes[starts]]
    axes.set_yticks(_apart((starts + ends - 1) / 2, len(classes)), names)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.set_ylabel(axes.get_ylabel() + "\nby label")


def _rule(axes: Axes, starts: np.ndarray) -> None:
    for start in starts[1:]:
        axes.axhline(start - 0.5, color=FAINT, linewidth=0.6, zorder=0)


def _apart(positions: np.ndarray, n_cells: int) -> np.ndarray:
    """Move the names of narrow neighbours apart until none covers another."""
    gap = min(0.065, 1 / len(positions)) * n_cells
    moved = positions.astype(float)
    for k in range(1, len(moved)):
        moved[k] = max(moved[k], moved[k - 1] + gap)
    moved[-1] = min(moved[-1], n_cells - 1)
    for k in range(len(moved) - 2, -1, -1):
        moved[k] = min(moved[k], moved[k + 1] - gap)
    return moved


def _input_counts(axes: Axes, inputs: np.ndarray, shape: tuple[int, int]) -> None:
    if shape[0] * shape[1] != inputs.shape[1]:
        raise ValueError(f"raster: shape is {shape} for {inputs.shape[1]} inputs; allowed: height * width = inputs")
    axes.imshow(inputs.sum(axis=0, dtype=np.int64).reshape(shape), cmap=WEIGHTS)
    axes.set(xticks=[], yticks=[])
    axes.set_title("spikes per input", fontsize=8, fontweight="normal", color=MUTED)
    axes.spines[:].set(visible=True, color=FAINT)


def _counts(axes: Axes, exc: np.ndarray, order: np.ndarray, labels: npt.ArrayLike | None) -> None:
    counts = exc.sum(axis=0, dtype=np.int64)[order]
    n, largest = len(counts), max(1, int(counts.max(initial=0)))
    axes.barh(np.arange(n), counts, height=max(1.0, 0.015 * n), color=BLUE, linewidth=0)
    axes.set(ylim=_limits(n), yticks=[], xticks=[], xlim=(0, largest * 1.2))
    axes.text(largest * 1.03, int(counts.argmax()), str(counts.max()), va="center", fontsize=7, color=BLUE)
    axes.set_title("spikes per neuron", fontsize=8, fontweight="normal", color=MUTED)
    axes.spines["bottom"].set_visible(False)
    if labels is not None:
        _rule(axes, first_of_each(np.asarray(labels)[order]))
