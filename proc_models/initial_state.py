"""The state in which a network starts: random, normalised weights, all synapses there, thresholds at their start."""

from __future__ import annotations

import numpy as np

from lavaprune.energy.counts import COUNTER_NAMES
from lavaprune.proc_models.counter_random import STREAM_INITIAL_WEIGHTS, draw64, sample_key
from lavaprune.proc_models.fixed_point import normalise_weight
from lavaprune.proc_models.quantisation import quantise
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState


def random_32(seed: int, stream: int, phase: int, sample: int, index: np.ndarray, ordinal: int) -> np.ndarray:
    """32-bit draws for an array of indices, as int64 (counter-based, see `counter_random`)."""
    with np.errstate(over="ignore"):
        key = sample_key(seed, stream, phase, sample)
        bits = draw64(key, index.astype(np.uint64), np.full(1, ordinal, np.uint64))
    return (bits >> np.uint64(32)).astype(np.int64)


def initial_weights(p: NetworkParameters) -> np.ndarray:
    """Weights uniform in 0..init_weight_max, columns normalised; (I, N) uint8."""
    q = quantise(p)
    index = np.arange(p.n_inputs * p.n_neurons, dtype=np.int64).reshape(p.n_inputs, p.n_neurons)
    weights = (random_32(p.seed, STREAM_INITIAL_WEIGHTS, 0, 0, index, 0) * q.init_weight_levels) >> 32
    if q.column_target > 0:
        total = np.maximum(weights.sum(axis=0), 1)
        random = random_32(p.seed, STREAM_INITIAL_WEIGHTS, 0, 0, index, 1)
        weights = normalise_weight(weights, q.column_target, total, random)
    return weights.astype(np.uint8)


def initial_state(p: NetworkParameters) -> NetworkState:
    """The state before the first sample."""
    weights = initial_weights(p)
    return NetworkState(
        weights=weights,
        conducts=np.ones_like(weights),
        plastic=np.ones_like(weights),
        theta=np.full(p.n_neurons, quantise(p).theta_init, np.int32),
        batch_counts=np.zeros(p.n_neurons, np.int64),
        column_targets=np.full(p.n_neurons, quantise(p).column_target, np.int64),
        counters=np.zeros((2, len(COUNTER_NAMES)), np.int64),
    )
