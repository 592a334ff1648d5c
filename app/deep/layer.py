"""One layer of a network: a SLAYER block, and its forward and backward pass over all steps."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from lavaprune.deep import membrane, membrane_kernels, synapses
from lavaprune.deep.architectures import KERNEL, STATE_BITS, THRESHOLD, VOLTAGE_DECAY, LayerGeometry
from lavaprune.deep.quantisation import ScaledQuantiser, bias_mantissa, weight_halves
from lavaprune.deep.requirements import quiet_import

if TYPE_CHECKING:
    import torch

_SPARSE_SHARE = 0.3  # of inputs that spike, below which adding kernels spike by spike is faster


def build_block(layer: LayerGeometry) -> Any:
    """Return the lava-dl block of a layer, quantised, with a bias.

    ``block.synapse.weight`` (units, inputs, kh, kw, 1) and ``block.synapse.bias`` (units,) are in units of the paper,
    with the threshold at 0.5. The block's neuron has the threshold of the scaled and folded layer. SLAYER adds
    `synapse.bias` as it stands; only this package rounds it, and its gradient passes unchanged.
    """
    import torch

    with quiet_import():
        from lava.lib.dl.slayer.block import cuba

    neuron = {
        "threshold": THRESHOLD * layer.scale * layer.pooled,
        "current_decay": 1.0,
        "voltage_decay": VOLTAGE_DECAY,
    }
    if layer.spec.kind == "conv":
        block = cuba.Conv(neuron, layer.inputs[2], layer.spec.units, KERNEL, padding=KERNEL // 2, delay_shift=False)
    else:
        block = cuba.Dense(neuron, layer.fan_in, layer.spec.units, delay_shift=False)
    block.synapse.pre_hook_fx = ScaledQuantiser(block.neuron, layer.scale)
    bound = layer.fan_in**-0.5
    block.synapse.bias = torch.nn.Parameter(torch.empty(layer.spec.units).uniform_(-bound, bound))
    return block


class LayerPass:
    """The arithmetic of one layer with its present weights, for one forward and one backward pass.

    Parameters
    ----------
    layer : LayerGeometry
    weight, bias : torch.Tensor
        Of the block's synapse, as they are to act.
    in_torch : bool
        See `lavaprune.deep.membrane.integrate`.

    Attributes
    ----------
    halves : float32
        Halved integer weights: (units, C, 3, 3), or (units, H * W * C).
    bias : (N,) float64
        Integer biases of all neurons of the folded layer, in the order (H, W, C).
    """

    def __init__(self, layer: LayerGeometry, weight: torch.Tensor, bias: torch.Tensor, in_torch: bool = False) -> None:
        self.layer, self.in_torch = layer, in_torch
        self._shape = weight.shape
        halves, self._passes = weight_halves(weight, layer.unit)
        self.halves = self._from_block(halves)
        height, width, _ = layer.outputs
        self.bias = bias_mantissa(bias, layer).repeat(height * width)
        self._limit = layer.threshold_mantissa << STATE_BITS

    @functools.cached_property
    def _packed(self) -> Any:
        dense = self.layer.spec.kind == "dense" and not self.in_torch
        return synapses.pack(self.halves) if dense else None

    def _from_block(self, weight: torch.Tensor) -> torch.Tensor:
        """From the order of the block (inputs as C, H, W) to ours."""
        units = len(weight)
        if self.layer.spec.kind == "conv":
            return weight[..., 0]
        height, width, channels = self.layer.inputs
        return weight.view(units, channels, height, width).permute(0, 2, 3, 1).reshape(units, -1)

    def _to_block(self, gradient: torch.Tensor) -> torch.Tensor:
        units = len(gradient)
        if self.layer.spec.kind == "conv":
            return gradient[..., None]
        height, width, channels = self.layer.inputs
        return gradient.view(units, height, width, channels).permute(0, 3, 1, 2).reshape(self._shape)

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Codes (T, B, N) from pooled input (T, B, H, W, C) uint8."""
        if self.layer.spec.kind == "conv" and self._events_pay(spikes):
            return self._by_events(spikes)
        acc = synapses.accumulate(spikes, self.halves, self.layer, self._packed)
        return membrane.integrate(acc, self.bias, self._limit, self.layer.state_unit, self.in_torch)

    def _events_pay(self, spikes: torch.Tensor) -> bool:
        """On the CPU, one spike at a time is faster than a dense convolution where few inputs spike."""
        if self.in_torch or spikes.device.type != "cpu":
            return False
        return int(spikes.count_nonzero()) < _SPARSE_SHARE * spikes.numel()

    def _by_events(self, spikes: torch.Tensor) -> torch.Tensor:
        import torch

        height, width, units = self.layer.outputs
        # (units, C, 3, 3) to (C, row, column turned round and unit)
        kernels = self.halves.permute(1, 2, 3, 0).flip(2).contiguous().view(spikes.shape[-1], 3, 3 * units)
        codes = torch.empty((*spikes.shape[:2], height, width * units), dtype=torch.uint8)
        membrane_kernels.convolve_and_integrate(
            spikes.numpy(),
            kernels.numpy(),
            self.bias.view(height, -1).numpy(),
            float(self._limit),
            1.0 / self.layer.state_unit,
            codes.numpy(),
        )
        return codes.flatten(2)

    def backward(
        self, spikes: torch.Tensor, codes: torch.Tensor, grad: torch.Tensor, index: torch.Tensor, to_spikes: bool
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Gradients of weight, bias and pooled input from that of this layer's spikes, pooled as `index` says."""
        through = membrane.differentiate(codes, grad, index, 1.0, self.in_torch)
        of_bias = through.view(-1, self.layer.spec.units).sum(dim=0)
        of_halves, of_spikes = synapses.gradients(spikes, self.halves, through, self.layer, to_spikes)
        # u = (2 * acc + bias) / (unit * pooled), halves = weight * unit / 2
        of_weight = self._to_block(of_halves) * (1.0 / self.layer.pooled) * self._passes
        if of_spikes is not None:
            of_spikes = of_spikes * (2.0 / (self.layer.unit * self.layer.pooled))
        return of_weight, of_bias, of_spikes
