"""What a run asks of its settings, data and checkpoint, in modules that do not import Lava.

Lava sets the start method of processes when it is imported, which a worker process of Dask has done already.
"""

from __future__ import annotations

from lavaprune.checkpoint import Checkpoint
from lavaprune.datasets.dataset import Dataset
from lavaprune.processes.state import NetworkState
from lavaprune.settings import Settings


def image_counts(settings: Settings, data: Dataset) -> dict[str, int]:
    """As `lavaprune.training.run.image_counts`."""
    return {
        "train_images": data.count("train_images", settings.train_images, "train") * settings.passes,
        "label_images": data.count("label_images", settings.label_images, "train"),
        "test_images": data.count("test_images", settings.test_images, "test"),
    }


def network_state(checkpoint: Checkpoint) -> NetworkState:
    """As `lavaprune.training.run.network_state`."""
    return NetworkState(
        weights=checkpoint.weights,
        conducts=checkpoint.conducts,
        plastic=checkpoint.plastic,
        theta=checkpoint.theta,
        batch_counts=checkpoint.batch_spike_counts,
        column_targets=checkpoint.column_targets,
        counters=checkpoint.counters,
    )
