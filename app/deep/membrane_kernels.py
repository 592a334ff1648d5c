"""Membranes over all steps in one pass over memory, in Numba, for the CPU.

Integers carried in float64, exact up to 2**53. Same bits as `lavaprune.deep.membrane`, which says what is computed.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.deep.architectures import DECAY_BITS, KEPT, STATE_BITS

_KEPT_SHARE = KEPT / (1 << DECAY_BITS)
_STATE = float(1 << STATE_BITS)


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
            row, code = acc[t, b], codes[t, b]
            for j in range(n):
                kept = float(np.int32(v[j] * _KEPT_SHARE))
                step[j] = kept + _STATE * (2.0 * row[j] + bias[j])
            for j in range(n):
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
