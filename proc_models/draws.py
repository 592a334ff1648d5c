"""Counter-based random draws for whole arrays of indices, as the models of the graph take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from lavaprune.proc_models import counter_random


def sample_key(seed: int, stream: int, phase: int, sample: int) -> np.uint64:
    """`counter_random.sample_key` without warnings: unsigned arithmetic is meant to wrap."""
    with np.errstate(over="ignore"):
        return np.uint64(counter_random.sample_key(seed, stream, phase, sample))


def draw_64(key: np.uint64, index: Any, ordinal: Any) -> np.ndarray:
    """64 random bits for each index, uint64; ``ordinal`` is one for all, or of the same shape."""
    with np.errstate(over="ignore"):
        return counter_random.draw64(key, np.asarray(index).astype(np.uint64), np.asarray(ordinal).astype(np.uint64))


def draw_32(key: np.uint64, index: Any, ordinal: Any) -> np.ndarray:
    """The upper 32 of the 64 bits, int64."""
    return (draw_64(key, index, ordinal) >> np.uint64(32)).astype(np.int64)


def draw_16(key: np.uint64, index: Any, ordinal: Any) -> np.ndarray:
    """The upper 16 of the 64 bits, int64."""
    return (draw_64(key, index, ordinal) >> np.uint64(48)).astype(np.int64)
