"""The equations of the floating-point reference, and one image presented by them; see `floating_network`.

Loops as one would write them down, compiled by Numba as they stand. 1 step = 1 ms.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numba.extending import register_jitable

from lavaprune.proc_models.compile_cache import cached_by_sources
from lavaprune.proc_models.fused_encoder import encode
from lavaprune.proc_models.fused_layout import K_STEPS, ROWS
from lavaprune.processes.parameters import NetworkParameters


class Equations(NamedTuple):
    """Constants of the equations; mV, ms, conductances in units of the leak."""

    v_rest: float
    v_th: float
    e_exc: float
    e_inh: float
    tau_m: float
    decay_ge: float  # exp(-1 / tau) of one step, here and below
    decay_gi: float
    gain_exc: float
    gain_inh: float
    refractory_steps: int
    interneurons: bool
    inh_v_th: float
    inh_tau_m: float
    inh_gain_exc: float
    inh_refractory_steps: int
    decay_x: float
    decay_y1: float
    decay_y2: float
    mu_pre: float
    mu_post: float
    theta_plus: float
    decay_theta: float  # of one image
    column_sum: float  # 0: no normalisation


def equations(p: NetworkParameters) -> Equations:
    """The constants of a network, without any quantisation."""
    return Equations(
        v_rest=float(p.v_rest_mv),
        v_th=float(p.v_th_mv),
        e_exc=float(p.e_exc_mv),
        e_inh=float(p.e_inh_mv),
        tau_m=float(p.tau_m_ms),
        decay_ge=math.exp(-1 / p.tau_ge_ms),
        decay_gi=math.exp(-1 / p.tau_gi_ms),
        gain_exc=float(p.gain_exc),
        gain_inh=float(p.gain_inh),
        refractory_steps=int(p.refractory_steps),
        interneurons=p.inhibition == "interneurons",
        inh_v_th=float(p.inh_v_th_mv),
        inh_tau_m=float(p.inh_tau_m_ms),
        inh_gain_exc=float(p.inh_gain_exc),
        inh_refractory_steps=int(p.inh_refractory_steps),
        decay_x=math.exp(-1 / p.tau_x_ms),
        decay_y1=math.exp(-1 / p.tau_y1_ms),
        decay_y2=math.exp(-1 / p.tau_y2_ms),
        mu_pre=float(p.mu_pre),
        mu_post=float(p.mu_post),
        theta_plus=float(p.theta_plus_mv),
        decay_theta=math.exp(-p.steps / p.tau_theta_ms),
        column_sum=float(p.column_sum) if p.normalise else 0.0,
    )


@cached_by_sources
@njit(cache=True)
def poisson_spikes(image: Any, key: Any, const: Any, table: Any) -> Any:
    """Input spikes (T, I) uint8 of one image: the fixed-point engines' own, by their encoder."""
    steps, n_inputs = const[K_STEPS], image.shape[0]
    bucket = np.empty((steps, n_inputs + ROWS), np.int32)
    bucket_count = np.empty(steps, np.int64)
    active_input, train = np.empty(n_inputs, np.int32), np.empty(steps * n_inputs, np.int32)
    encode(image, key, const, table, bucket, bucket_count, active_input, np.empty(n_inputs + 1, np.int64), train)
    spikes = np.zeros((steps, n_inputs), np.uint8)
    for t in range(steps):
        for s in range(bucket_count[t]):
            spikes[t, bucket[t, s]] = 1
    return spikes


@register_jitable
def euler(v: float, g_exc: float, g_inh: float, tau_m: float, e: Equations) -> float:
    """One step of Guo et al. 2020, Eq. 1, clamped to ``[e_inh, e_exc]``."""
    v += ((e.v_rest - v) + g_exc * (e.e_exc - v) + g_inh * (e.e_inh - v)) / tau_m
    return min(max(v, e.e_inh), e.e_exc)


@cached_by_sources
@njit(cache=True)
def present(
    spikes: Any,
    weights: Any,
    plastic: Any,
    theta: Any,
    learn: bool,
    factor: float,
    e: Equations,
    counts: Any,
    exc_record: Any,
    inh_record: Any,
    v_record: Any,
) -> None:
    """Present one image, given by its input ``spikes`` (T, I); ``weights`` (I, N), ``theta`` (N,) change in place.

    ``factor`` scales mu_pre, mu_post and theta_plus. ``counts`` (N,) receives the spikes of each neuron; the records
    (T, N) the spikes and the membrane potentials at the end of each step, unless their length is 0.
    """
    steps, n_inputs = spikes.shape
    n_neurons = theta.shape[0]
    v = np.full(n_neurons, e.v_rest)
    g_exc, g_inh = np.zeros(n_neurons), np.zeros(n_neurons)
    refractory = np.zeros(n_neurons, np.int64)
    inh_v, inh_g = np.full(n_neurons, e.v_rest), np.zeros(n_neurons)
    inh_refractory = np.zeros(n_neurons, np.int64)
    exc_spiked, inh_spiked = np.zeros(n_neurons), np.zeros(n_neurons)  # 0 or 1, of the previous step
    x, y1, y2 = np.zeros(n_inputs), np.zeros(n_neurons), np.zeros(n_neurons)
    total = np.empty(n_neurons)

    for t in range(steps):
        # conductances decay, spikes of the previous step arrive (Eq. 2)
        total[:] = 0
        if t > 0:
            for j in range(n_inputs):
                if spikes[t - 1, j]:
                    for i in range(n_neurons):
                        total[i] += weights[j, i]
        lateral = inh_spiked if e.interneurons else exc_spiked
        n_lateral = lateral.sum()
        for i in range(n_neurons):
            g_exc[i] = g_exc[i] * e.decay_ge + e.gain_exc * total[i]
            g_inh[i] = g_inh[i] * e.decay_gi + e.gain_inh * (n_lateral - lateral[i])

        # traces decay; a presynaptic spike depresses with y1 and sets x (Eq. 3 and 4)
        x *= e.decay_x
        y1 *= e.decay_y1
        y2 *= e.decay_y2
        if t > 0:
            for j in range(n_inputs):
                if spikes[t - 1, j]:
                    x[j] = 1
                    if learn:
                        for i in range(n_neurons):
                            if plastic[j, i]:
                                weights[j, i] = max(weights[j, i] - factor * e.mu_pre * y1[i], 0.0)

        # interneurons, driven one to one by the excitatory spikes of the previous step
        if e.interneurons:
            for i in range(n_neurons):
                inh_g[i] = inh_g[i] * e.decay_ge + e.inh_gain_exc * exc_spiked[i]
                inh_spiked[i] = 0
                if inh_refractory[i] > 0:
                    inh_refractory[i] -= 1
                    inh_v[i] = e.v_rest
                else:
                    inh_v[i] = euler(inh_v[i], inh_g[i], 0.0, e.inh_tau_m, e)
                    if inh_v[i] > e.inh_v_th:
                        inh_v[i] = e.v_rest
                        inh_refractory[i] = e.inh_refractory_steps
                        inh_spiked[i] = 1

        # membranes (Eq. 1), threshold; a spike potentiates with x and the old y2 (Eq. 4), then sets its traces
        for i in range(n_neurons):
            exc_spiked[i] = 0
            if refractory[i] > 0:
                refractory[i] -= 1
                v[i] = e.v_rest
                continue
            v[i] = euler(v[i], g_exc[i], g_inh[i], e.tau_m, e)
            if v[i] > e.v_th + theta[i]:
                v[i] = e.v_rest
                refractory[i] = e.refractory_steps
                exc_spiked[i] = 1
                counts[i] += 1
                if learn:
                    for j in range(n_inputs):
                        if plastic[j, i]:
                            weights[j, i] = min(weights[j, i] + factor * e.mu_post * x[j] * y2[i], 1.0)
                    y1[i] = 1
                    y2[i] = 1
                    theta[i] += factor * e.theta_plus

        if len(v_record) > 0:
            exc_record[t] = exc_spiked
            inh_record[t] = inh_spiked
            v_record[t] = v

    if learn:
        for i in range(n_neurons):
            theta[i] *= e.decay_theta
            if counts[i] == 0 or e.column_sum == 0:
                continue
            column = 0.0
            for j in range(n_inputs):
                column += weights[j, i] * plastic[j, i]
            if column > 0:
                for j in range(n_inputs):
                    if plastic[j, i]:
                        weights[j, i] = min(weights[j, i] * e.column_sum / column, 1.0)
