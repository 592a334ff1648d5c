"""Neuronal pruning: how much a unit receives, and which units lose their inputs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def importance(high: torch.Tensor, low: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What each unit receives (Han et al. 2022, neuronal pruning).

    ``b = minmax(R+ + |R-|) * mask`` over the layer, summed over a unit's inputs. Where all ranges are the same, as
    before any has changed, minmax is 0/0; b is then 1, and live inputs count.

    Parameters
    ----------
    high, low : (units, inputs) float32
        Ranges of the weights.
    mask : (units, inputs) bool
        Live synapses.

    Returns
    -------
    (units,) float64
        Rounded to 1e-9, so that the order of summation decides nothing: ties are frequent.
    """
    width = (high + low.abs()).double()
    if width.numel() == 0:
        return width.new_zeros(len(width))
    least, most = width.min(), width.max()
    spread = most - least
    share = (width - least) / spread if float(spread) > 0 else width.new_ones(width.shape)
    return (share * mask).sum(dim=1).round(decimals=9)


def lowest_units(received: torch.Tensor, rate: float) -> torch.Tensor:
    """Indices of the ``floor(units * rate)`` units that receive least; of equal ones the first."""
    # 300 * 0.35 is 104.99999999999999 in binary
    count = math.floor(len(received) * rate + 1e-9)
    return received.argsort(stable=True)[:count]


def nearly_empty(mask: torch.Tensor, fewer_than: int) -> int:
    """Number of units of a (units, inputs) bool mask with less than `fewer_than` live inputs, or with none."""
    return int((mask.sum(dim=1) < max(1, fewer_than)).sum())
