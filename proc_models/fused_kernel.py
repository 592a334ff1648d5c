"""Whole samples in one call: the kernel of the fused engine.

The same arithmetic as the graph's ProcessModels, built from the same functions, reordered for speed where the order
cannot be seen: a trace is looked up by the time since the last spike, only neurons with a live trace are depressed,
only inputs that can have spiked are potentiated, inhibitory neurons at rest are not stepped. Integers only, one thread.

Shapes: I inputs, N neurons, P = N padded to a multiple of 8 for whole vectors (padding lanes never spike), T steps, K
samples.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.compile_cache import cached_by_sources
from lavaprune.proc_models.counter_random import (
    STREAM_DEPRESSION,
    STREAM_INPUT,
    STREAM_NORMALISATION,
    STREAM_POTENTIATION,
    STREAM_THETA,
    sample_key,
)
from lavaprune.proc_models.fixed_point import (
    add_conductance,
    decay_conductance,
    decay_theta,
    integrate_membrane,
    raise_theta,
)
from lavaprune.proc_models.fused_encoder import encode
from lavaprune.proc_models.fused_layout import (
    C_DEP_UPDATES,
    C_EXC_ACTIVE,
    C_EXC_INACTIVE,
    C_EXC_INH_ACC,
    C_EXC_SPIKES,
    C_INH_ACTIVE,
    C_INH_INACTIVE,
    C_INH_SPIKES,
    C_INPUT_ACC,
    C_INPUT_SPIKES,
    C_LATERAL_ACC,
    C_NORMALISATION,
    C_POT_UPDATES,
    K_DECAY_GE,
    K_E_EXC,
    K_E_INH,
    K_INH_GAIN_EXC,
    K_INH_LEAK,
    K_INH_REFRACTORY,
    K_INH_V_TH,
    K_INTERNEURONS,
    K_REFRACTORY,
    K_SEED,
    K_STEPS,
    K_THETA_LOSS,
    K_V_REST,
    K_V_TH,
    LONG_AGO,
    NEVER_REACHED,
)
from lavaprune.proc_models.fused_neurons import accumulate, count_active, step_neurons
from lavaprune.proc_models.fused_plasticity import depress, normalise_column, potentiate, random_32
from lavaprune.processes.control import (
    BATCH_ENDS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_IDLE,
    PHASE_TRAIN,
    PRUNE_EVENT,
    SAMPLE_ID,
    THETA_PLUS_Q,
)


@cached_by_sources
@njit(cache=True)
def run_chunk(
    images,
    control,
    const,
    x_table,
    y1_table,
    y2_table,
    interval_table,
    weights,
    plastic,
    masked,
    row_conducts,
    row_plastic,
    column_plastic,
    column_targets,
    theta,
    batch_counts,
    counters,
    spike_counts,
    exc_raster,
    input_raster,
    inh_raster,
):
    """Present K samples one after the other; everything is updated in place.

    Parameters
    ----------
    images : (K, I) uint8
    control : (K, 6) int64, columns as in `processes.control`; rows of phase 0 are skipped
    const : (22,) int64
    x_table, y1_table, y2_table, interval_table : int64 look-up tables
    weights, plastic : (I, P) uint8; ``plastic`` is read only where ``masked``
    row_conducts, row_plastic : (I,) int64, number of conducting and plastic synapses of each input
    column_plastic : (N,) int64, number of plastic synapses of each neuron
    column_targets : (N,) int64, sum that a neuron's plastic weights are normalised to; 0: not at all
    theta : (N,) int32
    batch_counts : (N,) int64, spikes of each neuron in training samples
    counters : (2, 18) int64, training and inference
    spike_counts : (K, N) int32, result
    exc_raster, input_raster, inh_raster : (K, T, N|I|N) uint8 recordings, or of length 0
    """
    n_samples, n_inputs = images.shape
    n_neurons = theta.shape[0]
    n_padded = weights.shape[1]
    steps = const[K_STEPS]
    v_rest = np.float64(const[K_V_REST])
    interneurons = const[K_INTERNEURONS] != 0
    record = exc_raster.shape[0] > 0
    seed = const[K_SEED]

    bucket = np.empty((steps, n_inputs), np.int32)
    bucket_count = np.empty(steps, np.int64)
    active_input = np.empty(n_inputs, np.int32)
    v = np.empty(n_padded, np.float64)
    g_exc = np.empty(n_padded, np.float64)
    g_inh = np.empty(n_padded, np.float64)
    held_until = np.empty(n_padded, np.float64)
    total = np.empty(n_padded, np.int32)
    lateral_own = np.zeros(n_padded, np.float64)
    threshold = np.full(n_padded, NEVER_REACHED, np.float64)
    last_pre = np.empty(n_inputs, np.int64)
    last_post = np.empty(n_neurons, np.int64)
    spiked = np.empty(n_neurons, np.int32)  # excitatory neurons that spiked in the last step
    inh_spiked = np.empty(n_neurons, np.int32)
    recent = np.empty(n_neurons, np.int32)  # neurons whose fast trace may be live
    is_recent = np.empty(n_neurons, np.uint8)
    column = np.empty(n_inputs, np.float64)
    inh_v = np.empty(n_neurons, np.int64)
    inh_g = np.empty(n_neurons, np.int64)
    inh_refractory = np.empty(n_neurons, np.int64)
    inh_arrivals = np.zeros(n_neurons, np.int64)
    inh_awake = np.empty(n_neurons, np.int32)  # inhibitory neurons off rest or with input
    inh_is_awake = np.empty(n_neurons, np.uint8)

    for k in range(n_samples):
        phase = control[k, PHASE]
        if phase == PHASE_IDLE:
            continue
        sample = control[k, SAMPLE_ID]
        learn = phase == PHASE_TRAIN
        counts = counters[0 if learn else 1]
        key_depress = sample_key(seed, STREAM_DEPRESSION, phase, sample)
        key_potentiate = sample_key(seed, STREAM_POTENTIATION, phase, sample)

        n_active, n_spikes = encode(
            images[k],
            sample_key(seed, STREAM_INPUT, phase, sample),
            const,
            interval_table,
            bucket,
            bucket_count,
            active_input,
        )
        counts[C_INPUT_SPIKES] += n_spikes
        v[:] = v_rest
        g_exc[:] = 0
        g_inh[:] = 0
        held_until[:] = -1
        some_at_rest = True
        last_pre[:] = LONG_AGO
        last_post[:] = LONG_AGO
        is_recent[:] = 0
        inh_v[:] = const[K_V_REST]
        inh_g[:] = 0
        inh_refractory[:] = 0
        inh_is_awake[:] = 0
        for i in range(n_neurons):
            threshold[i] = np.float64(const[K_V_TH] + theta[i])
        n_accumulated = 0
        n_depressions = 0
        n_active_updates = 0
        n_spiked = 0
        n_inh_spiked = 0
        n_recent = 0
        n_awake = 0
        theta_plus = control[k, THETA_PLUS_Q] if learn else np.int64(0)

        for t in range(steps):
            # deliver: input spikes and lateral spikes of the previous step
            n_arrived = bucket_count[t - 1] if t > 0 else 0
            arrived = bucket[t - 1]
            accumulate(weights, arrived, n_arrived, total)
            lateral = inh_spiked if interneurons else spiked
            n_lateral = n_inh_spiked if interneurons else n_spiked
            for s in range(n_lateral):
                lateral_own[lateral[s]] = 1
            counts[C_LATERAL_ACC] += n_lateral * (n_neurons - 1)
            if masked:
                for s in range(n_arrived):
                    n_accumulated += row_conducts[arrived[s]]
            else:
                n_accumulated += n_arrived * n_neurons

            # depress with the fast trace, then let the inputs' traces start anew
            if learn and n_arrived > 0:
                for s in range(n_arrived):
                    last_pre[arrived[s]] = t
                if masked:
                    for s in range(n_arrived):
                        n_depressions += row_plastic[arrived[s]]
                else:
                    n_depressions += n_arrived * n_neurons
                if n_recent > 0:
                    depress(
                        weights, plastic, masked, n_neurons, arrived, n_arrived, recent, n_recent, last_post, y1_table,
                        control[k, MU_PRE_Q], key_depress, t, counts,
                    )  # fmt: skip

            # inhibitory neurons: spikes of their partners in the previous step
            if interneurons:
                counts[C_EXC_INH_ACC] += n_spiked
                for s in range(n_spiked):
                    i = spiked[s]
                    inh_arrivals[i] = 1
                    if inh_is_awake[i] == 0:
                        inh_is_awake[i] = 1
                        inh_awake[n_awake] = i
                        n_awake += 1
                counts[C_INH_ACTIVE] += n_awake
                counts[C_INH_INACTIVE] += n_neurons - n_awake

            n_updated = n_neurons
            if some_at_rest:
                n_updated = count_active(
                    n_neurons, v, g_exc, g_inh, held_until, total, n_lateral, lateral_own, v_rest, t
                )
            n_crossed, n_at_rest = step_neurons(
                v, g_exc, g_inh, held_until, total, n_lateral, lateral_own, threshold, t, const
            )
            some_at_rest = n_at_rest > 0 or n_crossed > 0
            n_active_updates += n_updated
            for s in range(n_lateral):
                lateral_own[lateral[s]] = 0

            if interneurons:
                n_inh_spiked = 0
                kept = 0
                for s in range(n_awake):
                    i = inh_awake[s]
                    inh_g[i] = add_conductance(
                        decay_conductance(inh_g[i], const[K_DECAY_GE]), inh_arrivals[i], const[K_INH_GAIN_EXC]
                    )
                    inh_arrivals[i] = 0
                    if inh_refractory[i] > 0:
                        inh_v[i] = const[K_V_REST]
                        inh_refractory[i] -= 1
                    else:
                        inh_v[i] = integrate_membrane(
                            inh_v[i], inh_g[i], np.int64(0), const[K_V_REST], const[K_E_EXC], const[K_E_INH],
                            const[K_INH_LEAK],
                        )  # fmt: skip
                        if inh_v[i] > const[K_INH_V_TH]:
                            inh_v[i] = const[K_V_REST]
                            inh_refractory[i] = const[K_INH_REFRACTORY]
                            inh_spiked[n_inh_spiked] = i
                            n_inh_spiked += 1
                            if record:
                                inh_raster[k, t, i] = 1
                    if inh_v[i] != const[K_V_REST] or inh_g[i] != 0 or inh_refractory[i] != 0:
                        inh_awake[kept] = i
                        kept += 1
                    else:
                        inh_is_awake[i] = 0
                n_awake = kept
                counts[C_INH_SPIKES] += n_inh_spiked

            # spikes: potentiate with the old slow trace, then set traces, theta, refractory
            n_spiked = 0
            if n_crossed > 0:
                for i in range(n_neurons):
                    if v[i] > threshold[i]:
                        spiked[n_spiked] = i
                        n_spiked += 1
                        v[i] = v_rest
                        held_until[i] = np.float64(t + const[K_REFRACTORY])
                        spike_counts[k, i] += 1
                        if record:
                            exc_raster[k, t, i] = 1
                        if learn:
                            counts[C_POT_UPDATES] += column_plastic[i]
                            age = t - last_post[i]
                            if age < y2_table.shape[0] - 1:
                                potentiate(
                                    weights, plastic, masked, n_neurons, i, active_input, n_active, last_pre, x_table,
                                    y2_table[age], control[k, MU_POST_Q], key_potentiate, t, counts,
                                )  # fmt: skip
                            last_post[i] = t
                            theta[i] = np.int32(raise_theta(np.int64(theta[i]), theta_plus))
                            threshold[i] = np.float64(const[K_V_TH] + theta[i])
                            if is_recent[i] == 0:
                                is_recent[i] = 1
                                recent[n_recent] = i
                                n_recent += 1
                counts[C_EXC_SPIKES] += n_spiked

        counts[C_INPUT_ACC] += n_accumulated
        counts[C_DEP_UPDATES] += n_depressions
        counts[C_EXC_ACTIVE] += n_active_updates
        counts[C_EXC_INACTIVE] += steps * n_neurons - n_active_updates
        if record:
            for t in range(steps):
                for s in range(bucket_count[t]):
                    input_raster[k, t, bucket[t, s]] = 1
        if learn:
            key_normalise = sample_key(seed, STREAM_NORMALISATION, phase, sample)
            key_theta = sample_key(seed, STREAM_THETA, phase, sample)
            for i in range(n_neurons):
                batch_counts[i] += spike_counts[k, i]
                if spike_counts[k, i] > 0 and column_targets[i] > 0:
                    counts[C_NORMALISATION] += normalise_column(
                        weights, plastic, masked, n_neurons, i, column_targets[i], key_normalise, 0, column
                    )
                theta[i] = np.int32(
                    decay_theta(np.int64(theta[i]), const[K_THETA_LOSS], random_32(key_theta, i, 0))
                )
            if control[k, PRUNE_EVENT] == BATCH_ENDS:
                batch_counts[:] = 0


@cached_by_sources
@njit(cache=True)
def rescale_columns(weights, plastic, masked, seed, sample, columns, column_targets, counters):
    """Scale the plastic weights of some neurons to their targets: what follows pruning after a training sample.

    weights, plastic : (I, P) uint8; columns : (C,) int64; column_targets : (N,) int64; counters : (2, 18) int64
    """
    column = np.empty(weights.shape[0], np.float64)
    key = sample_key(seed, STREAM_NORMALISATION, PHASE_TRAIN, sample)
    n_neurons = column_targets.shape[0]
    for c in range(columns.shape[0]):
        i = columns[c]
        if column_targets[i] > 0:
            counters[0, C_NORMALISATION] += normalise_column(
                weights, plastic, masked, n_neurons, i, column_targets[i], key, 1, column
            )
