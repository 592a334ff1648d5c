"""Plasticity of the fused engine: triplet STDP where a trace is live, normalisation of columns that fired."""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.counter_random import draw64
from lavaprune.proc_models.fixed_point import (
    WEIGHT_MAX,
    depress_weight,
    depression_q16,
    potentiate_weight,
    potentiation_q16,
)
from lavaprune.proc_models.fused_layout import C_DEP_CHANGED, C_DEP_LIVE, C_POT_CHANGED, C_POT_LIVE

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
def _any_rounds_up(inputs, n_inputs, n_neurons, i, change, key, t):
    """Whether a depression by ``change`` of any of the inputs' synapses onto neuron ``i`` would be rounded up.

    Almost none is, and this loop without branches or writes takes a fraction of the exact one's time.
    """
    n_up = 0
    for s in range(n_inputs):
        n_up += change + random_16(key, np.int64(inputs[s]) * n_neurons + i, t) >= _ONE_Q16
    return n_up > 0


@njit
def depress(
    weights, plastic, masked, n_neurons, inputs, n_inputs, recent, n_recent, last_post, y1_table, rate, key, t, counts
):
    """Depress the synapses of inputs that spiked onto neurons with a live fast trace."""
    horizon = y1_table.shape[0] - 1
    for r in range(n_recent):
        i = np.int64(recent[r])
        age = t - last_post[i]
        if age >= horizon:
            continue
        change = depression_q16(rate, y1_table[age])
        if masked:
            for s in range(n_inputs):
                counts[C_DEP_LIVE] += plastic[inputs[s], i] != 0
        else:
            counts[C_DEP_LIVE] += n_inputs
        if not _any_rounds_up(inputs, n_inputs, n_neurons, i, change, key, t):
            continue
        for s in range(n_inputs):
            j = np.int64(inputs[s])
            random = random_16(key, j * n_neurons + i, t)
            if change + random >= _ONE_Q16 and (not masked or plastic[j, i] != 0):
                old = np.int64(weights[j, i])
                new = depress_weight(old, change, random)
                weights[j, i] = np.uint8(new)
                counts[C_DEP_CHANGED] += new != old


@njit
def potentiate(
    weights, plastic, masked, n_neurons, i, active_input, n_active, last_pre, x_table, y2, rate, key, t, counts
):
    """Potentiate the synapses of neuron ``i``, which spiked, from inputs with a live trace."""
    horizon = x_table.shape[0] - 1
    for a in range(n_active):
        j = np.int64(active_input[a])
        age = t - last_pre[j]
        if age >= horizon or (masked and plastic[j, i] == 0):
            continue
        counts[C_POT_LIVE] += 1
        change = potentiation_q16(rate, x_table[age], y2)
        random = random_16(key, j * n_neurons + i, t)
        if change + random >= _ONE_Q16:
            old = np.int64(weights[j, i])
            new = potentiate_weight(old, change, random)
            weights[j, i] = np.uint8(new)
            counts[C_POT_CHANGED] += new != old


@njit
def normalise_column(weights, plastic, masked, n_neurons, i, target, key, ordinal, column):
    """Scale the plastic synapses of neuron ``i`` to a sum of ``target``; returns the operations (two per synapse).

    ``column`` (I,) float64 is scratch. The division of `fixed_point.normalise_weight` is done in float64 and rounded
    down. Its numerator is below 2**33, so a quotient that is not an integer lies further below the next one (by more
    than one part in 2**33) than the rounding error (one part in 2**53), and the integer comes out exactly.
    """
    total = np.int64(0)
    n = 0
    n_inputs = weights.shape[0]
    for j in range(n_inputs):
        if not masked or plastic[j, i] != 0:
            column[j] = weights[j, i]
            total += np.int64(weights[j, i])
            n += 1
        else:
            column[j] = 0.0
    if total == 0:
        return n
    for j in range(n_inputs):
        random = np.float64((random_32(key, j * n_neurons + i, ordinal) * total) >> 32)
        column[j] = min(np.floor((column[j] * target + random) / total), _WEIGHT_MAX)
    for j in range(n_inputs):
        if not masked or plastic[j, i] != 0:
            weights[j, i] = np.uint8(column[j])
    return 2 * n
