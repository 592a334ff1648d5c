"""Plasticity of the fused engine: triplet STDP where a trace is live, normalisation of columns that fired.

Every function walks a list of inputs, and where synapses have been removed or frozen, a list of those that are left:
what does not learn costs no time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.compile_cache import cached_by_sources
from lavaprune.proc_models.counter_random import STREAM_NORMALISATION, STREAM_THETA, sample_key
from lavaprune.proc_models.fixed_point import (
    WEIGHT_MAX,
    decay_theta,
    potentiate_weight,
    potentiation_q16,
)
from lavaprune.proc_models.fused_depression import begin_trace, end_trace
from lavaprune.proc_models.fused_layout import (
    C_NORMALISATION,
    C_POT_CHANGED,
    C_POT_LIVE,
    C_POT_UPDATES,
    K_SEED,
    K_THETA_LOSS,
)
from lavaprune.proc_models.fused_randomness import random_16, random_32
from lavaprune.processes.control import PHASE_TRAIN

_ONE_Q16 = 1 << 16
_WEIGHT_MAX = float(WEIGHT_MAX)


@njit
def _potentiate(weights, lanes, lane, i, inputs, last_pre, x_table, y2, rate, key, t, counts, learning, moves):
    """Potentiate the synapses of neuron ``i`` from those of ``inputs`` with a live trace.

    ``learning`` (I,) int32 and ``moves`` (I,) int64 are scratch, for loops without branches.
    """
    horizon = x_table.shape[0] - 1
    n_neurons = lane.shape[0]
    n_live = np.uint64(0)  # unsigned: an index that needs no check
    for s in range(inputs.shape[0]):
        learning[n_live] = inputs[s]
        n_live += np.uint64(t - last_pre[np.uint32(inputs[s])] < horizon)
    n = np.int64(n_live)
    counts[C_POT_LIVE] += n
    for s in range(n):
        j = np.int64(learning[s])
        change = potentiation_q16(rate, x_table[np.uint64(t - last_pre[np.uint64(j)])], y2)
        moves[s] = change + random_16(key, j * n_neurons + i, t)
    for s in range(n):
        if moves[s] >= _ONE_Q16:
            j = learning[s]
            old = np.int64(weights[j, i])
            new = potentiate_weight(old, moves[s], np.int64(0))
            weights[j, i] = np.uint8(new)
            lanes[j, lane[i]] = np.uint8(new)
            counts[C_POT_CHANGED] += new != old


@njit
def learn_from_spike(
    weights, lanes, lane, masked, column_start, column_inputs, learns, active_input, n_active, last_pre, last_post,
    x_table, y1_table, y2_table, rate_pre, rate_post, key_depress, key_potentiate, i, t, recent, place, n_recent,
    arrivals, agenda, n_due, counts, learning, moves,
):  # fmt: skip
    """Potentiate the synapses of neuron ``i``, which spiked, with its old slow trace, then start its traces anew.

    ``place`` (N,) int32 is where each neuron is in ``recent``, those that spiked in this sample, or -1; for the others
    see `fused_depression`. Returns (length of ``recent``, length of the agenda).
    """
    first, last = column_start[i], column_start[i + 1]
    counts[C_POT_UPDATES] += last - first
    since = last_post[i]
    if t - since < y2_table.shape[0] - 1:
        inputs = column_inputs[first:last] if masked else active_input[:n_active]
        _potentiate(
            weights, lanes, lane, i, inputs, last_pre, x_table, y2_table[t - since], rate_post, key_potentiate, t,
            counts, learning, moves,
        )  # fmt: skip
    r = np.int64(place[i])
    if r < 0:
        r = n_recent
        place[i] = r
        recent[r] = i
        if masked:
            learns[r] = 0
            for s in range(first, last):
                learns[r, column_inputs[s]] = 1
        n_recent += 1
    else:
        end_trace(r, since, t, learns, masked, arrivals, y1_table, counts)
    last_post[i] = t
    n_due = begin_trace(
        agenda, n_due, r, i, t, learns, masked, arrivals, y1_table, rate_pre, key_depress, lane.shape[0]
    )
    return n_recent, n_due


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
