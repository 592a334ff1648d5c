"""Effective accumulates of a finished run, by NeuroBench's definition: those that meet a weight that is not 0."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from lavaprune.checkpoint import Checkpoint
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.counts import INFERENCE_ROW, EventCounts
from lavaprune.processes.control import PHASE_TEST
from lavaprune.runs import RunFolder
from lavaprune.runtime.supervisor import supervise
from lavaprune.settings import Settings
from lavaprune.training.control import inference_rows
from lavaprune.training.engines import open_session
from lavaprune.training.presentation import image_counts


def count_effective(run_dir: Path, data_dir: Path | None) -> EventCounts:
    """Show a run's test images again with every synapse of weight 0 taken away, and count.

    A weight of 0 adds nothing, so the network does the same; its `input_accumulations` are the effective ones.

    Parameters
    ----------
    run_dir : Path
        Folder of a finished run; it is not changed.
    data_dir : Path or None
        See `lavaprune.datasets.loader.load_dataset`.

    Returns
    -------
    EventCounts
        Of all test images together.

    Raises
    ------
    InputError
        If there is no such run, or the data are others than it was trained on.
    RunError
        If the run failed.
    """
    run = RunFolder.open(run_dir)
    data = load_dataset(run.settings.dataset, data_dir).hold_out(run.settings.validation_images)
    checkpoint = run.load_checkpoint(data.n_inputs, data.sha256())
    return supervise(_count, run.settings, checkpoint, data, image_counts(run.settings, data)["test_images"])


def _count(settings: Settings, checkpoint: Checkpoint, data: Dataset, n_images: int) -> EventCounts:
    state = checkpoint.network_state()
    exists = (state.weights != 0).astype(np.uint8)
    state = dataclasses.replace(state, conducts=exists, plastic=state.plastic & exists)
    before = state.counters[INFERENCE_ROW].copy()
    with open_session(settings, settings.network_parameters(data.n_inputs), state) as session:
        for _ in session.present(data.test_images[:n_images], inference_rows(PHASE_TEST, 0, n_images)):
            pass
        return EventCounts.from_vector(session.fetch_state().counters[INFERENCE_ROW] - before)
