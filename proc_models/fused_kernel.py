"""Whole samples in one call: the kernel of the fused engine.

The same arithmetic as the graph's ProcessModels, built from the same functions, reordered for speed where the order
cannot be seen: a trace is looked up by the time since the last spike, only neurons with a live trace are depressed, all
draws of a trace being made when it starts (`fused_depression`), only inputs that can have spiked are potentiated,
inhibitory neurons at rest are not stepped, and excitatory neurons that cannot spike are watched from afar
(`fused_watch`). One thread.

Shapes: I inputs, N neurons, P = N padded to a multiple of 32 for whole vectors (padding lanes never spike), T steps, K
samples.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.compile_cache import cached_by_sources
from lavaprune.proc_models.counter_random import (
    STREAM_DEPRESSION,
    STREAM_INPUT,
    STREAM_POTENTIATION,
    sample_key,
)
from lavaprune.proc_models.fixed_point import raise_theta
from lavaprune.proc_models.fused_depression import (
    depress,
    end_trace,
    list_arrivals,
    new_agenda,
    new_arrivals,
    note_arrivals,
)
from lavaprune.proc_models.fused_encoder import count_arrivals, encode, show_inputs
from lavaprune.proc_models.fused_followed import (
    F_HELD_UNTIL,
    F_NEURON,
    F_ROWS,
    F_V,
    catch_up,
    follow,
    step_followed,
    step_without_input,
)
from lavaprune.proc_models.fused_inhibitory import new_inhibitory, reset_inhibitory, step_inhibitory, wake
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
    COPIED,
    K_INTERNEURONS,
    K_REFRACTORY,
    K_SEED,
    K_STEPS,
    K_V_REST,
    K_V_TH,
    LONG_AGO,
    NEVER_REACHED,
    ROWS,
)
from lavaprune.proc_models.fused_neurons import accumulate, count_active, rest, step_neurons
from lavaprune.proc_models.fused_plasticity import end_training_sample, learn_from_spike
from lavaprune.proc_models.fused_watch import (
    B_ERROR,
    B_INHIBITION,
    B_LOST_MOST,
    N_BOUND,
    accumulate_16,
    aligned,
    can_watch,
    must_be_followed,
    reset_watch,
    step_bound,
    still_untouched,
    watch_clamped,
    watch_constants,
    watch_free,
    watch_inhibited,
)
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

_LONGEST_PAUSE = 15  # samples without watching where too many neurons come near their thresholds time after time


@cached_by_sources
@njit(cache=True)
def run_chunk(
    images, control, const, x_table, y1_table, y2_table, interval_table,
    weights, lanes, lane, lane_neuron, masked, row_conducts, row_plastic, column_start, column_inputs, most_followed,
    column_targets, theta, batch_counts, counters,
    spike_counts, exc_raster, input_raster, inh_raster,
):  # fmt: skip
    """Present K samples one after the other; everything is updated in place.

    Parameters
    ----------
    images : (K, I) uint8
    control : (K, 6) int64, columns as in `processes.control`; rows of phase 0 are skipped
    const : (21,) int64
    x_table, y1_table, y2_table, interval_table : int64 look-up tables
    weights : (I + 1, P) uint8, the last row 0
    lanes : (I + 1, L) uint8, columns of ``weights``, padded, for watching: of all neurons that a synapse excites
    lane : (N,) int32, the column of each neuron; -1: it has none, and nothing to change
    lane_neuron : int32, the neuron of each of these columns
    masked : bool, whether some synapses are not plastic
    row_conducts, row_plastic : (I,) int64, number of conducting and plastic synapses of each input
    column_start : (N + 1,) int64, where the plastic synapses of each neuron start
    column_inputs : (column_start[N],) int32, their inputs; read only where ``masked``
    most_followed : int, neurons that may be followed before all are stepped in integers; negative: always all
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

    bucket = np.empty((steps, n_inputs + max(ROWS, COPIED)), np.int32)
    bucket_count = np.empty(steps, np.int64)
    active_input = np.empty(n_inputs, np.int32)
    train_start = np.empty(n_inputs + 1, np.int64)
    train = np.empty(steps * n_inputs, np.int32)
    every_input = np.arange(n_inputs).astype(np.int32)
    v = np.empty(n_padded, np.float64)
    g_exc = np.empty(n_padded, np.float64)
    g_inh = np.empty(n_padded, np.float64)
    held_until = np.empty(n_padded, np.float64)
    total = np.empty(n_padded, np.int32)
    lateral_own = np.zeros(n_padded, np.float64)
    threshold = np.full(n_padded, NEVER_REACHED, np.float64)
    limits = watch_constants(const)
    n_lanes = lane_neuron.shape[0]
    watched_u = aligned(lanes.shape[1] * 4).view(np.float32)
    watched_g = aligned(lanes.shape[1] * 4).view(np.float32)
    limit = aligned(lanes.shape[1] * 4).view(np.float32)
    watched_total = aligned(lanes.shape[1] * 2).view(np.uint16)
    bound = np.empty(N_BOUND, np.float64)
    untouched = np.empty(n_lanes, np.int32)
    followed = np.empty((F_ROWS, n_neurons), np.int64)
    laterals = np.empty(steps, np.int64)
    arrivals = np.empty(steps, np.int64)
    by_time = new_arrivals(steps, n_inputs)
    agenda = new_agenda()
    last_pre = np.empty(n_inputs, np.int64)
    last_post = np.empty(n_neurons, np.int64)
    near = np.empty(n_lanes, np.int32)
    spiked = np.empty(n_neurons, np.int32)  # excitatory neurons that spiked in the last step
    lateral = np.empty(n_neurons, np.int32)  # neurons, inhibitory or not, whose lateral spikes arrive
    recent = np.empty(n_neurons, np.int32)  # neurons whose fast trace may be live
    place = np.empty(n_neurons, np.int32)  # of each neuron in these, or -1
    column = np.empty(n_inputs, np.float64)
    learning = np.empty(n_inputs, np.int32)
    moves = np.empty(n_inputs, np.int64)
    learns = np.empty((n_neurons if masked else 0, n_inputs), np.uint8)
    inh = new_inhibitory(n_neurons)
    pause, next_pause = 0, 0

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
            images[k], sample_key(seed, STREAM_INPUT, phase, sample), const, interval_table, bucket, bucket_count,
            active_input, train_start, train,
        )  # fmt: skip
        counts[C_INPUT_SPIKES] += n_spikes
        for i in range(n_neurons):
            threshold[i] = np.float64(const[K_V_TH] + theta[i])
        watching = most_followed >= 0 and pause == 0 and limits.usable
        tried = watching
        pause = max(pause - 1, 0)
        if watching:
            reset_watch(watched_u, watched_g, limit, untouched, bound, limits, threshold, lane_neuron, const)
        else:
            rest(v, g_exc, g_inh, held_until, const)
        some_at_rest = True
        last_pre[:] = LONG_AGO
        last_post[:] = LONG_AGO
        place[:] = -1
        reset_inhibitory(inh, const)
        n_followed = 0
        n_untouched = n_lanes
        v_unexcited = const[K_V_REST]  # of the neurons without a lane, which are all in the same state
        n_active_updates = 0
        n_spiked = 0
        n_lateral = 0
        n_recent = 0
        n_awake = 0
        n_due = 0
        next_depression = steps
        noted = 0
        theta_plus = control[k, THETA_PLUS_Q] if learn else np.int64(0)

        for t in range(steps):
            # input spikes and lateral spikes of the previous step arrive
            n_arrived = bucket_count[t - 1] if t > 0 else 0
            laterals[t] = n_lateral
            counts[C_LATERAL_ACC] += n_lateral * (n_neurons - 1)
            if watching and not can_watch(bound, limits, n_arrived):
                catch_up(
                    followed, n_followed, weights, bucket, bucket_count, laterals, v, g_exc, g_inh, held_until, total,
                    lateral_own, threshold, t - 1, const,
                )  # fmt: skip
                watching, some_at_rest = False, True
            if watching:
                accumulate_16(lanes, bucket, t - 1, n_arrived, watched_total)
            else:
                accumulate(weights, bucket[t - 1], n_arrived, total)
                for s in range(n_lateral):
                    lateral_own[lateral[s]] = 1

            if t >= next_depression:  # with the fast trace
                n_due, next_depression = depress(
                    weights, lanes, lane, learns, masked, by_time, agenda, n_due, recent, n_recent, last_post, y1_table,
                    control[k, MU_PRE_Q], key_depress, t, counts,
                )  # fmt: skip

            # inhibitory neurons: spikes of their partners in the previous step
            if interneurons:
                counts[C_EXC_INH_ACC] += n_spiked
                if n_spiked > 0:
                    n_awake = wake(inh, n_awake, spiked, n_spiked)
                counts[C_INH_ACTIVE] += n_awake
                counts[C_INH_INACTIVE] += n_neurons - n_awake

            # membranes
            n_crossed = 0
            if watching:
                n_untouched = still_untouched(untouched, n_untouched if n_lateral == 0 else 0, watched_total)
                n_active_updates += n_lanes - n_followed - n_untouched
                if n_lateral > 0 or bound[B_INHIBITION] > 0 or v_unexcited != v_rest:
                    n_active_updates += n_neurons - n_lanes
                n_active_updates += step_followed(followed, n_followed, watched_total, n_lateral, lateral, t, const)
                step_bound(bound, limits, n_arrived, n_lateral, const)
                if n_lanes < n_neurons:
                    v_unexcited = step_without_input(v_unexcited, np.int64(bound[B_INHIBITION]), const)
                if bound[B_ERROR] > limits.span:
                    n_near = most_followed + 1
                elif bound[B_LOST_MOST] > 1.0:
                    n_near = watch_clamped(watched_u, watched_g, limit, watched_total, bound, limits) - n_untouched
                elif bound[B_INHIBITION] > 0:
                    n_near = watch_inhibited(watched_u, watched_g, limit, watched_total, bound, limits)
                else:
                    n_near = watch_free(watched_u, watched_g, limit, watched_total, bound, limits) - n_untouched
                if n_near > 0 and n_followed + n_near > most_followed:
                    catch_up(
                        followed, n_followed, weights, bucket, bucket_count, laterals, v, g_exc, g_inh, held_until,
                        total, lateral_own, threshold, t, const,
                    )  # fmt: skip
                    watching, some_at_rest = False, True
                    n_crossed = n_neurons
                elif n_near > 0:
                    n_near = must_be_followed(watched_u, watched_g, limit, bound, limits, untouched, n_untouched, near)
                    for s in range(n_near):
                        follow(
                            followed, n_followed, near[s], lane_neuron[near[s]], weights, active_input, n_active,
                            train_start, train, laterals, arrivals, t, const,
                        )  # fmt: skip
                        watched_u[near[s]] = np.nan  # no comparison is true any more
                        n_followed += 1
            else:
                n_active_updates += n_neurons if not some_at_rest else count_active(
                    n_neurons, v, g_exc, g_inh, held_until, total, n_lateral, lateral_own, v_rest, t
                )
                n_crossed, n_at_rest = step_neurons(
                    v, g_exc, g_inh, held_until, total, n_lateral, lateral_own, threshold, t, const
                )
                some_at_rest = n_at_rest > 0 or n_crossed > 0
                for s in range(n_lateral):
                    lateral_own[lateral[s]] = 0

            if interneurons:
                n_lateral = 0
                if n_awake > 0:
                    n_lateral, n_awake = step_inhibitory(inh, n_awake, lateral, const)
                counts[C_INH_SPIKES] += n_lateral
                if record:
                    for s in range(n_lateral):
                        inh_raster[k, t, lateral[s]] = 1

            # spikes: potentiate with the old slow trace, then set traces, theta, refractory
            n_spiked = 0
            if watching:
                for s in range(n_followed):
                    i = followed[F_NEURON, s]
                    if followed[F_V, s] > threshold[i]:
                        spiked[n_spiked] = i
                        n_spiked += 1
                        followed[F_V, s] = const[K_V_REST]
                        followed[F_HELD_UNTIL, s] = t + const[K_REFRACTORY]
            elif n_crossed > 0:
                for i in range(n_neurons):
                    if v[i] > threshold[i]:
                        spiked[n_spiked] = i
                        n_spiked += 1
                        v[i] = v_rest
                        held_until[i] = np.float64(t + const[K_REFRACTORY])
            counts[C_EXC_SPIKES] += n_spiked
            if not interneurons:
                n_lateral = n_spiked
                for s in range(n_spiked):
                    lateral[s] = spiked[s]
            if learn and n_spiked > 0:
                if noted == 0:
                    list_arrivals(bucket, bucket_count, by_time)
                note_arrivals(by_time, noted, t, last_pre)
                noted = next_depression = t + 1
            for s in range(n_spiked):
                i = np.int64(spiked[s])
                spike_counts[k, i] += 1
                if record:
                    exc_raster[k, t, i] = 1
                if learn:
                    n_recent, n_due = learn_from_spike(
                        weights, lanes, lane, masked, column_start, column_inputs, learns, active_input, n_active,
                        last_pre, last_post, x_table, y1_table, y2_table, control[k, MU_PRE_Q], control[k, MU_POST_Q],
                        key_depress, key_potentiate, i, t, recent, place, n_recent, by_time, agenda, n_due, counts,
                        learning, moves,
                    )  # fmt: skip
                    theta[i] = np.int32(raise_theta(np.int64(theta[i]), theta_plus))
                    threshold[i] = np.float64(const[K_V_TH] + theta[i])

        if watching:
            next_pause = 0
        elif tried:
            pause, next_pause = next_pause, min(2 * next_pause + 1, _LONGEST_PAUSE)
        counts[C_INPUT_ACC] += count_arrivals(active_input, n_active, train_start, train, steps, row_conducts)
        counts[C_EXC_ACTIVE] += n_active_updates
        counts[C_EXC_INACTIVE] += steps * n_neurons - n_active_updates
        if record:
            show_inputs(bucket, bucket_count, input_raster[k])
        if learn:
            counts[C_DEP_UPDATES] += count_arrivals(active_input, n_active, train_start, train, steps, row_plastic)
            for r in range(n_recent):
                end_trace(r, last_post[recent[r]], steps, learns, masked, by_time, y1_table, counts)
            end_training_sample(
                weights, lanes, lane, masked, column_start, column_inputs, every_input, column_targets, theta, sample,
                spike_counts[k], batch_counts, const, column, counts,
            )  # fmt: skip
            if control[k, PRUNE_EVENT] == BATCH_ENDS:
                batch_counts[:] = 0
