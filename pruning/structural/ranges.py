"""Synaptic constraint: the range of values that each weight may take (dendritic-spine plasticity)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

CONTRACTION = 0.75


@dataclass
class Ranges:
    """Ranges of one layer's weights and what they are updated from (Han et al. 2022, synaptic constraint).

    All arrays have the weights' shape. Weights are read with the pruned ones at 0, before they are clamped.

    Attributes
    ----------
    high, low : float32
        R+ and R-.
    last : float32
        Weights at the end of the epoch before.
    shrank : bool
        Whether the weight's magnitude had fallen in the epoch before.
    count_high, count_low, count_shrunk : int16
        Epochs in a row.
    sum_high, sum_low : float32
        Excess over the range in these epochs.
    """

    high: torch.Tensor
    low: torch.Tensor
    last: torch.Tensor
    shrank: torch.Tensor
    count_high: torch.Tensor
    count_low: torch.Tensor
    count_shrunk: torch.Tensor
    sum_high: torch.Tensor
    sum_low: torch.Tensor

    @classmethod
    def first(cls, weights: torch.Tensor) -> Ranges:
        """Ranges after epoch 0: R+ is the layer's largest weight and R- = -R+.

        Where no weight is positive, the largest magnitude stands in: R+ must not lie below R-.
        """
        import torch

        top = float(weights.max()) if weights.numel() else 0.0
        if top <= 0 and weights.numel():
            top = float(weights.abs().max())
        like = weights.clone()
        return cls(
            high=torch.full_like(like, top),
            low=torch.full_like(like, -top),
            last=like,
            shrank=torch.zeros_like(like, dtype=torch.bool),
            count_high=torch.zeros_like(like, dtype=torch.int16),
            count_low=torch.zeros_like(like, dtype=torch.int16),
            count_shrunk=torch.zeros_like(like, dtype=torch.int16),
            sum_high=torch.zeros_like(like),
            sum_low=torch.zeros_like(like),
        )

    def update(self, weights: torch.Tensor, window: int) -> None:
        """Expand and contract after one more epoch.

        *Expand*: a weight at or above R+ now and in the epoch before counts, and adds its excess; after
        `window` such epochs in a row R+ rises by the mean excess. R- in the same way downwards.
        *Contract*: a weight whose magnitude fell now and in the epoch before counts; after `window` such
        epochs in a row R+ and R- shrink to 0.75 of what they are.
        """
        above = (weights >= self.high) & (self.last >= self.high)
        below = (weights <= self.low) & (self.last <= self.low)
        shrinks = weights.abs() < self.last.abs()
        shrunk = shrinks & self.shrank
        rise = _count(above, weights - self.high, self.count_high, self.sum_high, window)
        fall = _count(below, weights - self.low, self.count_low, self.sum_low, window)
        self.high += rise
        self.low += fall
        self.count_shrunk += 1
        self.count_shrunk *= shrunk
        due = self.count_shrunk >= window
        self.count_shrunk[due] = 0
        self.high[due] *= CONTRACTION
        self.low[due] *= CONTRACTION
        self.shrank = shrinks
        self.last = weights.clone()

    def clamp(self, weights: torch.Tensor) -> None:
        """Clamp weights to their ranges, in place."""
        weights.clamp_(self.low, self.high)


def _count(
    hit: torch.Tensor, excess: torch.Tensor, count: torch.Tensor, total: torch.Tensor, window: int
) -> torch.Tensor:
    """Count an epoch where `hit`, reset elsewhere; return the mean excess where the window is full, and reset."""
    count += 1
    count *= hit
    total += excess
    total *= hit
    due = count >= window
    mean = total * due / window
    count[due] = 0
    total[due] = 0
    return mean
