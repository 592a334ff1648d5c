"""How a neuron's remaining weights are rescaled at a pruning event: nothing, the same sum, or the same drive."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod

Rescaling = Literal["none", "sum", "drive"]
RESCALINGS: tuple[Rescaling, ...] = get_args(Rescaling)
KEEP = -1
"""What stands for a column that is left as it is."""
TARGET_MAX = 255 * 65536
"""Largest target: the weights of as many inputs as there can be, all at their maximum."""
GAIN_BITS = 16
"""Fractional bits of the gain."""
GAIN_MAX = 16
"""Largest gain."""


def column_targets(
    rule: str,
    event: PruningEvent,
    conducts: Mask,
    plastic: Mask,
    targets: npt.NDArray[np.int64],
    gain: Decimal = Decimal(1),
) -> npt.NDArray[np.int64]:
    """Sum that the plastic weights of each neuron are to have from this event on.

    Normalisation keeps the sum of a neuron's plastic weights at a target, but only when the neuron fires. One that
    loses much of its sum at an event may never reach its threshold again. Diehl and Cook (2015) normalise all columns
    at every image, fired or not; Guo et al. (2020) do not say. The rules, for each neuron:

    - ``none``: everything stays, columns are normalised when their neuron fires.
    - ``sum``: the target stays, and the column is scaled to it at once.
    - ``drive``: the target becomes one at which the remaining synapses drive the neuron as much as all of them did
      at the neuron's favourite input. STDP makes weights proportional to how often an input is active when the neuron
      fires, so that drive is the sum of the squared weights: target = (sum of w left) * (sum of w**2 before) /
      (sum of w**2 left), rounded down. With ``sum`` it would rise, since large weights are what is left.

    Synapses that were frozen at this event go on driving the neuron: their part is taken off the target.

    The new targets of ``sum`` and ``drive`` are multiplied with `gain`, rounded down to `GAIN_BITS` fractional bits,
    and rounded down again. A pruned neuron keeps its drive at its favourite input and loses some at all others; a gain
    above 1 gives the network its spikes back.

    Parameters
    ----------
    rule : str
        One of `RESCALINGS`.
    event : PruningEvent
        As the method saw it.
    conducts, plastic : uint8 arrays, shape (I, N)
        What the method decided.
    targets : int64 array, shape (N,)
        The targets so far, in units of one weight step; 0: this neuron's weights are not normalised.
    gain : Decimal
        Of this event, 0 .. `GAIN_MAX`.

    Returns
    -------
    int64 array, shape (N,)
        The new targets, 1 .. `TARGET_MAX`, or `KEEP`: target and weights of this neuron stay as they are, which is so
        for neurons that are not normalised and for those that have nothing left to scale.

    Raises
    ------
    PruningError
        For an unknown rule, or a gain out of range.
    """
    if gain.is_nan() or not 0 <= gain <= GAIN_MAX:
        raise PruningError(f"pruning: gain is {gain}; allowed: 0 .. {GAIN_MAX}")
    if rule not in RESCALINGS:
        raise PruningError(f"pruning: rescale is {rule!r}; allowed: {', '.join(RESCALINGS)}")
    new = np.full(targets.shape, KEEP, np.int64)
    if rule == "none":
        return new
    learned = event.weights * event.plastic
    left = learned * (plastic != 0)
    is_frozen = (conducts != 0) & (plastic == 0)
    sum_left = _column_sums(left)
    scaled = (targets > 0) & (sum_left > 0)
    if rule == "sum":
        goal = targets - _column_sums(learned * is_frozen)
    else:  # widths: 17 bits of inputs and 8 of weights; squares 32, the product below 2**57
        drive_left = np.maximum(_column_sums_of_squares(left), 1)
        goal = sum_left * _column_sums_of_squares(learned * ~is_frozen) // drive_left
    if gain != 1:  # widths: 24 bits of target, once it is clipped, 21 of gain; product up to 2**44
        goal = np.clip(goal, 0, TARGET_MAX) * int(gain * 2**GAIN_BITS) >> GAIN_BITS
    new[scaled] = np.clip(goal[scaled], 1, TARGET_MAX)
    return new


def targets_after(
    method: PruningMethod, event: PruningEvent, conducts: Mask, plastic: Mask, targets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """`column_targets` by a method's rule and its gain at this event."""
    return column_targets(method.rescale, event, conducts, plastic, targets, method.gain_at(event))


def _column_sums(weights: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Sum of each column; in 32 bits, enough for 65,536 weights, since narrow integers are summed much faster."""
    return weights.sum(axis=0, dtype=np.uint32).astype(np.int64)


def _column_sums_of_squares(weights: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Sum of the squares of each column: at most 65,536 * 255**2, which is less than 2**32."""
    squares = np.multiply(weights, weights, dtype=np.uint16)
    return squares.sum(axis=0, dtype=np.uint32).astype(np.int64)
