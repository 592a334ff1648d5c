"""Plasticity of the fused engine: triplet STDP where a trace is live, normalisation of columns that fired.

Every function walks a list of inputs, and where synapses have been removed or frozen, a list of those that are left:
what does not learn costs no time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.compile_cache import cached_by_sources
from lavaprune.proc_models.counter_random import STREAM_NORMALISATION, STREAM_THETA, draw64, sample_key
from lavaprune.proc_models.fixed_point import (
    WEIGHT_MAX,
    decay_theta,
    depress_weight,
    depression_q16,
    potentiate_weight,
    potentiation_q16,
)
from lavaprune.proc_models.fused_layout import (
    C_DEP_CHANGED,
    C_DEP_LIVE,
    C_NORMALISATION,
    C_POT_CHANGED,
    C_POT_LIVE,
    C_POT_UPDATES,
    K_SEED,
    K_THETA_LOSS,
)
from lavaprune.processes.control import PHASE_TRAIN

_U32 = np.uint64(32)
_U48 = np.uint64(48)
_ONE_Q16 = 1 << 16
_WEIGHT_MAX = float(WEIGHT_MAX)


@njit
def random_16(key, index, ordinal):
    """A 16-bit draw as int64."""
    return np.int64(draw64(key, np.uint64(index), np.uint64(ordinal)) >> _U48)


@njit
def random_32(key, index, ordinal):
    """A 32-bit draw as int64."""
    return np.int64(draw64(key, np.uint64(index), np.uint64(ordinal)) >> _U32)


@njit
def depress(
    weights, lanes, lane, learns, masked, bucket, row, n_inputs, recent, n_recent, last_post, y1_table, rate, key, t,
    counts, learning,
):  # fmt: skip
    """Depress the synapses of the first inputs in ``bucket[row]``, which spiked, onto neurons with a live fast trace.

    ``learns`` (N, I) uint8 tells of each of the ``recent`` neurons which synapses learn, and is read only where
    ``masked``; ``learning`` (I,) is scratch; ``lanes`` and ``lane`` are as for `fused_kernel.run_chunk`. Almost no
    synapse is changed, since almost no draw rounds up, and a loop without branches or writes that finds this out takes
    a fraction of the exact one's time.
    """
    n_neurons = last_post.shape[0]
    for r in range(n_recent):
        i = np.int64(recent[r])
        age = t - last_post[i]
        change = depression_q16(rate, y1_table[age]) if age < y1_table.shape[0] - 1 else np.int64(-1)
        n_learning = 0
        if change >= 0:
            for s in range(n_inputs):
                j = bucket[row, s]
                learning[n_learning] = j
                n_learning += learns[r, j] if masked else 1
        counts[C_DEP_LIVE] += n_learning
        n_up = 0
        for s in range(n_learning):
            n_up += change + random_16(key, np.int64(learning[s]) * n_neurons + i, t) >= _ONE_Q16
        if n_up > 0:
            for s in range(n_learning):
                j = np.int64(learning[s])
                random = random_16(key, j * n_neurons + i, t)
                if change + random >= _ONE_Q16:
                    old = np.int64(weights[j, i])
                    new = depress_weight(old, change, random)
                    weights[j, i] = np.uint8(new)
                    lanes[j, lane[i]] = np.uint8(new)
                    counts[C_DEP_CHANGED] += new != old


@njit
def _potentiate(weights, lanes, lane, i, inputs, last_pre, x_table, y2, rate, key, t, counts):
    """Potentiate the synapses of neuron ``i`` from those of ``inputs`` with a live trace."""
    horizon = x_table.shape[0] - 1
    n_neurons = lane.shape[0]
    for s in range(inputs.shape[0]):
        j = np.int64(inputs[s])
        age = t - last_pre[j]
        if age >= horizon:
            continue
        counts[C_POT_LIVE] += 1
        change = potentiation_q16(rate, x_table[age], y2)
        random = random_16(key, j * n_neurons + i, t)
        if change + random >= _ONE_Q16:
            old = np.int64(weights[j, i])
            new = potentiate_weight(old, change, random)
            weights[j, i] = np.uint8(new)
            lanes[j, lane[i]] = np.uint8(new)
            counts[C_POT_CHANGED] += new != old


@njit
def learn_from_spike(
    weights, lanes, lane, masked, column_start, column_inputs, learns, active_input, n_active, last_pre, last_post,
    x_table, y2_table, rate, key, i, t, recent, is_recent, n_recent, counts,
):  # fmt: skip
    """Potentiate the synapses of neuron ``i``, which spiked, with its old slow trace, then set its traces.

    Returns the number of neurons in ``recent``, those that spiked in this sample; for ``learns`` see `depress`.
    """
    first, last = column_start[i], column_start[i + 1]
    counts[C_POT_UPDATES] += last - first
    age = t - last_post[i]
    if age < y2_table.shape[0] - 1:
        inputs = column_inputs[first:last] if masked else active_input[:n_active]
        _potentiate(weights, lanes, lane, i, inputs, last_pre, x_table, y2_table[age], rate, key, t, counts)
    last_post[i] = t
    if is_recent[i] != 0:
        return n_recent
    is_recent[i] = 1
    recent[n_recent] = i
    if masked:
        learns[n_recent] = 0
        for s in range(first, last):
            learns[n_recent, column_inputs[s]] = 1
    return n_recent + 1


@njit
def normalise_column(weights, lanes, lane, i, inputs, target, key, ordinal, column):
    """Scale the synapses of ``inputs`` onto neuron ``i`` to a sum of ``target``; returns the operations (two each).

    ``column`` (I,) float64 is scratch. The division of `fixed_point.normalise_weight` is done in float64 and rounded
    down. Its numerator is below 2**33, so a quotient that is not an integer lies further below the next one (by more
    than one part in 2**33) than the rounding error (one part in 2**53), and the integer comes out exactly.
    """
    total = np.int64(0)
    n_neurons = lane.shape[0]
    n = inputs.shape[0]
    for s in range(n):
        column[s] = weights[inputs[s], i]
        total += np.int64(weights[inputs[s], i])
    if total == 0:
        return n
    for s in range(n):
        random = np.float64((random_32(key, np.int64(inputs[s]) * n_neurons + i, ordinal) * total) >> 32)
        column[s] = min(np.floor((column[s] * target + random) / total), _WEIGHT_MAX)
    for s in range(n):
        weights[inputs[s], i] = np.uint8(column[s])
        lanes[inputs[s], lane[i]] = np.uint8(column[s])
    return 2 * n


@njit
def end_training_sample(
    weights, lanes, lane, masked, column_start, column_inputs, every_input, column_targets, theta, sample,
    spike_counts, batch_counts, const, column, counts,
):  # fmt: skip
    """Count the batch's spikes, normalise columns of neurons that spiked, let all ``theta`` decay.

    ``spike_counts`` (N,) is the sample's row.
    """
    key_normalise = sample_key(const[K_SEED], STREAM_NORMALISATION, PHASE_TRAIN, sample)
    key_theta = sample_key(const[K_SEED], STREAM_THETA, PHASE_TRAIN, sample)
    n_neurons = theta.shape[0]
    for i in range(n_neurons):
        batch_counts[i] += spike_counts[i]
        if spike_counts[i] > 0 and column_targets[i] > 0:
            inputs = column_inputs[column_start[i] : column_start[i + 1]] if masked else every_input
            counts[C_NORMALISATION] += normalise_column(
                weights, lanes, lane, i, inputs, column_targets[i], key_normalise, 0, column
            )
        theta[i] = np.int32(decay_theta(np.int64(theta[i]), const[K_THETA_LOSS], random_32(key_theta, i, 0)))


@cached_by_sources
@njit(cache=True)
def rescale_columns(
    weights, lanes, lane, masked, column_start, column_inputs, seed, sample, columns, column_targets, counters
):
    """Scale the plastic weights of some neurons to their targets: what follows pruning after a training sample.

    columns : (C,) int64; all others as for `fused_kernel.run_chunk`
    """
    n_inputs = weights.shape[0] - 1
    every_input = np.arange(n_inputs).astype(np.int32)
    column = np.empty(n_inputs, np.float64)
    key = sample_key(seed, STREAM_NORMALISATION, PHASE_TRAIN, sample)
    for c in range(columns.shape[0]):
        i = columns[c]
        if column_targets[i] > 0:
            inputs = column_inputs[column_start[i] : column_start[i + 1]] if masked else every_input
            counters[0, C_NORMALISATION] += normalise_column(
                weights, lanes, lane, i, inputs, column_targets[i], key, 1, column
            )
