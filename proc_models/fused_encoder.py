"""Poisson input of the fused engine: all spikes of an image at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.counter_random import draw64
from lavaprune.proc_models.fused_layout import K_EQUALISE, K_PERIOD, K_REFERENCE_SUM, K_STEPS

_U28 = np.uint64(28)
_U40 = np.uint64(40)
_U52 = np.uint64(52)
_LOW12 = np.uint64(4095)
_ZERO = np.uint64(0)
_MAX_PERIOD_Q16 = 1 << 40


@njit
def _exponential_q16(bits, table):
    """Exponential interval of mean 1 in 2**-16 from 64 random bits; see `tables.interval_table`."""
    cell = bits >> _U52
    interval = table[np.int64(cell)]
    if cell != _ZERO:
        return interval
    cell = (bits >> _U40) & _LOW12
    interval += table[np.int64(cell)]
    if cell != _ZERO:
        return interval
    return interval + table[np.int64((bits >> _U28) & _LOW12)]


@njit
def encode(image, key, const, interval_table, bucket, bucket_count, active_input):
    """Poisson spikes of one image, by geometric inter-spike intervals, sorted into steps.

    ``bucket`` (T, I) and ``bucket_count`` (T,) receive the inputs that spike at each step; ``active_input`` (I,) the
    inputs with a non-zero pixel. Returns (number of active inputs, number of spikes).
    """
    steps = const[K_STEPS]
    bucket_count[:] = 0
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
        j = np.int64(active_input[a])
        period_q16 = min((numerator // np.int64(image[j])) >> 8, np.int64(_MAX_PERIOD_Q16))
        ordinal = 0
        t = np.int64(-1)
        while True:
            bits = draw64(key, np.uint64(j), np.uint64(ordinal))
            t += 1 + ((_exponential_q16(bits, interval_table) * period_q16) >> 32)
            if t >= steps:
                break
            bucket[t, bucket_count[t]] = j
            bucket_count[t] += 1
            ordinal += 1
        n_spikes += ordinal
    return n_active, n_spikes
