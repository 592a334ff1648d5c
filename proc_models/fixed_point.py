"""The arithmetic of the network: pure functions on integers with named widths.

Both engines are built from these functions alone, so that they agree to the bit. Every function takes Python
integers, NumPy int64 arrays, or scalars inside a Numba kernel, and returns the same kind.

Widths and units
----------------
==================  ==========================  =========================================================
quantity            width                       least significant bit
==================  ==========================  =========================================================
membrane, theta     24 bit, signed              2**-16 mV (so -128 .. 128 mV)
conductance         24 bit, unsigned            2**-14 of the leak conductance (so 0 .. 1024)
drive               32 bit, signed              2**-16 mV per membrane time constant
weight              8 bit, unsigned             w_max / 255
trace               7 bit, unsigned (0 .. 127)  1 / 127 of the value right after the own spike
learning rate       32 bit, unsigned            2**-24 of one weight step per unit of the traces' product
product             64 bit, signed              as its factors; always truncated toward zero
==================  ==========================  =========================================================

Missing against the hardware: Loihi 1 has neither conductances nor per-neuron adaptive thresholds, which need
Loihi 2 microcode; its learning engine accumulates in 15 bits, here the update has 16 fractional bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

POTENTIAL_BITS = 24  # membrane potential and threshold, signed
POTENTIAL_FRACTION_BITS = 16  # 2**-16 mV
CONDUCTANCE_BITS = 24  # unsigned
CONDUCTANCE_FRACTION_BITS = 14  # of the leak conductance
WEIGHT_MAX = 255  # 8 bits, unsigned
TRACE_MAX = 127  # 7 bits, unsigned, as on Loihi
FACTOR_BITS = 16  # decay factors of conductances are fractions of 2**16
LEAK_BITS = 22  # 1 / tau_m is a fraction of 2**22
DRIVE_BITS = 32  # synaptic drive, signed, 2**-16 mV; saturates (at 32,768 mV)
GAIN_EXTRA_BITS = 8  # gains carry 8 bits below the conductance's least significant one
RATE_EXTRA_BITS = 8  # learning rates carry 8 bits below the 16 fractional bits of a weight update
THETA_DECAY_BITS = 32  # the loss of theta per image is a fraction of 2**32

POTENTIAL_MAX = (1 << (POTENTIAL_BITS - 1)) - 1
CONDUCTANCE_MAX = (1 << CONDUCTANCE_BITS) - 1
DRIVE_MAX = (1 << (DRIVE_BITS - 1)) - 1


@register_jitable
def clamp(x: Any, low: Any, high: Any) -> Any:
    """Saturate ``x`` to ``[low, high]``; any width."""
    return np.minimum(np.maximum(x, low), high)


@register_jitable
def shift_toward_zero(x: Any, bits: int) -> Any:
    """Divide by ``2**bits``, truncated toward zero: ``sgn(x) * (|x| >> bits)``.

    ``x`` is a signed 64-bit value of magnitude below ``2**62``; ``bits`` is 0..62. Loihi truncates its products
    on the magnitude in the same way.
    """
    return (x + ((x >> 63) & ((1 << bits) - 1))) >> bits


@register_jitable
def decay_conductance(g: Any, factor_q16: Any) -> Any:
    """One step of exponential decay, ``(g * factor) >> 16`` (Guo et al. 2020, Eq. 2).

    ``g`` is 24-bit unsigned, ``factor_q16 = round(2**16 exp(-1 / tau_g))`` is 0..2**16; the product has 40 bits.
    Rounded down, so every conductance reaches exactly 0.
    """
    return (g * factor_q16) >> FACTOR_BITS


@register_jitable
def add_conductance(g: Any, arrivals: Any, gain: Any) -> Any:
    """Add ``floor(arrivals * gain / 2**8)``, saturating at 24 bits unsigned.

    ``arrivals`` is a sum of weights or a count of spikes, ``gain`` the conductance of one unit in 2**-22 of the leak
    (up to 32 bits). Within a network arrivals have 24 bits, so the product has 56. All that a 32-bit port can carry is
    allowed too: with the largest gain of a spike, 1000 leaks, the product stays below 2**63.
    """
    return np.minimum(g + ((arrivals * gain) >> GAIN_EXTRA_BITS), CONDUCTANCE_MAX)


@register_jitable
def integrate_membrane(v: Any, g_exc: Any, g_inh: Any, v_rest: Any, e_exc: Any, e_inh: Any, leak_q22: Any) -> Any:
    """One Euler step of the membrane potential (Guo et al. 2020, Eq. 1), clamped to ``[e_inh, e_exc]``.

    ``v' = v_rest + trunc((v - v_rest) (2**22 - a) / 2**22) + trunc(d a / 2**22)`` with the synaptic drive
    ``d = sat32(trunc((g_exc (e_exc - v) + g_inh (e_inh - v)) / 2**14))`` and ``a = leak_q22 = round(2**22 / tau_m)``.

    Potentials are 24-bit signed, conductances 24-bit unsigned: their products and the sum have at most 50 bits. The
    drive saturates at 32 bits signed, that is at 32,768 mV; while tau_m is at most 129 ms the clamp hides that, since a
    step of 254 mV reaches a bound from anywhere. Its product with the leak has 53 bits and a sign. The leak acts on the
    magnitude of the distance to rest, as Loihi's decay does, so an undriven neuron comes to rest exactly.
    """
    one = 1 << LEAK_BITS
    leaked = shift_toward_zero((v - v_rest) * (one - leak_q22), LEAK_BITS)
    drive = shift_toward_zero(g_exc * (e_exc - v) + g_inh * (e_inh - v), CONDUCTANCE_FRACTION_BITS)
    drive = clamp(drive, -DRIVE_MAX - 1, DRIVE_MAX)
    return clamp(v_rest + leaked + shift_toward_zero(drive * leak_q22, LEAK_BITS), e_inh, e_exc)


@register_jitable
def raise_theta(theta: Any, theta_plus: Any) -> Any:
    """Add ``theta_plus`` at a spike; saturates at the largest 24-bit signed value."""
    return np.minimum(theta + theta_plus, POTENTIAL_MAX)


@register_jitable
def decay_theta(theta: Any, loss_q32: Any, random_32: Any) -> Any:
    """Once per image: ``theta - floor((theta * loss + r) / 2**32)``, stochastic rounding of the decay.

    ``theta`` is 0..2**23-1, ``loss_q32`` 0..2**32 and ``random_32`` a 32-bit draw: the product has 55 bits, and
    the result never falls below 0.
    """
    return theta - ((theta * loss_q32 + random_32) >> THETA_DECAY_BITS)


@register_jitable
def depression_q16(rate_q: Any, trace_post: Any) -> Any:
    """Size of a depression, in 2**-16 weight steps: ``(rate * y1) >> 8`` (Guo et al. 2020, Eq. 4).

    ``rate_q`` has 32 bits, ``trace_post`` 7.
    """
    return (rate_q * trace_post) >> RATE_EXTRA_BITS


@register_jitable
def potentiation_q16(rate_q: Any, trace_pre: Any, trace_post_slow: Any) -> Any:
    """Size of a potentiation, in 2**-16 weight steps: ``(rate * x * y2) >> 8`` (Guo et al. 2020, Eq. 4).

    ``rate_q`` has 32 bits, the traces 7 each: the product has 46 bits.
    """
    return (rate_q * trace_pre * trace_post_slow) >> RATE_EXTRA_BITS


@register_jitable
def depress_weight(weight: Any, change_q16: Any, random_16: Any) -> Any:
    """Subtract with one stochastic rounding, ``w - floor((dw + r) / 2**16)``; saturates at 0.

    ``random_16`` is a 16-bit draw, so the expected change is exactly ``dw / 2**16``.
    """
    return np.maximum(weight - ((change_q16 + random_16) >> 16), 0)


@register_jitable
def potentiate_weight(weight: Any, change_q16: Any, random_16: Any) -> Any:
    """Add with one stochastic rounding, ``w + floor((dw + r) / 2**16)``; saturates at 255."""
    return np.minimum(weight + ((change_q16 + random_16) >> 16), WEIGHT_MAX)


@register_jitable
def normalise_weight(weight: Any, target: Any, total: Any, random_32: Any) -> Any:
    """Scale a weight by ``target / total`` with one stochastic rounding; saturates at 255.

    ``floor((w * target + r) / total)`` with ``r = (random_32 * total) >> 32`` in ``[0, total)``. ``total`` is the sum
    of the column, 1..2**24, ``target`` 0..2**24: every product stays below 2**56. Stands for work of an embedded
    processor, not of a neuron core.
    """
    return np.minimum((weight * target + ((random_32 * total) >> 32)) // total, WEIGHT_MAX)
