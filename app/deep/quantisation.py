"""From trained weights and biases to the integers that a chip holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lavaprune.deep.architectures import BIAS_MAX, WEIGHT_MAX, WEIGHT_MIN, WEIGHT_STEP, LayerGeometry

if TYPE_CHECKING:
    import torch

_HALF_MIN, _HALF_MAX = WEIGHT_MIN // WEIGHT_STEP, WEIGHT_MAX // WEIGHT_STEP


def weight_halves(weight: torch.Tensor, unit: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Halved integer weights, -128 .. 127, as SLAYER's 8-bit quantisation rounds (halves to even).

    Parameters
    ----------
    weight : float32
    unit : int
        Integer of a weight of 1.

    Returns
    -------
    halves : float32
    passes : bool
        Where the gradient goes through unchanged; it is 0 where a weight was clipped.
    """
    raw = (weight.detach() * (unit // WEIGHT_STEP)).round()
    return raw.clamp(_HALF_MIN, _HALF_MAX), (raw >= _HALF_MIN) & (raw <= _HALF_MAX)


def bias_mantissa(bias: torch.Tensor, layer: LayerGeometry) -> torch.Tensor:
    """Integer biases of the folded layer, float64: rounded to 1/64 of a weight's unit, then times `layer.pooled`."""
    most = BIAS_MAX // layer.pooled
    return (bias.detach().double() * layer.unit).round().clamp(-most, most) * layer.pooled


class ScaledQuantiser:
    """SLAYER's ``pre_hook_fx`` for weights in units of the paper: scaled, rounded to 8 bits.

    Parameters
    ----------
    neuron : lava.lib.dl.slayer.neuron.cuba.Neuron
    scale : int
    """

    def __init__(self, neuron: Any, scale: int) -> None:
        self.neuron, self.scale = neuron, scale

    def __call__(self, weight: torch.Tensor, descale: bool = False) -> torch.Tensor:
        """Weights as the neuron sees them, or with `descale` as integers."""
        quantised: torch.Tensor = self.neuron.quantize_8bit(weight * self.scale, descale=descale)
        return quantised
