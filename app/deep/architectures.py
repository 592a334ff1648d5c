"""The networks by name: layers, pooling and what may be pruned; no torch.

Sizes are Han et al.'s 2022. Their average pooling is kept; where they use max pooling (CIFAR-10) it is average here,
because max pooling neither folds into the next layer nor runs on Lava. Their batch normalisation is left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lavaprune.errors import InputError

THRESHOLD = 0.5  # of the membrane, in the units of the weights
VOLTAGE_DECAY = 0.8  # u <- 0.2 u + input
DECAY_BITS = 12
KEPT = (1 << DECAY_BITS) - round(VOLTAGE_DECAY * (1 << DECAY_BITS))  # 819 of 4096
STATE_BITS = 6  # a membrane's LSB is 2**-6 of a weight's
WEIGHT_STEP = 2  # integer weights are even, -256 .. 254
WEIGHT_MIN, WEIGHT_MAX = -256, 254
UNIT = 64  # integer of a weight of 1 at scale 1
BIAS_MAX = 4095  # 13 bits with sign
_HEADROOM = 8.0  # the largest weight that can be represented, in the largest first one


@dataclass(frozen=True)
class LayerSpec:
    """One layer of a network.

    Attributes
    ----------
    name : str
    kind : {"conv", "dense"}
    units : int
        Filters (kernels of 3x3, padding 1), or neurons.
    pool : int
        Side of the average pooling before it; 1: none.
    prunable : bool
    """

    name: str
    kind: str
    units: int
    pool: int = 1
    prunable: bool = False


@dataclass(frozen=True)
class LayerGeometry:
    """A layer in its place: shapes are (height, width, channels) in spikes.

    Attributes
    ----------
    spec : LayerSpec
    source : (int, int, int)
        Output shape of the layer before, before pooling.
    inputs : (int, int, int)
        The same after pooling: what the weights see.
    outputs : (int, int, int)
        (1, 1, units) of a dense layer.
    scale : int
        Power of two that weights are multiplied by before they are rounded to integers of 1/64.
    """

    spec: LayerSpec
    source: tuple[int, int, int]
    inputs: tuple[int, int, int]
    outputs: tuple[int, int, int]
    scale: int

    @property
    def pooled(self) -> int:
        """Inputs in one pooling window: what folding multiplies threshold and bias by."""
        return self.spec.pool**2

    @property
    def unit(self) -> int:
        """Integer of a weight of 1; weights are even integers -256 .. 254."""
        return UNIT * self.scale

    @property
    def threshold_mantissa(self) -> int:
        """vth of the folded layer, in integer weights."""
        return round(THRESHOLD * self.unit) * self.pooled

    @property
    def state_unit(self) -> int:
        """Membrane of the folded layer (integer) at u = 1."""
        return (self.unit * self.pooled) << STATE_BITS

    @property
    def fan_in(self) -> int:
        """Synapses of a unit."""
        height, width, channels = self.inputs
        return 9 * channels if self.spec.kind == "conv" else height * width * channels


KERNEL = 3
_MNIST = (
    LayerSpec("conv1", "conv", 15),
    LayerSpec("conv2", "conv", 40, pool=2, prunable=True),
    LayerSpec("fc1", "dense", 300, pool=2, prunable=True),
    LayerSpec("out", "dense", 0),
)
NETWORKS: dict[str, tuple[LayerSpec, ...]] = {
    "digits": (
        LayerSpec("conv1", "conv", 8),
        LayerSpec("conv2", "conv", 16, prunable=True),
        LayerSpec("fc1", "dense", 64, pool=2, prunable=True),
        LayerSpec("out", "dense", 0),
    ),
    "conv": _MNIST,
    "fc": (
        LayerSpec("fc1", "dense", 800, prunable=True),
        LayerSpec("out", "dense", 0),
    ),
    "cifar10": (
        LayerSpec("conv1", "conv", 128),
        LayerSpec("conv2", "conv", 128, prunable=True),
        LayerSpec("conv3", "conv", 256, pool=2, prunable=True),
        LayerSpec("conv4", "conv", 256, prunable=True),
        LayerSpec("conv5", "conv", 512, pool=2, prunable=True),
        LayerSpec("conv6", "conv", 512, prunable=True),
        LayerSpec("fc1", "dense", 512, prunable=True),
        LayerSpec("out", "dense", 0),
    ),
}


def place_layers(name: str, input_shape: tuple[int, int, int], n_classes: int) -> tuple[LayerGeometry, ...]:
    """Lay a network out for inputs of (height, width, channels); the last layer has `n_classes` neurons.

    Raises
    ------
    InputError
        Unknown network, or an input whose sides pooling does not divide.
    """
    if name not in NETWORKS:
        raise InputError(f"network is {name!r}; allowed: {' | '.join(NETWORKS)}")
    placed = []
    source = input_shape
    for spec in NETWORKS[name]:
        height, width, channels = source
        if height % spec.pool or width % spec.pool:
            raise InputError(
                f"network {name!r}, layer {spec.name!r}: its input is {height}x{width}; "
                f"allowed: sides that {spec.pool} divides"
            )
        inputs = (height // spec.pool, width // spec.pool, channels)
        spec = spec if spec.units else LayerSpec(spec.name, spec.kind, n_classes, spec.pool, spec.prunable)
        outputs = (*inputs[:2], spec.units) if spec.kind == "conv" else (1, 1, spec.units)
        draft = LayerGeometry(spec, source, inputs, outputs, 1)
        placed.append(LayerGeometry(spec, source, inputs, outputs, _scale(draft.fan_in)))
        source = outputs
    return tuple(placed)


def _scale(fan_in: int) -> int:
    """Largest power of two, from 1, that leaves `_HEADROOM` over torch's first weights, 1/sqrt(fan_in) at most.

    Without it the 1,960 inputs of MNIST's first dense layer would start with the integers -2, 0 and 2 only.
    """
    room = WEIGHT_MAX / UNIT * math.sqrt(fan_in) / _HEADROOM
    return 1 << max(0, math.floor(math.log2(room)))
