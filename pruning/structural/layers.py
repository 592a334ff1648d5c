"""Prunable layers of a torch model, by name: torch's own linear and convolution layers, and SLAYER's synapses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lavaprune.pruning.errors import PruningError

if TYPE_CHECKING:
    import torch

FC, CONV = "fc", "conv"


@dataclass(frozen=True)
class PrunableLayer:
    """One layer: its synapses come in units (rows, filters), each with its inputs.

    Attributes
    ----------
    name : str
        As in the model's ``named_modules``.
    module : torch.nn.Module
        Holds ``weight``, of shape (units, inputs, ...) and perhaps ``bias``, of shape (units,).
    kind : {"fc", "conv"}
        A convolution's synapses grow back as kernels, one per unit and input channel; a row's one by one.
    """

    name: str
    module: Any
    kind: str

    @property
    def parameter(self) -> torch.nn.Parameter:
        """The trained weights, (units, inputs, ...); under `torch.nn.utils.prune` those before the mask."""
        found: torch.nn.Parameter = getattr(self.module, "weight_orig" if self._is_masked else "weight")
        return found

    @property
    def _is_masked(self) -> bool:
        return hasattr(self.module, "weight_orig")

    @property
    def weight(self) -> torch.Tensor:
        """The trained weights without history, in place."""
        return self.parameter.detach()

    @property
    def bias(self) -> torch.Tensor | None:
        """The biases (units,) without history, in place, or None."""
        bias = getattr(self.module, "bias", None)
        return None if bias is None else bias.detach()

    @property
    def n_units(self) -> int:
        """Rows, or filters."""
        return int(self.parameter.shape[0])

    def by_kernel(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the weight's shape as (units, groups, size): kernels of a convolution, single synapses."""
        units = self.n_units
        if self.kind == FC:
            return tensor.reshape(units, tensor[0].numel() if units else 0, 1)
        return tensor.reshape(units, int(tensor.shape[1]), int(tensor[0, 0].numel()) if units else 1)

    def by_unit(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of the weight's shape as (units, inputs)."""
        return self.by_kernel(tensor).flatten(1)


def find_layers(model: Any, names: Iterable[str]) -> list[PrunableLayer]:
    """Find layers in a model by their names, in the order given: from input to output.

    Parameters
    ----------
    model : torch.nn.Module
    names : iterable of str
        Names of modules with a weight, or of blocks with such a module as ``synapse`` (SLAYER's).

    Raises
    ------
    PruningError
        An unknown name (with the known ones), a name twice, or no names at all.
    """
    known = _candidates(model)
    found: list[PrunableLayer] = []
    for name in names:
        if name not in known:
            raise PruningError(
                f"structural plasticity: model has no layer {name!r} with weights; known: {', '.join(known)}"
            )
        if any(layer.module is known[name] for layer in found):
            raise PruningError(f"structural plasticity: layer {name!r} is named twice; allowed: once")
        found.append(PrunableLayer(name, known[name], _kind(known[name])))
    if not found:
        raise PruningError(f"structural plasticity: no layers named; known: {', '.join(known)}")
    return found


def _candidates(model: Any) -> dict[str, Any]:
    known = {}
    for name, module in model.named_modules():
        synapse = getattr(module, "synapse", None)
        owner = module if synapse is None else synapse
        if not name.endswith(".synapse") and _weight_dims(owner) >= 2:
            known[name] = owner
    return known


def _weight_dims(module: Any) -> int:
    weight = getattr(module, "weight_orig", None)
    weight = getattr(module, "weight", None) if weight is None else weight
    return int(getattr(weight, "ndim", 0))


def _kind(module: Any) -> str:
    # SLAYER's Dense is a convolution over time by inheritance
    return FC if _weight_dims(module) == 2 or type(module).__name__ in ("Dense", "Linear") else CONV
