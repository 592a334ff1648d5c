"""Membranes over all steps in one pass over memory, in Numba, for the CPU.

Integers carried in float64, exact up to 2**53. Same bits as `lavaprune.deep.membrane`, which says what is computed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.deep.architectures import DECAY_BITS, KEPT, STATE_BITS

_KEPT_SHARE = KEPT / (1 << DECAY_BITS)
_STATE = float(1 << STATE_BITS)


@njit(inline="always")
def advance(row, bias, threshold, per_unit, v, step, code):
    """One step of some membranes: row float32, bias, v and step float64, code uint8, all (n,)."""
    for j in range(len(v)):
        kept = float(np.int32(v[j] * _KEPT_SHARE))
        step[j] = kept + _STATE * (2.0 * row[j] + bias[j])
    for j in range(len(v)):
        u = step[j] * per_unit
        inside = min(max(u, 0.0), 1.0)
        place = np.int32(inside * 254.0)
        spiked = step[j] > threshold
        low = min(place + 1, 127)
        high = min(max(place + 1, 128), 254)
        level = high if spiked else low
        level = 0 if u <= 0.0 else level
        level = 255 if u >= 1.0 else level
        code[j] = level
        v[j] = 0.0 if spiked else step[j]


@njit(cache=True)
def integrate(acc, bias, threshold, per_unit, codes):
    """Codes of all steps from accumulated weights; see `lavaprune.deep.membrane.integrate`.

    acc (T, B, N) float32, bias (N,) float64, codes (T, B, N) uint8 out.
    """
    n_steps, n_samples, n = acc.shape
    step = np.empty(n, np.float64)
    v = np.empty(n, np.float64)
    for b in range(n_samples):
        v[:] = 0.0
        for t in range(n_steps):
            advance(acc[t, b], bias, threshold, per_unit, v, step, codes[t, b])


@njit(cache=True)
def scatter(spikes, kernels, acc):
    """Add the kernels of all spikes of one frame: work in proportion to the spikes, and exact.

    spikes (H, W, C) uint8; kernels (C, 3, 3 * U) float32, turned by 180 degrees, so that the three columns that a spike
    reaches in a row lie side by side; acc (H + 2, (W + 2) * U) float32 out, with a margin of one.
    """
    height, width, channels = spikes.shape
    reach = kernels.shape[2]
    units = reach // 3
    acc[:] = 0
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                count = spikes[y, x, c]
                if count != 0:
                    factor = np.float32(count)
                    for i in range(3):
                        row = acc[y + 2 - i, x * units : x * units + reach]
                        kernel = kernels[c, i]
                        for u in range(reach):
                            row[u] += factor * kernel[u]


@njit(cache=True)
def convolve_and_integrate(spikes, kernels, bias, threshold, per_unit, codes):
    """`scatter` and `integrate` of a convolution, without the sums of all frames in memory.

    spikes (T, B, H, W, C) uint8; kernels as in `scatter`; bias (H, W * U) float64; codes (T, B, H, W * U) uint8 out.
    """
    n_steps, n_samples, height, width, _ = spikes.shape
    units = kernels.shape[2] // 3
    n = width * units
    acc = np.empty((height + 2, n + 2 * units), np.float32)
    step = np.empty(n, np.float64)
    v = np.empty((height, n), np.float64)
    for b in range(n_samples):
        v[:] = 0.0
        for t in range(n_steps):
            scatter(spikes[t, b], kernels, acc)
            for y in range(height):
                row = acc[y + 1, units : units + n]
                advance(row, bias[y], threshold, per_unit, v[y], step, codes[t, b, y])


@njit(cache=True)
def differentiate(codes, grad, index, share, out):
    """Gradient at the inputs of the membranes; see `lavaprune.deep.membrane.differentiate`.

    codes (T, B, N) uint8; grad (T, B, M) float32, or (1, B, M) for every step alike; index (N,) int32 into M;
    out (T, B, N) float32.
    """
    n_steps, n_samples, n = codes.shape
    later = np.empty(n, np.float32)
    decay = np.float32(_KEPT_SHARE)
    per_level = np.float32(1.0 / 254.0)
    half = np.float32(0.5)
    one = np.float32(1.0)
    zero = np.float32(0.0)
    factor = np.float32(share)
    for b in range(n_samples):
        later[:] = 0
        for t in range(n_steps - 1, -1, -1):
            given = grad[t if grad.shape[0] > 1 else 0, b]
            code, result = codes[t, b], out[t, b]
            for j in range(n):
                result[j] = given[index[j]]
            for j in range(n):
                level = code[j]
                u = (np.float32(level) - half) * per_level
                window = zero if (level == 0 or level == 255) else one
                silent = zero if level >= 128 else one
                after = decay * later[j]
                value = window * (factor * result[j] - u * after) + silent * after
                result[j] = value
                later[j] = value


@njit(cache=True)
def pool(codes, side, counts):
    """Spikes per pooling window.

    codes (F, H, W, C) uint8; counts (F, H / side, W / side, C) uint8 out.
    """
    n_frames, height, width, channels = codes.shape
    for f in range(n_frames):
        for y in range(height // side):
            for x in range(width // side):
                target = counts[f, y, x]
                target[:] = 0
                for i in range(side):
                    for k in range(side):
                        row = codes[f, y * side + i, x * side + k]
                        for c in range(channels):
                            target[c] += row[c] >> 7
