"""Inhibitory neurons of the fused engine: only those are stepped that are off rest or have input."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lavaprune.proc_models.fixed_point import add_conductance, decay_conductance, integrate_membrane
from lavaprune.proc_models.fused_layout import (
    K_DECAY_GE,
    K_E_EXC,
    K_E_INH,
    K_INH_GAIN_EXC,
    K_INH_LEAK,
    K_INH_REFRACTORY,
    K_INH_V_TH,
    K_V_REST,
)


class Inhibitory(NamedTuple):
    """State of N inhibitory neurons; the first neurons of ``awake`` are those off rest or with input."""

    v: np.ndarray
    g: np.ndarray
    refractory: np.ndarray
    arrivals: np.ndarray
    awake: np.ndarray
    is_awake: np.ndarray


@njit
def new_inhibitory(n_neurons):
    """Arrays of N neurons; call `reset_inhibitory` before a sample."""
    return Inhibitory(
        np.empty(n_neurons, np.int64),
        np.empty(n_neurons, np.int64),
        np.empty(n_neurons, np.int64),
        np.zeros(n_neurons, np.int64),
        np.empty(n_neurons, np.int32),
        np.empty(n_neurons, np.uint8),
    )


@njit
def reset_inhibitory(inh, const):
    """All at rest."""
    inh.v[:] = const[K_V_REST]
    inh.g[:] = 0
    inh.refractory[:] = 0
    inh.arrivals[:] = 0
    inh.is_awake[:] = 0


@njit
def wake(inh, n_awake, spiked, n_spiked):
    """Spikes of the partners arrive; returns the number of neurons awake."""
    for s in range(n_spiked):
        i = spiked[s]
        inh.arrivals[i] = 1
        if inh.is_awake[i] == 0:
            inh.is_awake[i] = 1
            inh.awake[n_awake] = i
            n_awake += 1
    return n_awake


@njit
def step_inhibitory(inh, n_awake, spiked, const):
    """One step; ``spiked`` (N,) receives those that spike. Returns (number that spiked, number awake after it)."""
    n_spiked = 0
    kept = 0
    for s in range(n_awake):
        i = inh.awake[s]
        g = add_conductance(decay_conductance(inh.g[i], const[K_DECAY_GE]), inh.arrivals[i], const[K_INH_GAIN_EXC])
        inh.g[i] = g
        inh.arrivals[i] = 0
        if inh.refractory[i] > 0:
            inh.v[i] = const[K_V_REST]
            inh.refractory[i] -= 1
        else:
            inh.v[i] = integrate_membrane(
                inh.v[i], g, np.int64(0), const[K_V_REST], const[K_E_EXC], const[K_E_INH], const[K_INH_LEAK]
            )
            if inh.v[i] > const[K_INH_V_TH]:
                inh.v[i] = const[K_V_REST]
                inh.refractory[i] = const[K_INH_REFRACTORY]
                spiked[n_spiked] = i
                n_spiked += 1
        if inh.v[i] != const[K_V_REST] or g != 0 or inh.refractory[i] != 0:
            inh.awake[kept] = i
            kept += 1
        else:
            inh.is_awake[i] = 0
    return n_spiked, kept
