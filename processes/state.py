"""What a network is at a sample boundary: everything that learning has changed."""

# no postponed annotations here: Lava executes this file under a bare name, where dataclasses cannot resolve them

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from lavaprune.energy.counts import N_COUNTERS
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.pruning.rescaling import TARGET_MAX

COLUMN_TARGET_MAX = TARGET_MAX


def default_column_target(parameters: NetworkParameters) -> int:
    """``column_sum`` in weight steps, rounded to the nearest, ties to even; 0 where columns are not normalised."""
    if not parameters.normalise:
        return 0
    return int((Decimal(repr(parameters.column_sum)) * 255).to_integral_value(ROUND_HALF_EVEN))


@dataclass
class NetworkState:
    """State between two samples; membranes, conductances, traces and spikes in flight are reset there.

    Attributes
    ----------
    weights : numpy.ndarray, shape (I, N), uint8
        Synaptic weights, 0..255; ``weights[j, i]`` leads from input j to neuron i. 0 wherever ``conducts`` is 0.
    conducts, plastic : numpy.ndarray, shape (I, N), uint8
        1 where a synapse exists, and where it learns.
    theta : numpy.ndarray, shape (N,), int32
        Threshold adaptation, LSB 2**-16 mV.
    batch_counts : numpy.ndarray, shape (N,), int64
        Spikes of each neuron in the training samples since the last batch ended.
    column_targets : numpy.ndarray, shape (N,), int64
        Sum to which each neuron's plastic weights are normalised, in weight steps; 0: not at all.
    counters : numpy.ndarray, shape (2, C), int64
        Event counters of training (row 0) and inference (row 1), in the order of `energy.counts.COUNTER_NAMES`.
    """

    weights: np.ndarray
    conducts: np.ndarray
    plastic: np.ndarray
    theta: np.ndarray
    batch_counts: np.ndarray
    column_targets: np.ndarray
    counters: np.ndarray

    def __post_init__(self) -> None:
        shape = self.weights.shape
        if self.weights.ndim != 2:
            raise ValueError(f"network state: weights have shape {shape}; allowed: (inputs, neurons)")
        expected = {
            "weights": (shape, np.uint8),
            "conducts": (shape, np.uint8),
            "plastic": (shape, np.uint8),
            "theta": ((shape[1],), np.int32),
            "batch_counts": ((shape[1],), np.int64),
            "column_targets": ((shape[1],), np.int64),
            "counters": ((2, N_COUNTERS), np.int64),
        }
        for name, (want, dtype) in expected.items():
            array = getattr(self, name)
            if array.shape != want or array.dtype != dtype:
                raise ValueError(
                    f"network state: {name} is {array.dtype}{array.shape}; allowed: {np.dtype(dtype)}{want}"
                )

    @property
    def connectivity(self) -> float:
        """Share of synapses that conduct, 0..1."""
        return float(np.count_nonzero(self.conducts)) / self.conducts.size

    @property
    def nonzero_weights(self) -> float:
        """Share of weights that are not 0, 0..1."""
        return float(np.count_nonzero(self.weights)) / self.weights.size
