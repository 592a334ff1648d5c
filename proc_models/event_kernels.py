"""Sums over synapses, one spike at a time: work in proportion to the spikes, in integers."""

from __future__ import annotations

from numba import njit


@njit(cache=True)
def add_kernels(spikes, kernels, stride_x, stride_y, padding_x, padding_y, sums):
    """Add the kernels of all spikes.

    Parameters
    ----------
    spikes : (W, H, C) int32
        A spike where it is not 0.
    kernels : (C, kx, ky, U) int32
        A spike at x reaches output ox with ``kernels[c, x + padding_x - ox * stride_x]``.
    stride_x, stride_y, padding_x, padding_y : int
    sums : (W', H', U) int32
        Zeros before the call; 32 bits hold 2**23 spikes at a weight of 8 bits.
    """
    width, height, channels = spikes.shape
    _, size_x, size_y, _ = kernels.shape
    columns, rows, _ = sums.shape
    for x in range(width):
        first_x = max(0, (x + padding_x - size_x) // stride_x + 1)
        last_x = min(columns - 1, (x + padding_x) // stride_x)
        for y in range(height):
            first_y = max(0, (y + padding_y - size_y) // stride_y + 1)
            last_y = min(rows - 1, (y + padding_y) // stride_y)
            for c in range(channels):
                if spikes[x, y, c] == 0:
                    continue
                for ox in range(first_x, last_x + 1):
                    for oy in range(first_y, last_y + 1):
                        row = kernels[c, x + padding_x - ox * stride_x, y + padding_y - oy * stride_y]
                        target = sums[ox, oy]
                        for unit in range(len(row)):
                            target[unit] += row[unit]


@njit(cache=True)
def add_columns(spikes, starts, rows, values, sums):
    """Add the weights of all inputs that spike.

    Parameters
    ----------
    spikes : (I,) bool
    starts, rows, values : (I + 1,) int32, (S,) int32, (S,) int32
        The weights by columns: those of input i are ``values[starts[i]:starts[i + 1]]``, to neurons `rows`.
    sums : (N,) int64
        Zeros before the call.
    """
    for i in range(len(spikes)):
        if spikes[i]:
            for k in range(starts[i], starts[i + 1]):
                sums[rows[k]] += values[k]
