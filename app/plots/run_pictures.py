"""The pictures of a RUN folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.plots.confusion import confusion_figure
from lavaprune.plots.history import Metrics, history_figure, pruning_images
from lavaprune.plots.raster import raster_figure
from lavaprune.plots.saving import save_figure
from lavaprune.plots.weight_maps import weight_maps_figure
from lavaprune.proc_models.fused_engine import Recording
from lavaprune.processes.state import NetworkState
from lavaprune.settings import Settings

PICTURES = ("weights.png", "raster.png", "history.png", "confusion.png")

CLASS_NAMES = {
    "fashion": ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
}
"""Names of classes that are no digits, by data set."""


def write_run_pictures(
    folder: Path,
    settings: Settings,
    state: NetworkState,
    result: Mapping[str, Any],
    metrics: Metrics,
    neuron_labels: np.ndarray,
    raster: Recording,
    shape: tuple[int, int] | None = None,
) -> None:
    """Write `PICTURES` into a folder, each atomically, in the place of older ones.

    Parameters
    ----------
    folder : Path
        The RUN folder; must exist.
    settings : Settings
        The run's.
    state : NetworkState
        After training.
    result : mapping
        What ``result.json`` holds (`training.result.build_result`).
    metrics : sequence of mappings
        Lines of ``metrics.jsonl``.
    neuron_labels : numpy.ndarray, shape (N,)
        Class of each neuron, -1 for none.
    raster : Recording
        Spikes of an image (the first of the recording is drawn): `plots.raster.record_image`.
    shape : (int, int), optional
        Height and width of an image; a square unless given, or one row where the inputs make none.

    Raises
    ------
    ValueError
        If shapes do not fit each other.
    """
    n_inputs, n_neurons = state.weights.shape
    image_shape = shape or _likely_shape(n_inputs)
    figures = {
        "weights.png": weight_maps_figure(state.weights, image_shape, neuron_labels, state.conducts, state.theta),
        "raster.png": raster_figure(raster, labels=neuron_labels, shape=image_shape),
        "history.png": history_figure(metrics, pruning_images(settings, int(result["train_images"])), n_neurons),
        "confusion.png": confusion_figure(result["confusion"], CLASS_NAMES.get(settings.dataset)),
    }
    for name, figure in figures.items():
        save_figure(figure, folder / name)


def _likely_shape(n_inputs: int) -> tuple[int, int]:
    side = math.isqrt(n_inputs)
    return (side, side) if side * side == n_inputs else (1, n_inputs)
