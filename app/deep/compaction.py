"""Pruned units taken out of a folded network, where not one spike of the units that stay depends on them.

Two kinds of units go. A *silent* one never exceeds its threshold, whatever its inputs do: not even with all its
excitatory ones active at every step, and often it has none. An *unread* one has no weight to any unit that stays. Of a
convolution a unit is a filter with its whole map: at the border it has fewer inputs, which can only mean less drive.
Units without inputs whose bias makes them fire stay: the next layer computes with their spikes. The output layer stays
whole.

Why a silent unit is silent: the step ``v <- trunc(v * 819 / 4096) + 64 * (drive + bias)`` never falls when v or the
drive rises, so no membrane is ever above that of a unit which gets all its excitation at every step and no inhibition;
and that one goes from rest one way until it repeats, or exceeds the threshold. The number of steps of a sample does not
matter. Lava's current wraps at 24 bits: units whose inhibition could bring it there are never called silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lavaprune.deep.architectures import DECAY_BITS, KEPT, STATE_BITS
from lavaprune.deep.folding import STATE_MAX, FoldedLayer

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Compaction:
    """A folded network without the units that can go.

    Attributes
    ----------
    layers : list of FoldedLayer
        The network that is left; layers without a removed unit or input are the ones given.
    kept : dict of str to (units,) bool
        Of each layer, which units of the whole network are left.
    removed_synapses : dict of str to int
        Of each layer, its weights other than 0 that went, with its own units or with those of the layer before; of a
        folded convolution those of its kernels.
    constant : dict of str to int
        Of each layer, the units left that fire by their bias alone, without an input.
    """

    layers: list[FoldedLayer]
    kept: dict[str, Mask]
    removed_synapses: dict[str, int]
    constant: dict[str, int]

    @property
    def removed_units(self) -> dict[str, int]:
        """Units removed from each layer."""
        return {name: int((~kept).sum()) for name, kept in self.kept.items()}


def compact(layers: Sequence[FoldedLayer]) -> Compaction:
    """Remove what can go; the layers given are not changed.

    A network of which a layer would be left without units or weights is left whole: its output does not depend on its
    input, and netx cannot hold it.

    Parameters
    ----------
    layers : sequence of FoldedLayer
        From the input to the output.
    """
    kept: list[Mask] = []
    before = pixels = np.ones(layers[0].inputs[0], bool)
    for layer in layers[:-1]:
        before = can_spike(_without_inputs(layer, before))
        kept.append(before)
    kept.append(np.ones(len(layers[-1].bias), bool))
    # removing an unread unit takes no input from one that stays, so one pass back is enough
    for index in range(len(layers) - 2, -1, -1):
        kept[index] &= _by_channel(layers[index + 1])[kept[index + 1]].any(axis=(0, 2))
    left = [_cut(*each) for each in zip(layers, kept, [pixels, *kept], strict=False)]
    if not all(layer.weight.any() for layer in left):
        kept, left = [np.ones(len(layer.bias), bool) for layer in layers], list(layers)
    pairs = list(zip(layers, left, strict=True))
    return Compaction(
        layers=left,
        kept={layer.name: mask for layer, mask in zip(layers, kept, strict=True)},
        removed_synapses={a.name: int(np.count_nonzero(a.weight) - np.count_nonzero(b.weight)) for a, b in pairs},
        constant={layer.name: int((_without_weights(layer) & can_spike(layer)).sum()) for layer in left},
    )


def can_spike(layer: FoldedLayer) -> Mask:
    """Whether each unit of a layer exceeds its threshold with all its excitatory inputs active at every step.

    True also where the inhibition could wrap Lava's current at 24 bits.
    """
    axes = tuple(range(1, layer.weight.ndim))
    rise = np.maximum(layer.weight, 0).sum(axis=axes, dtype=np.int64)
    fall = -np.minimum(layer.weight, 0).sum(axis=axes, dtype=np.int64)
    drive = (rise + layer.bias) << STATE_BITS
    limit = layer.threshold << STATE_BITS
    found: Mask = (fall << STATE_BITS) > STATE_MAX
    v = np.zeros(len(drive), np.int64)
    while True:
        # v is negative only while the drive is, and then never rises above 0
        kept = np.sign(v) * (np.abs(v) * KEPT >> DECAY_BITS)
        later = np.where(found, v, kept + drive)
        found |= later > limit
        if np.array_equal(later, v):
            return found
        v = later


def _without_inputs(layer: FoldedLayer, before: Mask) -> FoldedLayer:
    """A layer with the weights from units that are gone (False in `before`) set to 0."""
    weight = _by_channel(layer) * before[None, :, None]
    return replace(layer, weight=weight.reshape(layer.weight.shape))


def _without_weights(layer: FoldedLayer) -> Mask:
    return ~layer.weight.any(axis=tuple(range(1, layer.weight.ndim)))


def _by_channel(layer: FoldedLayer) -> npt.NDArray[np.int32]:
    """(units, channels or units of the layer before, weights from one of those)."""
    return layer.weight.reshape(len(layer.bias), layer.inputs[0], -1)


def _cut(layer: FoldedLayer, units: Mask, before: Mask) -> FoldedLayer:
    """A layer with the rows `units` and the columns from `before` only."""
    if units.all() and before.all():
        return layer
    inputs, outputs = int(before.sum()), int(units.sum())
    weight = _by_channel(layer)[units][:, before]
    shape = (outputs, inputs, *layer.weight.shape[2:]) if layer.kind == "conv" else (outputs, inputs * weight.shape[2])
    return replace(
        layer,
        weight=weight.reshape(shape),
        bias=layer.bias[units],
        inputs=(inputs, *layer.inputs[1:]),
        outputs=(outputs, *layer.outputs[1:]),
    )
