"""What a run reports: ``result.json``, ``train --json``, ``evaluate --json``."""

from __future__ import annotations

import hashlib
import importlib.metadata
from typing import Any

import numpy as np

from lavaprune.energy.counts import INFERENCE_ROW, TRAINING_ROW, EventCounts
from lavaprune.processes.state import NetworkState
from lavaprune.settings import Settings
from lavaprune.training.control import pruning_events


def weights_sha256(weights: np.ndarray) -> str:
    """SHA-256 of the weights (I, N) uint8 in row-major order, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(weights, np.uint8).tobytes()).hexdigest()


def build_result(
    settings: Settings,
    state: NetworkState,
    accuracy: float,
    confusion: np.ndarray,
    neuron_labels: np.ndarray,
    test_counters: np.ndarray,
    images: dict[str, int],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Put the result of a run together; every number in it was counted or measured in the run.

    Parameters
    ----------
    settings : Settings
    state : NetworkState
        After training; its training counters are the run's.
    accuracy : float
        Share of test images classified right, 0..1.
    confusion : numpy.ndarray, shape (n_classes, n_classes), int64
        Test images by true class (row) and answer (column).
    neuron_labels : numpy.ndarray, shape (N,), int64
    test_counters : numpy.ndarray, shape (n_counters,), int64
        Events of the test images alone.
    images : dict
        ``train_images`` (presentations, all passes together), ``label_images``, ``test_images``.
    seconds : dict
        ``train``, ``label``, ``test``.
    """
    training = EventCounts.from_vector(state.counters[TRAINING_ROW])
    inference = EventCounts.from_vector(test_counters)
    n_train, n_test = max(1, images["train_images"]), max(1, images["test_images"])
    return {
        "accuracy": accuracy,
        "connectivity": state.connectivity,
        "plastic_share": float(np.count_nonzero(state.plastic)) / state.plastic.size,
        "nonzero_weights": state.nonzero_weights,
        "dataset": settings.dataset,
        "preset": settings.preset,
        **images,
        "validation_images": settings.validation_images,
        "passes": settings.passes,
        "neurons": settings.neurons,
        "inhibition": settings.network.inhibition,
        "pruning": settings.pruning.method,
        "pruning_events": pruning_events(settings, images["train_images"]),
        "seed": settings.seed,
        "engine": settings.engine,
        "steps": settings.steps,
        "sops": {
            "training_per_image": training.training_sops() / n_train,
            "inference_per_image": inference.inference_sops() / n_test,
            "training_per_image_without_lateral": training.training_sops(with_lateral=False) / n_train,
            "inference_per_image_without_lateral": inference.inference_sops(with_lateral=False) / n_test,
            "training": training.sop_components(),
            "inference": inference.sop_components(),
        },
        "spikes_per_image": {
            "training": {
                "input": training.input_spikes / n_train,
                "exc": training.exc_spikes / n_train,
                "inh": training.inh_spikes / n_train,
            },
            "inference": {
                "input": inference.input_spikes / n_test,
                "exc": inference.exc_spikes / n_test,
                "inh": inference.inh_spikes / n_test,
            },
        },
        "seconds": seconds,
        "confusion": confusion.tolist(),
        "neuron_labels": neuron_labels.tolist(),
        "counts": {"training": training.to_dict(), "inference": inference.to_dict()},
        "weights_sha256": weights_sha256(state.weights),
        "version": importlib.metadata.version("lavaprune"),
    }


def inference_counters(state_counters: np.ndarray) -> np.ndarray:
    """The inference row of an engine's counters (2, n_counters), a copy."""
    return state_counters[INFERENCE_ROW].copy()
