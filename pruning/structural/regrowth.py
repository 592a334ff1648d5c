"""Synaptic regeneration: pruned synapses that keep wanting to be large come back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def percentile(values: torch.Tensor, percent: float) -> float:
    """The percentile of all values, 0 .. 100, between two of them in proportion (NumPy's ``linear``).

    By selection: `torch.quantile` refuses more than 16 million values.
    """
    flat = values.flatten()
    position = percent / 100 * (len(flat) - 1)
    below = math.floor(position)
    lower = float(flat.kthvalue(below + 1).values)
    if below == position:
        return lower
    upper = float(flat.kthvalue(below + 2).values)
    return lower + (position - below) * (upper - lower)


def regrown(
    values: torch.Tensor, dead: torch.Tensor, waited: torch.Tensor, percent: float, wait: int, magnitude: bool = False
) -> torch.Tensor:
    """Which synapses or kernels come back; their waiting times are updated in place.

    Parameters
    ----------
    values : (units, groups, size) float32
        Unmasked weights at an epoch's end: size 1 for single synapses, else kernels, which count by their sum.
    dead : (units, groups) bool
        Pruned ones; a kernel is pruned where all of it is.
    waited : (units, groups) int16
        Epochs in a row in which a pruned one was above the percentile.
    percent : float
        Percentile, 0 .. 100, of all values of the layer, pruned or not.
    wait : int
        It comes back after more than so many epochs.
    magnitude : bool
        Compare magnitudes (of a kernel: the sum of magnitudes) instead of signed values.

    Returns
    -------
    (units, groups) bool
    """
    import torch

    if values.numel() == 0:
        return torch.zeros_like(dead)
    sums = (values.abs() if magnitude else values).sum(dim=2)
    waits = (sums > percentile(sums, percent)) & dead
    waited += 1
    waited *= waits
    back = waited > wait
    waited[back] = 0
    return back
