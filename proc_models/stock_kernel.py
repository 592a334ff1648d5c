"""A network of stock Lava Processes on whole images: Poisson input, Dense, LIF and a lateral Dense back to it."""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.compile_cache import cached_by_sources
from lavaprune.proc_models.counter_random import STREAM_INPUT, sample_key
from lavaprune.proc_models.fused_encoder import encode
from lavaprune.proc_models.fused_layout import K_SEED, K_STEPS, ROWS
from lavaprune.proc_models.stock_arithmetic import ALIGN_BITS, shift, step_current, step_voltage


@cached_by_sources
@njit(cache=True)
def encode_images(images, first_sample, phase, const, interval_table, period, spikes):
    """Input spikes of K images one after the other into ``spikes`` (K * period, I) int32, zeros before the call."""
    n_images, n_inputs = images.shape
    bucket = np.empty((const[K_STEPS], n_inputs + ROWS), np.int32)
    bucket_count = np.empty(const[K_STEPS], np.int64)
    active_input = np.empty(n_inputs, np.int32)
    train_start = np.empty(n_inputs + 1, np.int64)
    train = np.empty(const[K_STEPS] * n_inputs, np.int32)
    for k in range(n_images):
        key = sample_key(const[K_SEED], STREAM_INPUT, phase, first_sample + k)
        encode(images[k], key, const, interval_table, bucket, bucket_count, active_input, train_start, train)
        for t in range(const[K_STEPS]):
            for s in range(bucket_count[t]):
                spikes[k * period + t, bucket[t, s]] = 1


@cached_by_sources
@njit(cache=True)
def run_stock(
    images, first_sample, phase, const, interval_table, weights, weight_exp, lateral, lateral_exp, du, dv, bias, vth,
    period, u, v, arrived, arrived_lateral, counts, raster,
):  # fmt: skip
    """Show K images; state and result are updated in place.

    In a step, what each Dense summed in the step before arrives, the neurons move and spike, and the inputs' and the
    neurons' spikes of the step are summed: the order in which Lava's Processes exchange them.

    Parameters
    ----------
    images : (K, I) uint8
    first_sample, phase : int
        For the key of the Poisson input, as in `processes.control`.
    const : (21,) int64, of `fused_engine.constants`
    interval_table : int64
    weights : (I, N) int32; lateral : (N, N) int32, from row to column
    weight_exp, lateral_exp, du, dv, vth : int
    bias : (N,) int64, in units of the voltage
    period : int
        Steps from the start of one image to that of the next, at least those of an image.
    u, v, arrived, arrived_lateral : (N,) int64
        State: current, voltage and the sums that arrive in the next step.
    counts : (K, N) int32, spikes of each neuron from the start of an image to that of the next
    raster : (K * period, N) uint8 recording, or of length 0
    """
    n_images, n_inputs = images.shape
    n_neurons = weights.shape[1]
    steps = const[K_STEPS]
    bucket = np.empty((steps, n_inputs + ROWS), np.int32)
    bucket_count = np.empty(steps, np.int64)
    active_input = np.empty(n_inputs, np.int32)
    train_start = np.empty(n_inputs + 1, np.int64)
    train = np.empty(steps * n_inputs, np.int32)
    total = np.zeros(n_neurons, np.int32)
    record = raster.shape[0] > 0
    for k in range(n_images):
        key = sample_key(const[K_SEED], STREAM_INPUT, phase, first_sample + k)
        encode(images[k], key, const, interval_table, bucket, bucket_count, active_input, train_start, train)
        for t in range(period):
            n_spikes = 0
            for i in range(n_neurons):
                activation = shift(arrived[i], weight_exp) + shift(arrived_lateral[i], lateral_exp)
                arrived_lateral[i] = 0
                u[i] = step_current(u[i], activation, du)
                v[i] = step_voltage(v[i], u[i], bias[i], dv)
            total[:] = 0
            if t < steps:
                for s in range(bucket_count[t]):
                    row = weights[bucket[t, s]]
                    for i in range(n_neurons):
                        total[i] += row[i]
            for i in range(n_neurons):
                arrived[i] = total[i]
                if v[i] > vth << ALIGN_BITS:
                    v[i] = 0
                    n_spikes += 1
                    counts[k, i] += 1
                    if record:
                        raster[k * period + t, i] = 1
                    for j in range(n_neurons):
                        arrived_lateral[j] += lateral[i, j]
