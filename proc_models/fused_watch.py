"""Which neurons may cross their threshold: all membranes of the fused engine in float32, with a bound on the error.

Few neurons spike, and of the others nothing is asked but that they stay below threshold and whether they are at rest.
So all excitatory membranes are stepped in float32, which is quick, beside a bound on how far they can be from the
integers of `fixed_point`. As long as the bound rules out a spike, the integers are not needed. A neuron for which it
does not is followed in integers from there on (`fused_followed`). Float32 thus decides only who is followed, never a
result.

With ``u = e_exc - v`` the membrane's step is ``u' = u (1 - a - x - y) + a (e_exc - v_rest) + y (e_exc - e_inh)``, where
``a`` is the leak, ``x`` and ``y`` are ``a`` times the conductances. Neurons that have not spiked all have the same
``y``, kept as the exact integer. Excitation is kept in units of a weight, so that arrivals are added as they are.

The bound. Let ``error`` bound ``|u - exact u|``. A step multiplies it by at most the largest ``|1 - a - x - y|``, which
is at one end of ``0 <= x <= reach``, the excitation if all arrivals had full weight; and adds what rounding does: the
three truncations of `integrate_membrane`, those of the conductance (2 in each step, while they are remembered), and the
roundings in float32: fewer than 16 enter ``u`` in a step, each of 2**-24 of a term of at most ``span (1 + x + y)``, and
fewer than 4 the excitation. Clamping to ``[e_inh, e_exc]`` never increases a distance, and is needed only where
``a + x + y`` can exceed 1. All of this in units of 2**-16 mV.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lavaprune.proc_models.fixed_point import (
    CONDUCTANCE_FRACTION_BITS,
    CONDUCTANCE_MAX,
    DRIVE_MAX,
    FACTOR_BITS,
    GAIN_EXTRA_BITS,
    LEAK_BITS,
    WEIGHT_MAX,
    add_conductance,
    decay_conductance,
)
from lavaprune.proc_models.fused_layout import (
    CACHE_LINE,
    K_DECAY_GE,
    K_DECAY_GI,
    K_E_EXC,
    K_E_INH,
    K_GAIN_EXC,
    K_GAIN_INH,
    K_LEAK,
    K_STEPS,
    K_V_REST,
    ROWS,
)

MOST_ARRIVALS = 65_535 // WEIGHT_MAX  # input spikes in a step whose sum of weights surely fits 16 bits
_FLOORS = 2.0  # least significant bits of a conductance that its two roundings in a step take away, at most
_TRUNCATIONS = 3.0
_ROUNDINGS = 16.0
_ROUNDINGS_EXCITATION = 4.0
_LEAST_GAIN = 1.0 / (1 << GAIN_EXTRA_BITS)
_EPSILON = 1.0 / (1 << 24)  # of float32
_SLACK = 1.01  # for the roundings of these computations themselves
_COMPARISON = 4.0  # for those of the comparisons: each side is off by less than 1


# Rows of ``bound``: the error, reach and its largest value so far, inhibition (the integer), excitation above which the
# exact one is surely not 0, a + y, the most that a + x + y can be, and a (e_exc - v_rest) + y (e_exc - e_inh)
B_ERROR, B_REACH, B_PEAK, B_INHIBITION, B_SILENT, B_LOST, B_LOST_MOST, B_PULL = range(8)
N_BOUND = 8


class WatchConstants(NamedTuple):
    """Scalars from the constants vector."""

    usable: bool  # whether the bound holds
    decay: float
    gain: float  # a times the conductance of one unit of weight
    leak: float  # a
    unit: float  # a times the least significant bit of a conductance
    rest: float  # e_exc - v_rest
    span: float  # e_exc - e_inh
    memory: float  # steps in which errors of a conductance add up
    floors: float  # excitation that the truncations of the conductance can take away
    most_reach: float  # sum of weights from which on a conductance may saturate


@njit
def watch_constants(const):
    """See `WatchConstants`; float64."""
    leak = const[K_LEAK] / (1 << LEAK_BITS)
    unit = leak / (1 << CONDUCTANCE_FRACTION_BITS)
    per_weight = const[K_GAIN_EXC] / (1 << GAIN_EXTRA_BITS)
    decay = const[K_DECAY_GE] / (1 << FACTOR_BITS)
    span = np.float64(const[K_E_EXC] - const[K_E_INH])
    memory = 1.0 / max(1.0 - decay, 1.0 / const[K_STEPS])
    usable = DRIVE_MAX * leak >= span + 8 and per_weight > 0  # else the drive's saturation can be seen
    return WatchConstants(
        usable,
        decay,
        per_weight * unit,
        leak,
        unit,
        np.float64(const[K_E_EXC] - const[K_V_REST]),
        span,
        memory,
        _FLOORS * memory / max(per_weight, _LEAST_GAIN),
        CONDUCTANCE_MAX / max(per_weight, _LEAST_GAIN) / _SLACK,
    )


@njit
def aligned(n_bytes):
    """Memory from the start of a cache line, (n_bytes,) uint8."""
    raw = np.empty(n_bytes + CACHE_LINE, np.uint8)
    first = -np.int64(raw.ctypes.data) & (CACHE_LINE - 1)
    return raw[first : first + n_bytes]


@njit
def reset_watch(u, g, limit, untouched, bound, constants, threshold, lane_neuron, const):
    """All neurons at rest, each in a lane: the l-th in that of ``lane_neuron[l]``.

    One item for each lane, with padding: ``u`` float32, not a number for padding and for neurons that are followed, of
    which no comparison is true; ``g`` float32, excitation; ``limit`` float32, `e_exc` less the ``threshold`` (N,)
    float64. ``untouched`` receives the lanes of neurons that have had no input: all.
    """
    n_lanes = lane_neuron.shape[0]
    u[:] = np.nan
    g[:] = 0
    limit[:] = 0
    for i in range(n_lanes):
        u[i] = np.float32(constants.rest)
        limit[i] = np.float32(const[K_E_EXC] - threshold[lane_neuron[i]])
        untouched[i] = i
    bound[:] = 0


@njit
def accumulate_16(weights, bucket, row, n_inputs, total):
    """Sum the rows of ``weights`` of the first ``n_inputs`` inputs in ``bucket[row]``, at most `MOST_ARRIVALS`.

    The sum goes to ``total`` uint16, of which a vector holds twice as many as of int32. Rows are taken `ROWS` at a
    time: ``bucket[row]`` must go on with inputs without weights.
    """
    n = total.shape[0]
    if n_inputs == 0:
        total[:] = 0
    for s in range(0, n_inputs, ROWS):
        a, b, c = bucket[row, s], bucket[row, s + 1], bucket[row, s + 2]
        d, e, f = bucket[row, s + 3], bucket[row, s + 4], bucket[row, s + 5]
        if s == 0:
            for i in range(n):
                half = np.uint16(np.uint16(weights[a, i]) + np.uint16(weights[b, i]) + np.uint16(weights[c, i]))
                rest = np.uint16(np.uint16(weights[d, i]) + np.uint16(weights[e, i]) + np.uint16(weights[f, i]))
                total[i] = np.uint16(half + rest)
        else:
            for i in range(n):
                half = np.uint16(np.uint16(weights[a, i]) + np.uint16(weights[b, i]) + np.uint16(weights[c, i]))
                rest = np.uint16(np.uint16(weights[d, i]) + np.uint16(weights[e, i]) + np.uint16(weights[f, i]))
                total[i] += np.uint16(half + rest)


@njit
def can_watch(bound, constants, n_arrived):
    """Whether sums of weights and conductances surely stay within their widths in the step with these arrivals."""
    reach = bound[B_REACH] * constants.decay + WEIGHT_MAX * n_arrived
    return n_arrived <= MOST_ARRIVALS and reach < constants.most_reach


@njit
def still_untouched(untouched, n_untouched, total):
    """Take the lanes with input off the list of those that had none so far; returns how many are left."""
    kept = 0
    for s in range(n_untouched):
        i = untouched[s]
        untouched[kept] = i
        kept += total[i] == 0
    return kept


@njit
def step_bound(bound, constants, n_arrived, n_lateral, const):
    """What one step does to the inhibition and to the bound on the error."""
    inhibition = add_conductance(
        decay_conductance(np.int64(bound[B_INHIBITION]), const[K_DECAY_GI]), np.int64(n_lateral), const[K_GAIN_INH]
    )
    bound[B_INHIBITION] = inhibition
    bound[B_REACH] = bound[B_REACH] * constants.decay + WEIGHT_MAX * n_arrived
    bound[B_PEAK] = max(bound[B_PEAK], bound[B_REACH])
    x_most, y = bound[B_REACH] * constants.gain, inhibition * constants.unit
    lost = constants.leak + y
    excitation_error = constants.floors + _ROUNDINGS_EXCITATION * _EPSILON * bound[B_PEAK] * constants.memory
    x_error = excitation_error * constants.gain
    rounding = _TRUNCATIONS + constants.span * (x_error + _ROUNDINGS * _EPSILON * (1.0 + x_most + y))
    factor = max(abs(1.0 - lost), abs(1.0 - lost - x_most))
    bound[B_ERROR] = bound[B_ERROR] * factor + _SLACK * rounding
    bound[B_SILENT] = _SLACK * excitation_error
    bound[B_LOST] = lost
    bound[B_LOST_MOST] = lost + _SLACK * x_most
    bound[B_PULL] = constants.leak * constants.rest + y * constants.span


# Three functions for one step of all membranes with the arrivals in ``total`` uint16, each of one loop, which is
# what the compiler makes whole vectors of. They return the number of neurons that must be followed: those that may be
# above threshold and, without inhibition, those that may be at rest, close to it and with next to no excitation.


@njit
def watch_inhibited(u, g, limit, total, bound, constants):
    """A step with inhibition: nobody is at rest."""
    margin = np.float32(bound[B_ERROR] + _COMPARISON)
    decay, gain = np.float32(constants.decay), np.float32(constants.gain)
    kept, pull = np.float32(1.0 - bound[B_LOST]), np.float32(bound[B_PULL])
    n = np.int32(0)
    for i in range(u.shape[0]):
        excitation = g[i] * decay + np.float32(total[i])
        g[i] = excitation
        moved = u[i] * (kept - excitation * gain) + pull
        u[i] = moved
        n = np.int32(n + np.int32(moved - limit[i] < margin))
    return np.int64(n)


@njit
def watch_free(u, g, limit, total, bound, constants):
    """A step without inhibition."""
    margin = np.float32(bound[B_ERROR] + _COMPARISON)
    rest, silent = np.float32(constants.rest), np.float32(bound[B_SILENT])
    decay, gain = np.float32(constants.decay), np.float32(constants.gain)
    kept, pull = np.float32(1.0 - bound[B_LOST]), np.float32(bound[B_PULL])
    n = np.int32(0)
    for i in range(u.shape[0]):
        excitation = g[i] * decay + np.float32(total[i])
        g[i] = excitation
        moved = u[i] * (kept - excitation * gain) + pull
        u[i] = moved
        at_rest = np.int32(excitation < silent) & np.int32(abs(moved - rest) < margin)
        n = np.int32(n + (np.int32(moved - limit[i] < margin) | at_rest))
    return np.int64(n)


@njit
def watch_clamped(u, g, limit, total, bound, constants):
    """A step with or without inhibition in which membranes may reach their bounds."""
    margin = np.float32(bound[B_ERROR] + _COMPARISON)
    rest, silent = np.float32(constants.rest), np.float32(bound[B_SILENT] if bound[B_INHIBITION] == 0 else 0.0)
    decay, gain = np.float32(constants.decay), np.float32(constants.gain)
    kept, pull = np.float32(1.0 - bound[B_LOST]), np.float32(bound[B_PULL])
    low, high = np.float32(0.0), np.float32(constants.span)
    n = np.int32(0)
    for i in range(u.shape[0]):
        excitation = g[i] * decay + np.float32(total[i])
        g[i] = excitation
        moved = u[i] * (kept - excitation * gain) + pull
        moved = low if moved < low else moved  # leaves alone what is not a number
        moved = high if moved > high else moved
        u[i] = moved
        at_rest = np.int32(excitation < silent) & np.int32(abs(moved - rest) < margin)
        n = np.int32(n + (np.int32(moved - limit[i] < margin) | at_rest))
    return np.int64(n)


@njit
def must_be_followed(u, g, limit, bound, constants, untouched, n_untouched, near):
    """List in ``near`` (N,) int32 the lanes that were counted, without the untouched; returns how many."""
    margin = np.float32(bound[B_ERROR] + _COMPARISON)
    rest = np.float32(constants.rest)
    silent = np.float32(bound[B_SILENT] if bound[B_INHIBITION] == 0 else 0.0)
    s, n = 0, 0
    for i in range(u.shape[0]):
        if s < n_untouched and untouched[s] == i:  # in ascending order
            s += 1
        elif u[i] - limit[i] < margin or (g[i] < silent and abs(u[i] - rest) < margin):
            near[n] = i
            n += 1
    return n
