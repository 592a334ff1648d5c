"""Plasticity of the fused engine: triplet STDP where a trace is live, normalisation of columns that fired."""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.counter_random import draw64
from lavaprune.proc_models.fixed_point import (
    depress_weight,
    depression_q16,
    normalise_weight,
    potentiate_weight,
    potentiation_q16,
)
from lavaprune.proc_models.fused_layout import C_DEP_CHANGED, C_DEP_LIVE, C_POT_CHANGED, C_POT_LIVE

_U32 = np.uint64(32)
_U48 = np.uint64(48)


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
        for s in range(n_inputs):
            j = np.int64(inputs[s])
            if masked and plastic[j, i] == 0:
                continue
            counts[C_DEP_LIVE] += 1
            random = random_16(key, j * n_neurons + i, t)
            if change + random >= 65536:
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
        if change + random >= 65536:
            old = np.int64(weights[j, i])
            new = potentiate_weight(old, change, random)
            weights[j, i] = np.uint8(new)
            counts[C_POT_CHANGED] += new != old


@njit
def normalise_column(weights, plastic, masked, n_neurons, i, target, key, ordinal):
    """Scale the plastic synapses of neuron ``i`` to a sum of ``target``; returns the operations (two per synapse)."""
    total = np.int64(0)
    n = 0
    for j in range(weights.shape[0]):
        if not masked or plastic[j, i] != 0:
            total += np.int64(weights[j, i])
            n += 1
    if total == 0 or target == 0:
        return n
    for j in range(weights.shape[0]):
        w = np.int64(weights[j, i])
        if w != 0 and (not masked or plastic[j, i] != 0):
            random = random_32(key, np.int64(j) * n_neurons + i, ordinal)
            weights[j, i] = np.uint8(normalise_weight(w, target, total, random))
    return 2 * n
