"""What every method of structural plasticity is: masks over a model's layers that change at the ends of epochs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.structural.layers import PrunableLayer, find_layers
from lavaprune.pruning.structural.schedule import Schedule
from lavaprune.pruning.structural.settings import StructuralSettings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class EpochChange:
    """What one end of an epoch did.

    Attributes
    ----------
    pruned, regrown : dict of str to int
        Synapses of each layer that were live before and are not after, and the reverse.
    """

    pruned: dict[str, int]
    regrown: dict[str, int]


class StructuralPlasticity(ABC):
    """Prunes and regrows the layers of a model; call it at the end of each epoch.

    Parameters
    ----------
    model : torch.nn.Module
        Its weights are changed in place, always without history.
    layers : iterable of str
        Prunable layers, from input to output; see `find_layers`.
    settings : StructuralSettings

    Attributes
    ----------
    masks : dict of str to torch.Tensor
        Live synapses of each layer, bool, of the weight's shape.

    Raises
    ------
    PruningError
        An unknown layer.
    """

    def __init__(self, model: torch.nn.Module, layers: Iterable[str], settings: StructuralSettings) -> None:
        import torch

        self.settings = settings
        self.schedule = Schedule.of(settings)
        self.layers = find_layers(model, layers)
        self.masks = {
            each.name: torch.ones_like(each.weight, dtype=torch.bool, memory_format=torch.contiguous_format)
            for each in self.layers
        }
        self._held = settings.masks_in_epoch
        if self._held:
            from torch.nn.utils import prune

            for layer in self.layers:
                if not hasattr(layer.module, "weight_orig"):
                    prune.custom_from_mask(layer.module, "weight", self.masks[layer.name])

    def end_epoch(self, epoch: int) -> EpochChange:
        """Apply the rules after the last step of an epoch.

        Parameters
        ----------
        epoch : int
            From 0; each once, in order.

        Raises
        ------
        PruningError
            A weight is not a finite number: the training has diverged.
        """
        for layer in self.layers:
            if not bool(layer.weight.isfinite().all()):
                raise PruningError(
                    f"structural plasticity: layer {layer.name!r} has weights that are no finite numbers "
                    f"after epoch {epoch}; allowed: finite ones"
                )
        before = {name: mask.clone() for name, mask in self.masks.items()}
        self._apply(epoch)
        self._write_masks()
        return EpochChange(
            pruned={name: int((before[name] & ~mask).sum()) for name, mask in self.masks.items()},
            regrown={name: int((~before[name] & mask).sum()) for name, mask in self.masks.items()},
        )

    def after_step(self) -> None:  # noqa: B027
        """Call after each step of the optimiser; baselines keep pruned weights at 0 here."""

    @abstractmethod
    def _apply(self, epoch: int) -> None:
        """Change masks and weights."""

    def connectivity(self) -> dict[str, float]:
        """Share of live synapses of each layer, 0 .. 1; of a layer without synapses 1."""
        return {name: float(mask.sum()) / mask.numel() if mask.numel() else 1.0 for name, mask in self.masks.items()}

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next epochs depend on: tensors, numbers and text, safe for ``weights_only``."""
        return {
            "method": self.settings.method,
            "masks": {name: mask.clone() for name, mask in self.masks.items()},
            "own": self._own_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take a state over; the model's weights are restored separately.

        Raises
        ------
        PruningError
            The state is of another method, of other layers, or of layers of other shapes.
        """
        method = state.get("method")
        if method != self.settings.method:
            _refuse_state("method", method, self.settings.method)
        masks = state.get("masks", {})
        if list(masks) != list(self.masks):
            _refuse_state("layers", list(masks), list(self.masks))
        for name, mask in self.masks.items():
            if tuple(masks[name].shape) != tuple(mask.shape):
                _refuse_state(f"layer {name!r} has shape", tuple(masks[name].shape), tuple(mask.shape))
            mask.copy_(masks[name])
        self._load_own_state(state.get("own", {}))
        if self._held:
            self._write_masks()

    def _own_state(self) -> dict[str, Any]:
        return {}

    def _load_own_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027
        """Take over what `_own_state` returned."""

    def _write_masks(self) -> None:
        for layer in self.layers:
            mask = self.masks[layer.name]
            if self._held:
                layer.module.weight_mask.copy_(mask)
            bias = layer.bias
            if self.settings.remove_biases and bias is not None:
                bias *= layer.by_unit(mask).any(dim=1)

    def _zero_pruned(self, layer: PrunableLayer) -> None:
        layer.weight.mul_(self.masks[layer.name])


class NoPruning(StructuralPlasticity):
    """Every synapse stays: the dense network to compare with."""

    def _apply(self, epoch: int) -> None:
        pass


def _refuse_state(what: str, found: object, wanted: object) -> None:
    raise PruningError(f"structural plasticity: state's {what} {found}; allowed: {wanted}, as in this network")
