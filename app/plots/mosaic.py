"""Which receptive fields are drawn, and where each stands."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lavaprune.training.readout import UNLABELLED

MAX_MAPS = 800
MAX_CAPTIONED = 144  # beyond this, captions under maps are too small to read: rows by class instead
_WIDE = 1.6  # columns per row where there are no captions


@dataclass(frozen=True)
class Mosaic:
    """Maps on one canvas: neuron ``neurons[k]`` in cell ``(rows[k], columns[k])``.

    Attributes
    ----------
    neurons, rows, columns : numpy.ndarray, shape (n,), int64
    n_rows, n_columns : int
    shape : (int, int)
        Height and width of a map, in pixels of the canvas: one per input.
    pitch : (int, int)
        Distance of two maps, gap and caption included.
    is_captioned : bool
        Each map has its label under it.
    has_class_rows : bool
        Each label begins a new row.
    """

    neurons: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    n_rows: int
    n_columns: int
    shape: tuple[int, int]
    pitch: tuple[int, int]
    is_captioned: bool
    has_class_rows: bool

    @property
    def canvas_shape(self) -> tuple[int, int]:
        """Height and width of the canvas."""
        gap = self.pitch[1] - self.shape[1]
        height = self.n_rows * self.pitch[0] - (0 if self.is_captioned else gap)
        return height, self.n_columns * self.pitch[1] - gap

    def cell(self, k: int) -> tuple[slice, slice]:
        """Where map k stands on the canvas."""
        top, left = int(self.rows[k]) * self.pitch[0], int(self.columns[k]) * self.pitch[1]
        return slice(top, top + self.shape[0]), slice(left, left + self.shape[1])


def arrange(
    n_neurons: int,
    shape: tuple[int, int],
    labels: npt.ArrayLike | None = None,
    activity: npt.ArrayLike | None = None,
    max_maps: int = MAX_MAPS,
) -> Mosaic:
    """Choose the neurons and their cells; parameters as of `plots.weight_maps.weight_maps_figure`.

    Raises
    ------
    ValueError
        If ``labels`` or ``activity`` is not of shape (n_neurons,), or ``max_maps`` is below 1.
    """
    if max_maps < 1:
        raise ValueError(f"weight maps: max_maps is {max_maps}; allowed: at least 1")
    spikes = _per_neuron("activity", activity, n_neurons)
    classes = _per_neuron("labels", labels, n_neurons)
    neurons = np.argsort(-spikes, kind="stable")[:max_maps]
    rank = np.where(classes == UNLABELLED, np.inf, classes)  # those without a label come last
    neurons = np.sort(neurons) if labels is None else neurons[np.argsort(rank[neurons], kind="stable")]
    n = len(neurons)
    is_small = n <= MAX_CAPTIONED
    n_columns = math.ceil(math.sqrt(n * (1.0 if is_small else _WIDE)))
    if labels is None or is_small:
        rows, columns = np.arange(n) // n_columns, np.arange(n) % n_columns
    else:
        rows, columns = _class_rows(classes[neurons], n_columns)
    is_captioned = labels is not None and is_small
    gap = max(1, round(shape[1] / 14))
    pitch = (shape[0] + gap + (max(1, round(0.14 * shape[0])) if is_captioned else 0), shape[1] + gap)
    return Mosaic(
        neurons=neurons,
        rows=rows,
        columns=columns,
        n_rows=int(rows.max()) + 1,
        n_columns=n_columns,
        shape=shape,
        pitch=pitch,
        is_captioned=is_captioned,
        has_class_rows=labels is not None and not is_small,
    )


def first_of_each(classes: np.ndarray) -> np.ndarray:
    """Positions at which a sequence of sorted classes goes on to the next one, the first included."""
    return np.flatnonzero(np.r_[True, classes[1:] != classes[:-1]])


def _per_neuron(name: str, values: npt.ArrayLike | None, n_neurons: int) -> np.ndarray:
    array = np.zeros(n_neurons) if values is None else np.asarray(values)
    if array.shape != (n_neurons,):
        raise ValueError(f"weight maps: {name} has shape {array.shape}; allowed: {(n_neurons,)}")
    return array


def _class_rows(classes: np.ndarray, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.zeros((2, len(classes)), np.int64)
    starts = first_of_each(classes)
    first_row = 0
    for start, end in zip(starts, [*starts[1:], len(classes)], strict=True):
        cells = np.arange(end - start)
        rows[start:end] = first_row + cells // n_columns
        columns[start:end] = cells % n_columns
        first_row = int(rows[end - 1]) + 1
    return rows, columns
