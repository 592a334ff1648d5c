"""A whole run on the fused engine in this process, without Lava: what the search evaluates thousands of images with.

The kernels are those that the fused ProcessModel runs, so the results are the same to the bit (a test says so). Without
Lava there is no pruning controller: pruning events do nothing here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lavaprune.datasets.dataset import Dataset
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST
from lavaprune.settings import Settings
from lavaprune.training.control import inference_rows, training_rows
from lavaprune.training.presentation import chunk_ranges
from lavaprune.training.readout import Labeller, classify

CHUNK_IMAGES = 100


def train_offline(
    settings: Settings, data: Dataset, n_images: int, report: Callable[[FusedEngine, int], None] | None = None
) -> FusedEngine:
    """All passes over the first ``n_images`` training images; ``report`` hears how many were presented."""
    parameters = settings.network_parameters(data.n_inputs)
    engine = FusedEngine(parameters, initial_state(parameters))
    total = n_images * settings.passes
    for first, last in chunk_ranges(0, total, CHUNK_IMAGES, [n_images]):
        images = data.train_images[first % n_images : first % n_images + last - first].copy()
        engine.run(images, training_rows(settings, first, last - first, total))
        if report is not None:
            report(engine, last)
    return engine


def respond(engine: FusedEngine, images: np.ndarray, phase: int) -> np.ndarray:
    """Spike counts (n, N) of images that are shown without learning."""
    parts = [
        engine.run(
            images[first : first + CHUNK_IMAGES].copy(),
            inference_rows(phase, first, min(CHUNK_IMAGES, len(images) - first)),
        )[0]
        for first in range(0, len(images), CHUNK_IMAGES)
    ]
    return np.concatenate(parts)


def accuracy_offline(engine: FusedEngine, data: Dataset, n_label_images: int, n_test_images: int) -> float:
    """Label the neurons on training images, classify test images by the paper's readout; 0..1."""
    labeller = Labeller(data.n_classes, engine.parameters.n_neurons)
    shown = data.train_images[:n_label_images]
    labeller.add(respond(engine, shown, PHASE_LABEL), data.train_labels[:n_label_images])
    answers = classify(
        respond(engine, data.test_images[:n_test_images], PHASE_TEST), labeller.labels(), data.n_classes
    )
    return float(np.mean(answers == data.test_labels[:n_test_images]))
