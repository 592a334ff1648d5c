"""A feedforward spiking network of SLAYER's blocks, trained in the very arithmetic that Lava runs it in.

The blocks hold weights, biases and neurons; the time loop is ours, because SLAYER's own runs in 64-bit integers step by
step on a CPU and wants to compile CUDA sources on a GPU. A test holds the two equal, spike for spike.

On Lava each layer gets the spikes of the layer before one step later, and is reset when the first spikes of a sample
arrive (netx' ``reset_interval``). So every layer starts from rest and counts its own steps, no delay is simulated here,
and nothing changes when the network is deployed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lavaprune.deep import membrane
from lavaprune.deep.architectures import place_layers
from lavaprune.deep.layer import LayerPass, build_block

if TYPE_CHECKING:
    import torch

_ELEMENTS = (6_000_000, 400_000_000)  # of the largest layer over all steps, on the CPU and on a GPU


@dataclass(frozen=True)
class Activity:
    """What one forward pass did.

    Attributes
    ----------
    counts : (B, classes) float32
        Spikes of the output neurons.
    inputs : list of (T, B, H, W, C) uint8
        Pooled input spikes of each layer.
    codes : list of (T, B, N) uint8
        Of each layer, see `lavaprune.deep.membrane`.
    """

    counts: torch.Tensor
    inputs: list[torch.Tensor]
    codes: list[torch.Tensor]


class DeepNetwork:
    """A network by its name (see `lavaprune.deep.architectures`).

    Parameters
    ----------
    name : str
    input_shape : (int, int, int)
        Height, width, channels.
    n_classes : int

    Attributes
    ----------
    layers : tuple of LayerGeometry
    blocks : torch.nn.ModuleDict
        SLAYER's blocks by layer; its ``state_dict`` is the network's.
    in_torch : bool
        Whether membranes run in torch on the CPU too: slower, same bits.

    Raises
    ------
    InputError
        See `place_layers`.
    """

    def __init__(self, name: str, input_shape: tuple[int, int, int], n_classes: int) -> None:
        import torch

        self.layers = place_layers(name, input_shape, n_classes)
        self.blocks = torch.nn.ModuleDict({layer.spec.name: build_block(layer) for layer in self.layers})
        self.in_torch = False
        self._indices: list[torch.Tensor] = []

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        found: torch.device = next(self.blocks.parameters()).device
        return found

    def to(self, device: torch.device) -> DeepNetwork:
        """Move the network."""
        self.blocks.to(device)
        self._indices = []
        return self

    def passes(self) -> list[LayerPass]:
        """The layers' arithmetic with their present weights."""
        weights, biases = self.acting()
        return [
            LayerPass(layer, weight, bias, self.in_torch)
            for layer, weight, bias in zip(self.layers, weights, biases, strict=True)
        ]

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """Output spikes (B, classes) float32 of input spikes (T, B, H, W, C) uint8; differentiable."""
        weights, biases = self.acting()
        return _network_function().apply(self, spikes, *weights, *biases)  # type: ignore[no-any-return, no-untyped-call, unused-ignore]

    def samples_at_once(self, steps: int) -> int:
        """Samples whose largest layer fits into the memory that a pass should take (a cache, on the CPU)."""
        most = max(math.prod(shape) for layer in self.layers for shape in (layer.source, layer.outputs))
        return max(1, _ELEMENTS[self.device.type == "cuda"] // (steps * most))

    def run(self, spikes: torch.Tensor) -> Activity:
        """The same with the spikes of every layer, without gradient."""
        import torch

        with torch.no_grad():
            return self.run_passes(spikes, self.passes())

    def run_passes(self, spikes: torch.Tensor, passes: Sequence[LayerPass]) -> Activity:
        """`run` with the arithmetic given."""
        inputs: list[torch.Tensor] = [spikes]
        codes: list[torch.Tensor] = []
        for i, each in enumerate(passes):
            codes.append(each.forward(inputs[i]))
            if i + 1 < len(passes):
                inputs.append(self._pooled(codes[i], i))
        counts = (codes[-1] >= membrane.SPIKE_CODE).sum(dim=0).float()
        return Activity(counts, inputs, codes)

    def backward(
        self, passes: Sequence[LayerPass], inputs: Sequence[torch.Tensor], codes: Sequence[torch.Tensor], grad: Any
    ) -> list[torch.Tensor]:
        """Gradients of all weights, then of all biases, from that of the output's counts (B, classes)."""
        of_weights, of_biases = [], []
        given = grad.float().contiguous()[None]
        for i in reversed(range(len(passes))):
            weight, bias, given = passes[i].backward(inputs[i], codes[i], given, self._index(i), to_spikes=i > 0)
            of_weights.append(weight)
            of_biases.append(bias)
        return [*reversed(of_weights), *reversed(of_biases)]

    def acting(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Weights as they act (masked where torch's pruning holds a mask), and biases."""
        weights, biases = [], []
        for layer in self.layers:
            synapse = self.blocks[layer.spec.name].synapse
            masked = hasattr(synapse, "weight_orig")
            weights.append(synapse.weight_orig * synapse.weight_mask if masked else synapse.weight)
            biases.append(synapse.bias)
        return weights, biases

    def _pooled(self, codes: torch.Tensor, i: int) -> torch.Tensor:
        """Input of layer i + 1 from the codes of layer i."""
        following = self.layers[i + 1]
        pooled = membrane.pool_spikes(codes, following.source, following.spec.pool, self.in_torch)
        return pooled

    def _index(self, i: int) -> torch.Tensor:
        """Which of layer i + 1's inputs each neuron of layer i feeds."""
        import torch

        if not self._indices:
            sides = [layer.spec.pool for layer in self.layers[1:]] + [1]
            self._indices = [
                torch.from_numpy(membrane.pooling_index(layer.outputs, side)).to(self.device)
                for layer, side in zip(self.layers, sides, strict=True)
            ]
        return self._indices[i]


@functools.cache
def _network_function() -> Any:
    """The autograd function of a whole network: one node, so that nothing but codes and spikes is kept."""
    import torch

    class NetworkFunction(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, network: DeepNetwork, spikes: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
            n = len(network.layers)
            passes = [
                LayerPass(layer, weight, bias, network.in_torch)
                for layer, weight, bias in zip(network.layers, parameters[:n], parameters[n:], strict=True)
            ]
            piece = network.samples_at_once(len(spikes))
            done = [network.run_passes(part.contiguous(), passes) for part in spikes.split(piece, dim=1)]
            ctx.network, ctx.passes, ctx.piece = network, passes, piece
            ctx.save_for_backward(*(tensor for each in done for tensor in (*each.inputs, *each.codes)))
            return torch.cat([each.counts for each in done])

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> Any:
            n = len(ctx.passes)
            totals: list[torch.Tensor] = []
            for i, part in enumerate(grads[0].split(ctx.piece)):
                saved = ctx.saved_tensors[2 * n * i : 2 * n * (i + 1)]
                found = ctx.network.backward(ctx.passes, saved[:n], saved[n:], part)
                totals = [a + b for a, b in zip(totals, found, strict=True)] if totals else found
            return (None, None, *totals)

    return NetworkFunction
