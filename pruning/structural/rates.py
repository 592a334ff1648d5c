"""Adaptive pruning rates (neurotrophic hypothesis): the more units have inputs left, the faster a rate grows."""

from __future__ import annotations


def grown_rate(rate: float, growth_percent: float, left: int, next_left: int) -> float:
    """A layer's rate for the next epoch: ``P + alpha * left / next_left`` in percent, at most 100.

    Parameters
    ----------
    rate : float
        P as a share, 0 .. 1.
    growth_percent : float
        alpha, see `Schedule.fc_growth_percent` and `Schedule.conv_growth_percent`.
    left : int
        Units of the layer with inputs left, N - n.
    next_left : int
        The same of the next layer; for a fully connected layer the number of classes. Where it is 0, the
        rate stays.
    """
    if next_left <= 0:
        return rate
    return min(1.0, rate + growth_percent / 100 * left / next_left)
