"""Poisson input of the fused engine: all spikes of an image at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.counter_random import draw64
from lavaprune.proc_models.fused_layout import K_EQUALISE, K_PERIOD, K_REFERENCE_SUM, K_STEPS, ROWS

_U28 = np.uint64(28)
_U40 = np.uint64(40)
_U52 = np.uint64(52)
_LOW12 = np.uint64(4095)
_ZERO = np.uint64(0)
_MAX_PERIOD_Q16 = 1 << 40
_DRAWS = 32


@njit
def _exponential_q16(bits, table):
    """Exponential interval of mean 1 in 2**-16 from 64 random bits; see `tables.interval_table`."""
    cell = bits >> _U52
    interval = table[cell]
    if cell != _ZERO:
        return interval
    cell = (bits >> _U40) & _LOW12
    interval += table[cell]
    if cell != _ZERO:
        return interval
    return interval + table[(bits >> _U28) & _LOW12]


@njit
def encode(image, key, const, interval_table, bucket, bucket_count, active_input, train_start, train):
    """Poisson spikes of one image, by geometric inter-spike intervals, sorted into steps and by input.

    ``bucket`` (T, I + ROWS) and ``bucket_count`` (T,) receive the inputs that spike at each step, followed by the
    number I, an input without weights, in `ROWS` places; ``active_input`` (I,) the inputs with a non-zero pixel;
    ``train`` (T I,) the steps in which the a-th of these spikes, from ``train_start[a]`` to ``train_start[a + 1]``.
    Returns (number of active inputs, number of spikes).
    """
    steps = const[K_STEPS]
    bucket_count[:] = 0
    draws = np.empty(_DRAWS, np.uint64)
    n_active = 0
    pixel_sum = np.int64(0)
    for pixel in range(image.shape[0]):
        if image[pixel] != 0:
            active_input[n_active] = pixel
            n_active += 1
            pixel_sum += np.int64(image[pixel])
    share = const[K_EQUALISE]
    scale_sum = (share * pixel_sum + ((np.int64(1) << 16) - share) * const[K_REFERENCE_SUM]) >> 16
    numerator = scale_sum * const[K_PERIOD]
    n_spikes = 0
    for a in range(n_active):
        train_start[a] = n_spikes
        j = np.int64(active_input[a])
        period_q16 = min((numerator // np.int64(image[j])) >> 8, np.int64(_MAX_PERIOD_Q16))
        ordinal = 0
        t = np.int64(-1)
        while t < steps:
            for s in range(_DRAWS):  # many at once, in whole vectors, though some are not needed
                draws[s] = draw64(key, np.uint64(j), np.uint64(ordinal + s))
            ordinal += _DRAWS
            for s in range(_DRAWS):
                t += 1 + ((_exponential_q16(draws[s], interval_table) * period_q16) >> 32)
                if t >= steps:
                    break
                step = np.uint64(t)  # unsigned: an index that needs no check
                bucket[step, np.uint64(bucket_count[step])] = j
                bucket_count[step] += 1
                train[np.uint64(n_spikes)] = t
                n_spikes += 1
    train_start[n_active] = n_spikes
    for t in range(steps):
        for s in range(ROWS):
            bucket[t, bucket_count[t] + s] = image.shape[0]
    return n_active, n_spikes


@njit
def count_arrivals(active_input, n_active, train_start, train, steps, row_synapses):
    """Synapses at which the spikes of a sample arrive; ``row_synapses`` (I,) is their number by input."""
    n = 0
    for a in range(n_active):
        n_arrived = train_start[a + 1] - train_start[a]
        if n_arrived > 0 and train[train_start[a + 1] - 1] == steps - 1:
            n_arrived -= 1  # a spike of the last step does not arrive
        n += n_arrived * row_synapses[active_input[a]]
    return n


@njit
def show_inputs(bucket, bucket_count, raster):
    """Mark the input spikes of a sample in ``raster`` (T, I) uint8."""
    for t in range(raster.shape[0]):
        for s in range(bucket_count[t]):
            raster[t, bucket[t, s]] = 1
