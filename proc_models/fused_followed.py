"""Excitatory neurons of the fused engine that are followed in integers, one by one, while the others are watched.

``followed`` (8, N) int64 holds them in the order in which they were taken up: rows `F_NEURON` and so on below; its last
row, `F_SLOT`, is by neuron: where that neuron is in the others, or -1.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.fixed_point import add_conductance, decay_conductance, integrate_membrane
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
from lavaprune.proc_models.fused_neurons import accumulate, rest, step_neurons

F_NEURON, F_LANE, F_V, F_G_EXC, F_G_INH, F_HELD_UNTIL, F_OWN, F_SLOT = range(8)
F_ROWS = 8


@njit
def follow(
    followed, n_followed, lane, i, weights, active_input, n_active, train_start, train, laterals, arrivals, t, const
):
    """Take up neuron ``i``, watched in ``lane``, which has not spiked in this sample, as it is after step ``t``.

    Its steps from the start of the sample are made up for: input spikes are in ``train`` (see `encode`), ``laterals``
    (T,) int64 holds the number of lateral spikes that arrived in each step; ``arrivals`` (T,) int64 is scratch.
    """
    arrivals[: t + 1] = 0
    for a in range(n_active):
        weight = np.int64(weights[active_input[a], i])
        if weight != 0:
            for s in range(train_start[a], train_start[a + 1]):
                arrived = np.uint64(train[s] + 1)  # unsigned: an index that needs no check
                if arrived > np.uint64(t):
                    break
                arrivals[arrived] += weight
    v_rest, e_exc, e_inh, leak = const[K_V_REST], const[K_E_EXC], const[K_E_INH], const[K_LEAK]
    decay_ge, decay_gi = const[K_DECAY_GE], const[K_DECAY_GI]
    gain_exc, gain_inh = const[K_GAIN_EXC], const[K_GAIN_INH]
    v, g_exc, g_inh = v_rest, np.int64(0), np.int64(0)
    for passed in range(t + 1):
        g_exc = add_conductance(decay_conductance(g_exc, decay_ge), arrivals[passed], gain_exc)
        g_inh = add_conductance(decay_conductance(g_inh, decay_gi), laterals[passed], gain_inh)
        v = integrate_membrane(v, g_exc, g_inh, v_rest, e_exc, e_inh, leak)
    followed[F_NEURON, n_followed] = i
    followed[F_LANE, n_followed] = lane
    followed[F_SLOT, i] = n_followed
    followed[F_V, n_followed] = v
    followed[F_G_EXC, n_followed] = g_exc
    followed[F_G_INH, n_followed] = g_inh
    followed[F_HELD_UNTIL, n_followed] = -1
    followed[F_OWN, n_followed] = 0


@njit
def step_followed(followed, n_followed, total, n_lateral, lateral, t, const):
    """One step of all followed neurons; returns how many of them had input or were off rest before it.

    ``total`` holds the arrivals in each lane; the ``n_lateral`` neurons in ``lateral``, which are followed, are
    the sources of the lateral spikes.
    """
    v_rest, e_exc, e_inh, leak = const[K_V_REST], const[K_E_EXC], const[K_E_INH], const[K_LEAK]
    decay_ge, decay_gi = const[K_DECAY_GE], const[K_DECAY_GI]
    gain_exc, gain_inh = const[K_GAIN_EXC], const[K_GAIN_INH]
    for s in range(n_lateral):
        followed[F_OWN, followed[F_SLOT, lateral[s]]] = 1
    n_active = 0
    for s in range(n_followed):
        arrivals = np.int64(total[followed[F_LANE, s]])
        laterals = n_lateral - followed[F_OWN, s]
        v, g_exc, g_inh = followed[F_V, s], followed[F_G_EXC, s], followed[F_G_INH, s]
        held = followed[F_HELD_UNTIL, s] >= t
        is_off = (v != v_rest) | (g_exc != 0) | (g_inh != 0) | held | (arrivals != 0) | (laterals != 0)
        n_active += is_off
        g_exc = add_conductance(decay_conductance(g_exc, decay_ge), arrivals, gain_exc)
        g_inh = add_conductance(decay_conductance(g_inh, decay_gi), laterals, gain_inh)
        followed[F_G_EXC, s] = g_exc
        followed[F_G_INH, s] = g_inh
        followed[F_V, s] = v_rest if held else integrate_membrane(v, g_exc, g_inh, v_rest, e_exc, e_inh, leak)
    for s in range(n_lateral):
        followed[F_OWN, followed[F_SLOT, lateral[s]]] = 0
    return n_active


@njit
def step_without_input(v, inhibition, const):
    """One step of a neuron that nothing excites; ``inhibition`` is its inhibitory conductance after the step."""
    return integrate_membrane(
        v, np.int64(0), inhibition, const[K_V_REST], const[K_E_EXC], const[K_E_INH], const[K_LEAK]
    )


@njit
def catch_up(
    followed, n_followed, weights, bucket, bucket_count, laterals, v, g_exc, g_inh, held_until, total, own, threshold,
    t, const,
):  # fmt: skip
    """State after step ``t`` of all neurons, of which only some were followed, for `step_neurons`."""
    rest(v, g_exc, g_inh, held_until, const)
    for passed in range(t + 1):
        accumulate(weights, bucket[passed - 1], bucket_count[passed - 1] if passed > 0 else 0, total)
        step_neurons(v, g_exc, g_inh, held_until, total, laterals[passed], own, threshold, passed, const)
    for s in range(n_followed):
        i = followed[F_NEURON, s]
        v[i] = followed[F_V, s]
        g_exc[i] = followed[F_G_EXC, s]
        g_inh[i] = followed[F_G_INH, s]
        held_until[i] = followed[F_HELD_UNTIL, s]
