"""Random draws as the fused kernels take them."""

from __future__ import annotations

import numpy as np
from numba import njit

from lavaprune.proc_models.counter_random import draw64

_U32 = np.uint64(32)
_U48 = np.uint64(48)


@njit
def random_16(key, index, ordinal):
    """A 16-bit draw as int64."""
    return np.int64(draw64(key, np.uint64(index), np.uint64(ordinal)) >> _U48)


@njit
def random_32(key, index, ordinal):
    """A 32-bit draw as int64."""
    return np.int64(draw64(key, np.uint64(index), np.uint64(ordinal)) >> _U32)
