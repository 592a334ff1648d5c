"""The arithmetic of Lava's stock fixed-point Processes, as pure functions on integers.

``LIF`` (lava/proc/lif/models.py, ``AbstractPyLifModelFixed``) and ``Dense`` (lava/proc/dense/models.py,
``AbstractPyDenseModelBitAcc``), which mimic Loihi 1. Written down once more so that a whole data set can be shown to a
network of stock Processes in seconds; tests hold them to Lava's own models bit for bit.

==================  =======================  ==================================================
quantity            width                    in the unit of the voltage
==================  =======================  ==================================================
current, voltage    24 bit, signed           1
activation          16 bit, signed           2**6 (a Dense's output; the models do not check it)
threshold           17 bit, unsigned         2**6
decays du, dv       12 bit, unsigned         2**-12 per step
==================  =======================  ==================================================
"""

from __future__ import annotations

from typing import Any

from numba.extending import register_jitable

from lavaprune.proc_models.fixed_point import clamp, shift_toward_zero

STATE_LIMIT = 1 << 23  # of the magnitude of current and voltage
DECAY_BITS = 12
DECAY_UNITY = 1 << DECAY_BITS
ALIGN_BITS = 6  # activations and thresholds are shifted left by these

ACTIVATION_LIMIT = 1 << 15
VTH_MAX = (1 << 17) - 1
DECAY_MAX = DECAY_UNITY - 1
BIAS_MANT_MAX = (1 << 12) - 1
BIAS_EXP_MAX = 7
WEIGHT_EXP_MIN, WEIGHT_EXP_MAX = -8, 7
EXCITATORY_MAX = 255
MIXED_MIN, MIXED_MAX = -256, 254  # even numbers only


@register_jitable
def shift(x: Any, exponent: int) -> Any:
    """``x * 2**exponent``, rounded down: what a Dense makes of its sum with ``weight_exp``, a LIF of its bias."""
    if exponent >= 0:
        return x << exponent
    return x >> -exponent


@register_jitable
def step_current(u: Any, activation: Any, du: int) -> Any:
    """``trunc(u (4096 - (du + 1)) / 4096) + (a << 6)``; leaves 24 bits by wrapping around once, not by saturating."""
    u = shift_toward_zero(u * (DECAY_UNITY - (du + 1)), DECAY_BITS) + (activation << ALIGN_BITS)
    return u + ((u <= -STATE_LIMIT) * 1 - (u > STATE_LIMIT) * 1) * (2 * STATE_LIMIT)


@register_jitable
def step_voltage(v: Any, u: Any, bias: Any, dv: int) -> Any:
    """``trunc(v (4096 - dv) / 4096) + u + bias``, clipped to 24 bits; before threshold and reset."""
    v = shift_toward_zero(v * (DECAY_UNITY - dv), DECAY_BITS) + u + bias
    return clamp(v, -STATE_LIMIT + 1, STATE_LIMIT - 1)
