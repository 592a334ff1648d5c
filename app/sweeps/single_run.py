"""One configuration of a sweep, in this process: the same numbers as ``lavaprune train`` gives, as a row."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.datasets.dataset import Dataset
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST
from lavaprune.settings import Settings
from lavaprune.sweeps.prefixes import event_images, prefix_images, trained_prefix
from lavaprune.sweeps.rows import make_row
from lavaprune.sweeps.timed_engine import TimedEngine
from lavaprune.training.control import inference_rows
from lavaprune.training.offline import CHUNK_IMAGES, train_offline
from lavaprune.training.presentation import chunk_ranges, image_counts
from lavaprune.training.readout import Labeller, classify
from lavaprune.training.result import build_result, inference_counters


@dataclass
class Course:
    """How the training went, measured where it happened.

    Attributes
    ----------
    event_images : list of int
        Trained images after which pruning events happened.
    event_connectivity : list of float
        Share of synapses that conduct after each, 0..1.
    event_plastic_share : list of float
        Share of synapses that learn after each, 0..1.
    images_before, images_after : int
        Up to the first event (of an unpruned run: up to where it would be), and after it.
    seconds_before, seconds_after : float
        That the kernels took for them, on a machine that other runs shared.
    seconds_controller : float
        Of all events: the state handed over, the decision, and the masks taken.
    """

    event_images: list[int] = field(default_factory=list)
    event_connectivity: list[float] = field(default_factory=list)
    event_plastic_share: list[float] = field(default_factory=list)
    images_before: int = 0
    images_after: int = 0
    seconds_before: float = 0.0
    seconds_after: float = 0.0
    seconds_controller: float = 0.0


def row_of(settings: Settings, data: Dataset, store: Path) -> dict[str, Any]:
    """Train, label and test one configuration on the fused engine, without Lava.

    Parameters
    ----------
    settings : Settings
    data : Dataset
        As it was loaded; validation images are held out here.
    store : Path
        Where shared beginnings of runs are kept (`lavaprune.sweeps.prefixes`).

    Returns
    -------
    dict
        By the columns of `lavaprune.sweeps.rows.SCHEMA`.

    Raises
    ------
    InputError
        If settings and data do not fit together.
    """
    split = data.hold_out(settings.validation_images)
    return row_of_split(settings, split, store, split.sha256())


def row_of_split(settings: Settings, data: Dataset, store: Path, data_sha256: str) -> dict[str, Any]:
    """As `row_of`, of data from which the validation images are held out already, with its SHA-256."""
    images = image_counts(settings, data)
    engine, course = _train(settings, data, store, images["train_images"], data_sha256)
    engine.take_seconds()
    labeller = Labeller(data.n_classes, settings.neurons)
    began = time.perf_counter()
    for begin, end in chunk_ranges(0, images["label_images"], CHUNK_IMAGES):
        labeller.add(_show(engine, data.train_images, PHASE_LABEL, begin, end), data.train_labels[begin:end])
    labels = labeller.labels()
    before = inference_counters(engine.counters)
    confusion = np.zeros((data.n_classes, data.n_classes), np.int64)
    labelled = time.perf_counter()
    for begin, end in chunk_ranges(0, images["test_images"], CHUNK_IMAGES):
        answers = classify(_show(engine, data.test_images, PHASE_TEST, begin, end), labels, data.n_classes)
        np.add.at(confusion, (data.test_labels[begin:end].astype(np.int64), answers), 1)
    tested = time.perf_counter()
    result = build_result(
        settings,
        engine.state(),
        accuracy=float(np.trace(confusion) / confusion.sum()),
        confusion=confusion,
        neuron_labels=labels,
        test_counters=inference_counters(engine.counters) - before,
        images=images,
        seconds={
            "train": course.seconds_before + course.seconds_after + course.seconds_controller,
            "label": labelled - began,
            "test": tested - labelled,
        },
    )
    return make_row(settings, result, vars(course), data_sha256)


def _train(
    settings: Settings, data: Dataset, store: Path, n_images: int, data_sha256: str
) -> tuple[TimedEngine, Course]:
    """Go on from the shared prefix, from event to event."""
    lengths = prefix_images(settings, n_images)
    engine, first, seconds = trained_prefix(settings, data, store, lengths, data_sha256)
    events = event_images(settings, n_images)
    would_be_first = min(settings.pruning.start, n_images)
    split = events[0] if events else would_be_first
    course = Course(images_before=split, images_after=n_images - split)
    if not events and first >= split:  # an unpruned run: the shorter prefix says what came before
        _, _, course.seconds_before = trained_prefix(settings, data, store, lengths[:1], data_sha256)
        course.seconds_after = seconds - course.seconds_before
    else:
        course.seconds_before = seconds
    # The image before an event is presented apart, so that what else passes until the engine goes on is the event's.
    stops = sorted({*events, *(event - 1 for event in events), split, n_images})
    for stop in (stop for stop in stops if stop > first):
        began = time.perf_counter()
        train_offline(settings, data, n_images // settings.passes, engine=engine, first=first, last=stop)
        passed, kernels = time.perf_counter() - began, engine.take_seconds()
        if stop <= split:
            course.seconds_before += kernels
        else:
            course.seconds_after += kernels
        if stop in events:
            course.seconds_controller += passed - kernels
            course.event_images.append(stop)
            _, conducts, plastic = engine.synapses()
            course.event_connectivity.append(float(np.count_nonzero(conducts)) / conducts.size)
            course.event_plastic_share.append(float(np.count_nonzero(plastic)) / plastic.size)
        first = stop
    return engine, course


def _show(engine: TimedEngine, images: np.ndarray, phase: int, begin: int, end: int) -> np.ndarray:
    """Spike counts (end - begin, N) of images shown without learning."""
    return engine.run(images[begin:end].copy(), inference_rows(phase, begin, end - begin))[0]
