"""Running estimates while a network learns: accuracy, rates, thresholds."""

from __future__ import annotations

import numpy as np

from lavaprune.training.readout import Labeller, classify


class AccuracyEstimate:
    """Accuracy on the images of an interval, with the neurons labelled by the interval before.

    An estimate: the network learns on while it is taken, and the labels lag. Both intervals' spikes are kept as
    integers, so that a resumed run reports the same numbers.

    Attributes
    ----------
    current, previous : numpy.ndarray, shape (n_classes, N), int64
        Spikes of each neuron for each class in this interval and the one before.
    right, shown : int
        Images of this interval that were classified right, and all of them.
    """

    def __init__(self, n_classes: int, n_neurons: int) -> None:
        self.current = np.zeros((n_classes, n_neurons), np.int64)
        self.previous = np.zeros((n_classes, n_neurons), np.int64)
        self.right = 0
        self.shown = 0

    def add(self, spike_counts: np.ndarray, labels: np.ndarray) -> None:
        """Take in the spike counts (K, N) of K training images and their labels (K,)."""
        n_classes, n_neurons = self.current.shape
        if self.previous.any():
            labeller = Labeller(n_classes, n_neurons)
            labeller.spikes = self.previous
            answers = classify(spike_counts, labeller.labels(), n_classes)
            self.right += int(np.count_nonzero(answers == labels))
            self.shown += len(labels)
        np.add.at(self.current, labels.astype(np.int64), spike_counts)

    def close_interval(self) -> float | None:
        """Start the next interval; returns this one's accuracy, or None where there were no labels yet."""
        accuracy = self.right / self.shown if self.shown else None
        self.previous = self.current
        self.current = np.zeros_like(self.previous)
        self.right = self.shown = 0
        return accuracy

    def extras(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps of it."""
        return {
            "estimate_current": self.current,
            "estimate_previous": self.previous,
            "estimate_counts": np.array([self.right, self.shown], np.int64),
        }

    def restore(self, extras: dict[str, np.ndarray]) -> None:
        """Take over what `extras` gave."""
        self.current = extras["estimate_current"].astype(np.int64)
        self.previous = extras["estimate_previous"].astype(np.int64)
        self.right, self.shown = (int(value) for value in extras["estimate_counts"])
