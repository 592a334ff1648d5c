"""Counter-based randomness: every draw is a function of (seed, stream, phase, sample, index, ordinal).

Nothing is carried from one draw to the next, so results do not depend on the order of evaluation, on the engine, on
threads, or on where a run was resumed. The mixing function is SplitMix64's finaliser (Steele, Lea and Flood 2014,
"Fast splittable pseudorandom number generators", OOPSLA), applied to a Weyl-like combination of the coordinates.

All arithmetic is on unsigned 64-bit integers and wraps.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

STREAM_INPUT = 1  # Poisson input: index = input, ordinal = number of the draw
STREAM_DEPRESSION = 2  # index = input * N + neuron, ordinal = step
STREAM_POTENTIATION = 3  # index = input * N + neuron, ordinal = step
STREAM_NORMALISATION = 4  # index = input * N + neuron, ordinal = 0
STREAM_THETA = 5  # index = neuron, ordinal = 0
STREAM_INITIAL_WEIGHTS = 6  # index = input * N + neuron; ordinal 1 for the first normalisation

_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio
_ORDINAL = np.uint64(0xD1342543DE82EF95)  # an odd multiplier with a good spectral test (Steele and Vigna 2021)
_S27 = np.uint64(27)
_S30 = np.uint64(30)
_S31 = np.uint64(31)


@register_jitable
def mix64(z: Any) -> Any:
    """Mix 64 bits, bijectively (SplitMix64's finaliser); uint64 in, uint64 out."""
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@register_jitable
def sample_key(seed: int, stream: int, phase: int, sample: int) -> Any:
    """Key of one stream of one sample; uint64.

    ``seed`` and ``sample`` are 0..2**63-1, ``stream`` and ``phase`` small non-negative integers.
    """
    key = mix64(np.uint64(seed) + _GOLDEN)
    key = mix64(key ^ (np.uint64(stream) * np.uint64(256) + np.uint64(phase)))
    return mix64(key + np.uint64(sample) * _GOLDEN)


@register_jitable
def draw64(key: Any, index: Any, ordinal: Any) -> Any:
    """64 random bits for ``(index, ordinal)`` under ``key``; all three are uint64."""
    return mix64(key + index * _GOLDEN + ordinal * _ORDINAL)
