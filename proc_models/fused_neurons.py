"""Excitatory neurons of the fused engine: accumulation and one step of all membranes.

Integers carried in float64, so that the compiler can use whole vectors of floating-point units: every product is at
most 2**53 (see the widths in `fixed_point`; gains and arrivals within the ranges of `NetworkParameters` multiply to at
most 2**49), scaling by a power of two is exact, and so each operation gives the very integer of the fixed-point
function named beside it, on every machine. Many short loops over few arrays, since loops are vectorised only where the
compiler can prove cheaply that arrays do not overlap.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.fixed_point import (
    CONDUCTANCE_FRACTION_BITS,
    CONDUCTANCE_MAX,
    DRIVE_MAX,
    FACTOR_BITS,
    GAIN_EXTRA_BITS,
    LEAK_BITS,
)
from lavaprune.proc_models.fused_layout import (
    K_DECAY_GE,
    K_DECAY_GI,
    K_E_EXC,
    K_E_INH,
    K_GAIN_EXC,
    K_GAIN_INH,
    K_LEAK,
    K_V_REST,
)

_FACTOR = 1.0 / (1 << FACTOR_BITS)
_CONDUCTANCE = 1.0 / (1 << CONDUCTANCE_FRACTION_BITS)
_LEAK = 1.0 / (1 << LEAK_BITS)
_GAIN = 1.0 / (1 << GAIN_EXTRA_BITS)
_G_MAX = float(CONDUCTANCE_MAX)
_DRIVE_MAX = float(DRIVE_MAX)
_DRIVE_MIN = -_DRIVE_MAX - 1.0


@njit
def rest(v, g_exc, g_inh, held_until, const):
    """Membranes at rest, as at the start of a sample."""
    v[:] = const[K_V_REST]
    g_exc[:] = 0
    g_inh[:] = 0
    held_until[:] = -1


@njit
def accumulate(weights, inputs, n_inputs, total):
    """Sum the weight rows (I, P) of the inputs that spiked into ``total`` (P,) int32."""
    n = total.shape[0]
    total[:] = 0
    s = 0
    while s + 4 <= n_inputs:
        a, b = weights[inputs[s]], weights[inputs[s + 1]]
        c, d = weights[inputs[s + 2]], weights[inputs[s + 3]]
        for i in range(n):
            total[i] += np.int32(np.int32(a[i]) + np.int32(b[i]) + np.int32(c[i]) + np.int32(d[i]))
        s += 4
    while s < n_inputs:
        a = weights[inputs[s]]
        for i in range(n):
            total[i] += np.int32(a[i])
        s += 1


@njit
def count_active(n_neurons, v, g_exc, g_inh, held_until, total, lateral_sum, lateral_own, v_rest, t):
    """Neurons with input in step ``t`` or off rest before it."""
    if lateral_sum > 1:
        return n_neurons  # every neuron has lateral input
    n_active = 0
    for i in range(n_neurons):
        moving = v[i] != v_rest or g_exc[i] != 0 or g_inh[i] != 0 or held_until[i] >= t
        n_active += moving or total[i] != 0 or lateral_sum - lateral_own[i] != 0
    return n_active


@njit
def step_neurons(v, g_exc, g_inh, held_until, total, lateral_sum, lateral_own, threshold, t, const):
    """One step of all excitatory neurons, in place; returns (neurons above threshold, neurons at rest) after it.

    ``v``, ``g_exc``, ``g_inh``, ``held_until`` (last refractory step), ``threshold`` (P,) float64 with integer values;
    ``total`` (P,) int32; ``lateral_own`` (P,) float64: 1 where the neuron itself is a source of the lateral spikes.
    """
    n = v.shape[0]
    # decay_conductance, add_conductance
    decay, gain = const[K_DECAY_GE] * _FACTOR, const[K_GAIN_EXC] * _GAIN
    for i in range(n):
        g_exc[i] = min(np.floor(g_exc[i] * decay) + np.floor(np.float64(total[i]) * gain), _G_MAX)
    decay, gain = const[K_DECAY_GI] * _FACTOR, const[K_GAIN_INH] * _GAIN
    if lateral_sum == 0:
        for i in range(n):
            g_inh[i] = np.floor(g_inh[i] * decay)
    else:
        lateral = np.float64(lateral_sum)
        for i in range(n):
            g_inh[i] = min(np.floor(g_inh[i] * decay) + np.floor((lateral - lateral_own[i]) * gain), _G_MAX)
    # integrate_membrane
    v_rest = np.float64(const[K_V_REST])
    e_exc, e_inh = np.float64(const[K_E_EXC]), np.float64(const[K_E_INH])
    leak = const[K_LEAK] * _LEAK
    kept = 1.0 - leak
    now = np.float64(t)
    for i in range(n):
        drive = np.trunc((g_exc[i] * (e_exc - v[i]) + g_inh[i] * (e_inh - v[i])) * _CONDUCTANCE)
        drive = min(max(drive, _DRIVE_MIN), _DRIVE_MAX)
        moved = v_rest + np.trunc((v[i] - v_rest) * kept) + np.trunc(drive * leak)
        moved = min(max(moved, e_inh), e_exc)
        v[i] = v_rest if held_until[i] >= now else moved
    n_crossed = 0
    n_at_rest = 0
    for i in range(n):
        n_crossed += v[i] > threshold[i]
        n_at_rest += v[i] == v_rest
    return n_crossed, n_at_rest
