"""The paper's readout: each neuron gets the label it fires most for, an image the class that fires most on average."""

from __future__ import annotations

import numpy as np

UNLABELLED = -1


class Labeller:
    """Collect the spikes of every neuron for every class, chunk by chunk.

    Parameters
    ----------
    n_classes, n_neurons : int
    """

    def __init__(self, n_classes: int, n_neurons: int) -> None:
        self.spikes = np.zeros((n_classes, n_neurons), np.int64)

    def add(self, spike_counts: np.ndarray, labels: np.ndarray) -> None:
        """Add the spike counts (K, N) of images with the given labels (K,)."""
        np.add.at(self.spikes, labels.astype(np.int64), spike_counts)

    def labels(self) -> np.ndarray:
        """Label of each neuron, (N,) int64: the class it fired most for (the first one of equals).

        Neurons that never fired are `UNLABELLED` and take no part in a vote.
        """
        return np.where(self.spikes.any(axis=0), self.spikes.argmax(axis=0), UNLABELLED)


def classify(spike_counts: np.ndarray, neuron_labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Class of each image: that of the group of neurons with the highest mean spike count.

    Parameters
    ----------
    spike_counts : numpy.ndarray, shape (K, N)
    neuron_labels : numpy.ndarray, shape (N,)
        From `Labeller.labels`.
    n_classes : int

    Returns
    -------
    numpy.ndarray, shape (K,), int64
        The first of equals; classes without a neuron are never chosen before one with a spike.
    """
    members = neuron_labels[:, None] == np.arange(n_classes)[None, :]
    sums = spike_counts.astype(np.int64) @ members.astype(np.int64)
    return (sums / np.maximum(members.sum(axis=0), 1)).argmax(axis=1)
