"""A folded network by loops, with Lava's 24 bits: what compaction is held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lavaprune.deep.folding import FoldedLayer

HALF = 1 << 23


def synapses(layer: FoldedLayer) -> np.ndarray:
    """All synapses of a layer: (C, H, W, neurons) int64, neurons in the order (units, rows, columns)."""
    channels, height, width = layer.inputs
    units, rows, columns = layer.outputs
    if layer.kind == "dense":
        return layer.weight.astype(np.int64).T.reshape(channels, height, width, units)
    found = np.zeros((channels, height, width, units, rows, columns), np.int64)
    for row in range(rows):
        for column in range(columns):
            for ky in range(layer.weight.shape[2]):
                for kx in range(layer.weight.shape[3]):
                    y, x = row * layer.stride + ky - layer.padding, column * layer.stride + kx - layer.padding
                    if 0 <= y < height and 0 <= x < width:
                        found[:, y, x, :, row, column] += layer.weight[:, :, ky, kx].T
    return found.reshape(channels, height, width, -1)


def folded_spikes(layers: Sequence[FoldedLayer], spikes: np.ndarray) -> list[np.ndarray]:
    """Spikes (T, B, units, rows, columns) bool of every layer for input (T, B, C, H, W)."""
    found = []
    for layer in layers:
        acc = np.tensordot(spikes.astype(np.int64), synapses(layer), axes=3)
        bias = np.repeat(layer.bias.astype(np.int64), layer.outputs[1] * layer.outputs[2]) << 6
        v = np.zeros(acc.shape[1:], np.int64)
        out = np.zeros(acc.shape, bool)
        for t, given in enumerate(acc):
            u = given << 6
            u = np.where(u > HALF, u - 2 * HALF, np.where(u <= -HALF, u + 2 * HALF, u))
            v = np.sign(v) * (np.abs(v) * 819 // 4096) + u + bias
            v = v.clip(1 - HALF, HALF - 1)
            out[t] = v > layer.threshold << 6
            v[out[t]] = 0
        spikes = out.reshape(*out.shape[:2], *layer.outputs)
        found.append(spikes)
    return found
