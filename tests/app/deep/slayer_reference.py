"""What our time loop is held against: folded networks in SLAYER's own blocks, the paper's neuron in plain torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from lavaprune.deep.folding import FoldedLayer


def slayer_blocks(layers: Sequence[FoldedLayer]) -> list[Any]:
    """lava-dl's CUBA blocks with the integers of a folded network; no delay between them."""
    from lava.lib.dl.slayer.block import cuba

    blocks = []
    for layer in layers:
        neuron = {"threshold": layer.threshold / 64, "current_decay": 1.0, "voltage_decay": 0.8}
        units, inputs = layer.weight.shape[:2]
        if layer.kind == "conv":
            kernel = layer.weight.shape[2:]
            block = cuba.Conv(
                neuron, inputs, units, kernel, stride=layer.stride, padding=layer.padding, delay_shift=False
            )
        else:
            block = cuba.Dense(neuron, inputs, units, delay_shift=False)
        weight = torch.from_numpy(layer.weight).float() / 64
        block.synapse.weight.data = weight.reshape(block.synapse.weight.shape)
        block.synapse.bias = torch.nn.Parameter(torch.from_numpy(layer.bias).float() / 64)
        blocks.append(block)
    return blocks


def slayer_spikes(layers: Sequence[FoldedLayer], spikes: torch.Tensor) -> list[torch.Tensor]:
    """Spikes (T, B, H, W, C) uint8 of every layer, by SLAYER, for input (T, B, H, W, C)."""
    steps, samples = spikes.shape[:2]
    x = spikes.permute(1, 4, 2, 3, 0).float()  # NCHWT
    found = []
    with torch.no_grad():
        for layer, block in zip(layers, slayer_blocks(layers), strict=True):
            if layer.kind == "dense" and x.ndim == 5:
                x = x.reshape(samples, -1, steps)
            x = block(x)
            shaped = x.reshape(samples, *layer.outputs, steps)
            found.append(shaped.permute(4, 0, 2, 3, 1).to(torch.uint8))
    return found


class Spike(torch.autograd.Function):
    """s = [u > 0.5], ds/du = [|u - 0.5| < 0.5]."""

    @staticmethod
    def forward(ctx: Any, u: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(u)
        return (u > 0.5).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        (u,) = ctx.saved_tensors
        return grads[0] * ((u - 0.5).abs() < 0.5)


def paper_counts(network: Any, spikes: torch.Tensor) -> torch.Tensor:
    """Output counts by the paper's equations in float64, step by step, differentiable by autograd.

    What is rounded, weights, biases and the decayed membrane, is rounded here too, with the gradient straight through.
    """
    steps, samples = spikes.shape[:2]
    x = [frame.permute(0, 3, 1, 2).double() for frame in spikes]
    for layer in network.layers:
        synapse = network.blocks[layer.spec.name].synapse
        raw = synapse.weight.double()
        step = 2 / layer.unit
        weight = raw + ((raw / step).round() * step - raw).detach()
        bias = synapse.bias.double()
        bias = bias + ((bias * layer.unit).round() / layer.unit - bias).detach()
        u = s = torch.zeros(())
        sent = []
        for frame in x:
            if layer.spec.pool > 1:
                frame = torch.nn.functional.avg_pool2d(frame, layer.spec.pool)
            if layer.spec.kind == "conv":
                z = torch.nn.functional.conv2d(frame, weight[..., 0], bias, padding=1)
            else:
                z = frame.flatten(1) @ weight[:, :, 0, 0, 0].t() + bias
            kept = 819 / 4096 * u * (1 - s)
            kept = kept + ((kept * layer.state_unit).trunc() / layer.state_unit - kept).detach()
            u = kept + z
            s = Spike.apply(u)
            sent.append(s)
        x = sent
    return torch.stack(x).sum(dim=0)
