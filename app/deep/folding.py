"""A network as a chip holds it: integers, and average pooling folded into the layer behind it.

Pooling sums spikes linearly. Average pooling over 2x2 and then a convolution of 3x3, padding 1, is a convolution of 6x6
on the unpooled spikes, stride 2, padding 2, with every weight standing 2x2 times; before a dense layer it is a dense
layer on the unpooled map. The weights would be a quarter; they keep their integers, and threshold and bias are four
times as large, so nothing is rounded. This is the arithmetic that training uses (`lavaprune.deep.membrane`): the folded
network gives the same spikes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lavaprune.deep.architectures import DECAY_BITS, KEPT, STATE_BITS, LayerGeometry
from lavaprune.deep.quantisation import bias_mantissa, weight_halves

if TYPE_CHECKING:
    import torch

    from lavaprune.deep.network import DeepNetwork

STATE_MAX = (1 << 23) - 1  # 24 bits with sign


@dataclass(frozen=True)
class FoldedLayer:
    """One layer without pooling.

    Attributes
    ----------
    name : str
    kind : {"conv", "dense"}
    weight : int32
        Even, -256 .. 254: (units, C, kh, kw) of a convolution; (units, inputs) else, inputs in the order C, H, W.
    bias : (units,) int32
        Mantissas, added to the membrane as ``bias << 6`` at each step.
    threshold : int
        vth: a spike if the membrane exceeds ``threshold << 6``.
    stride, padding : int
        Of a convolution, both ways.
    inputs, outputs : (int, int, int)
        (C, H, W).
    """

    name: str
    kind: str
    weight: npt.NDArray[np.int32]
    bias: npt.NDArray[np.int32]
    threshold: int
    stride: int
    padding: int
    inputs: tuple[int, int, int]
    outputs: tuple[int, int, int]

    @property
    def worst_state(self) -> int:
        """A bound of the membrane's magnitude: all weights of one sign active, at every step.

        Lava and Loihi hold 24 bits, -(2**23 - 1) .. 2**23 - 1; training here does not clip. Below that the two are
        the same for every input.
        """
        axes = tuple(range(1, self.weight.ndim))
        rise = np.maximum(self.weight, 0).sum(axis=axes, dtype=np.int64)
        fall = np.minimum(self.weight, 0).sum(axis=axes, dtype=np.int64)
        drive = np.maximum(rise, -fall) + np.abs(self.bias)
        return math.ceil((int(drive.max(initial=0)) << STATE_BITS) / (1 - KEPT / (1 << DECAY_BITS)))

    @property
    def fits(self) -> bool:
        """Whether `worst_state` is within 24 bits."""
        return self.worst_state <= STATE_MAX


def fold_network(network: DeepNetwork) -> list[FoldedLayer]:
    """Return the layers of a network with their present weights; the network is not changed."""
    weights, biases = network.acting()
    return [_fold(layer, weight, bias) for layer, weight, bias in zip(network.layers, weights, biases, strict=True)]


def _fold(layer: LayerGeometry, weight: torch.Tensor, bias: torch.Tensor) -> FoldedLayer:
    integers = (2 * weight_halves(weight, layer.unit)[0]).cpu().numpy().astype(np.int32)
    side, units = layer.spec.pool, layer.spec.units
    _, _, channels = layer.inputs
    if layer.spec.kind == "conv":
        kernels = integers[..., 0]
    else:
        kernels = integers.reshape(units, channels, *layer.inputs[:2])
    kernels = kernels.repeat(side, axis=2).repeat(side, axis=3)
    return FoldedLayer(
        name=layer.spec.name,
        kind=layer.spec.kind,
        weight=kernels if layer.spec.kind == "conv" else kernels.reshape(units, -1),
        bias=bias_mantissa(bias, layer).cpu().numpy().astype(np.int32),
        threshold=layer.threshold_mantissa,
        stride=side,
        padding=side,
        inputs=_channels_first(layer.source),
        outputs=_channels_first(layer.outputs),
    )


def _channels_first(shape: tuple[int, int, int]) -> tuple[int, int, int]:
    height, width, channels = shape
    return channels, height, width
