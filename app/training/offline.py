"""A whole run on the fused engine in this process, without Lava: what the search evaluates thousands of images with.

The kernels are those that the fused ProcessModel runs, and a pruning event asks the same `lavaprune.pruning.decide`
as the controller, so the results are the same to the bit (a test says so).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lavaprune.datasets.dataset import Dataset
from lavaprune.energy.counts import TRAINING_ROW, counter_index
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST, PRUNE_EVENT, SAMPLE_ID
from lavaprune.pruning.method import PruningEvent, PruningMethod, decide
from lavaprune.pruning.rescaling import targets_after
from lavaprune.settings import Settings
from lavaprune.training.control import inference_rows, pruning_schedule, training_rows
from lavaprune.training.presentation import chunk_ranges
from lavaprune.training.readout import Labeller, classify

CHUNK_IMAGES = 100


def train_offline(
    settings: Settings,
    data: Dataset,
    n_images: int,
    report: Callable[[FusedEngine, int], None] | None = None,
    engine: FusedEngine | None = None,
    first: int = 0,
    last: int | None = None,
) -> FusedEngine:
    """All passes over the first ``n_images`` training images, pruned as the settings say.

    Parameters
    ----------
    settings : Settings
    data : Dataset
    n_images : int
        Training images of one pass.
    report : callable, optional
        Hears, after each chunk, how many images were presented.
    engine : FusedEngine, optional
        To go on with, before presentation ``first``; a new one by default.
    first, last : int
        Presentations from ``first`` to ``last - 1``; by default all.
    """
    parameters = settings.network_parameters(data.n_inputs)
    engine = engine or FusedEngine(parameters, initial_state(parameters))
    method = settings.pruning.build_method()
    total = n_images * settings.passes
    last = total if last is None else last
    schedule = pruning_schedule(settings, total)
    for start, end in chunk_ranges(first, last, CHUNK_IMAGES, [n_images], schedule.event_images):
        images = data.train_images[start % n_images : start % n_images + end - start].copy()
        control = training_rows(settings, start, end - start, total)
        engine.run(images, control)
        if control[-1, PRUNE_EVENT] > 0:
            k, sample = int(control[-1, PRUNE_EVENT]) - 1, int(control[-1, SAMPLE_ID])
            prune_offline(engine, method, k, schedule.n_events, sample)
        if report is not None:
            report(engine, end)
    return engine


def prune_offline(engine: FusedEngine, method: PruningMethod, k: int, n_events: int = 1, sample: int = 0) -> None:
    """Pruning event ``k`` of ``n_events`` of an engine, after a sample: what the controller does on Lava."""
    weights, conducts, plastic = engine.synapses()
    event = PruningEvent(
        k, engine.batch_counts.copy(), weights.copy(), conducts.copy(), plastic.copy(), n_events=n_events
    )
    new_conducts, new_plastic, operations = decide(method, event)
    targets = targets_after(method, event, new_conducts, new_plastic, engine.column_targets)
    engine.set_masks(new_conducts, new_plastic)
    engine.rescale(targets, sample)
    engine.counters[TRAINING_ROW, counter_index("controller_operations")] += operations
    engine.batch_counts[:] = 0


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
    answers = classify(respond(engine, data.test_images[:n_test_images], PHASE_TEST), labeller.labels(), data.n_classes)
    return float(np.mean(answers == data.test_labels[:n_test_images]))
