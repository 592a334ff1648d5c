"""Synaptic operations: for each input spike of the folded network, the synapses with a weight that it goes through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lavaprune.deep.layer import LayerPass

if TYPE_CHECKING:
    import torch


def fan_out(each: LayerPass) -> torch.Tensor:
    """Synapses with a weight of each input of a layer: (H, W, C) int64.

    All spikes of one pooling window have the same (see `lavaprune.deep.folding`), so this is per window. A synapse
    whose integer weight is 0 is none.
    """
    import torch

    layer = each.layer
    live = (each.halves != 0).double()
    if layer.spec.kind == "dense":
        return live.sum(dim=0).round().long().view(layer.inputs)
    height, width, _ = layer.outputs
    ones = live.new_ones((1, layer.spec.units, height, width))
    spread = torch.nn.functional.conv_transpose2d(ones, live, padding=1)
    return spread[0].permute(1, 2, 0).round().long()


def synaptic_operations(each: LayerPass, spikes: torch.Tensor) -> int:
    """Synaptic operations that pooled input spikes (T, B, H, W, C) uint8 cause in a layer."""
    return int((spikes.sum(dim=(0, 1)).long() * fan_out(each)).sum())
