"""Neuron updates that a chip makes in vain: of neurons at rest, without bias, to which no spike comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lavaprune.deep.architectures import DECAY_BITS, KEPT, STATE_BITS
from lavaprune.deep.layer import LayerPass
from lavaprune.deep.synapses import accumulate

if TYPE_CHECKING:
    import torch


def active_updates(each: LayerPass, spikes: torch.Tensor) -> int:
    """Updates of a layer's neurons that are active, as `lavaprune.energy.feedforward_counts.LayerCounts` says.

    A neuron with a bias is active in every step, so only the others' membranes are followed again.

    Parameters
    ----------
    each : LayerPass
    spikes : (T, B, H, W, C) uint8
        Its pooled input.
    """
    steps, samples = spikes.shape[:2]
    height, width, units = each.layer.outputs
    biased = each.bias[:units] != 0  # the same at every place
    active = int(biased.sum()) * height * width * steps * samples
    reached = ~biased & (each.halves.flatten(1) != 0).any(dim=1)  # the rest stays at rest
    if not reached.any():
        return active
    halves = each.halves[reached]
    arrivals = accumulate(spikes, (halves != 0).float(), each.layer)
    sums = accumulate(spikes, halves, each.layer).round().double()
    kept, threshold = KEPT / (1 << DECAY_BITS), each.layer.threshold_mantissa << STATE_BITS
    v = sums.new_zeros(sums.shape[1:])
    for arrived, acc in zip(arrivals, sums, strict=True):
        active += int(((arrived > 0.5) | (v != 0)).sum())
        v = (v * kept).trunc() + (2 << STATE_BITS) * acc
        v = v.masked_fill(v > threshold, 0.0)
    return active
