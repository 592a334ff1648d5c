"""SD-SNN: synaptic constraint, neuronal pruning at adaptive rates, synaptic regeneration.

Han et al., "Adaptive Sparse Structure Development with Pruning and Regeneration for Spiking Neural Networks"
(arXiv 2211.12219; Information Sciences 689:121481, 2025), in the order in which the authors' code applies its rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.structural.layers import CONV, FC, PrunableLayer
from lavaprune.pruning.structural.plasticity import StructuralPlasticity
from lavaprune.pruning.structural.ranges import Ranges
from lavaprune.pruning.structural.rates import grown_rate
from lavaprune.pruning.structural.regrowth import regrown
from lavaprune.pruning.structural.settings import StructuralSettings
from lavaprune.pruning.structural.units import importance, lowest_units, nearly_empty

if TYPE_CHECKING:
    import torch


class SDSNN(StructuralPlasticity):
    """The rules of SD-SNN.

    At the end of epoch e, in this order: update ranges from the weights with pruned ones at 0 (epoch 0 sets
    them); clamp the weights to them (from `Schedule.constraint_from`); from `Schedule.pruning_from` regrow,
    prune, zero what is pruned, and let the rates grow. Inside an epoch pruned weights train like all others,
    since regrowth reads what they became (`StructuralSettings.masks_in_epoch` changes that).

    Attributes
    ----------
    rates : dict of str to float
        Share of each layer's units to be pruned at the end of the next epoch.
    """

    def __init__(self, model: torch.nn.Module, layers: Iterable[str], settings: StructuralSettings) -> None:
        super().__init__(model, layers, settings)
        self.rates = {layer.name: settings.rate_fc if layer.kind == FC else settings.rate_conv for layer in self.layers}
        self._ranges: dict[str, Ranges] = {}
        self._waited = {
            layer.name: layer.by_kernel(self.masks[layer.name])[:, :, 0].int().short() * 0 for layer in self.layers
        }
        self._once = {layer.name: self.masks[layer.name].new_zeros(layer.n_units) for layer in self.layers}

    def _apply(self, epoch: int) -> None:
        for layer in self.layers:
            self._constrain(layer, epoch)
        if epoch < self.schedule.pruning_from:
            return
        for layer in self.layers:
            if self.settings.regrow:
                self._regrow(layer, epoch)
            self._prune(layer)
            self._zero_pruned(layer)
        if self.settings.adaptive:
            self._grow_rates(epoch)

    def _constrain(self, layer: PrunableLayer, epoch: int) -> None:
        weight = layer.weight
        masked = weight * self.masks[layer.name]
        ranges = self._ranges.get(layer.name)
        if ranges is None:
            self._ranges[layer.name] = ranges = Ranges.first(masked)
        elif layer.kind == FC or self.settings.ranges_on == "all":
            ranges.update(masked, self.schedule.window)
        if self.settings.constraint and epoch >= self.schedule.constraint_from:
            ranges.clamp(weight)

    def _regrow(self, layer: PrunableLayer, epoch: int) -> None:
        is_fc = layer.kind == FC
        settings, schedule = self.settings, self.schedule
        mask = layer.by_kernel(self.masks[layer.name])
        back = regrown(
            layer.by_kernel(layer.weight),
            ~mask.any(dim=2),
            self._waited[layer.name],
            schedule.percentile(epoch, settings.percentile_fc if is_fc else settings.percentile_conv),
            schedule.wait_fc if is_fc else schedule.wait_conv,
            magnitude=settings.regrow_by == "magnitude",
        )
        mask |= back[:, :, None]

    def _prune(self, layer: PrunableLayer) -> None:
        ranges, mask = self._ranges[layer.name], layer.by_unit(self.masks[layer.name])
        received = importance(layer.by_unit(ranges.high), layer.by_unit(ranges.low), mask)
        units = lowest_units(received, self.rates[layer.name])
        once = self._once[layer.name]
        if self.settings.exempt_fc if layer.kind == FC else self.settings.exempt_conv:
            units = units[~once[units]]
        mask[units] = False
        once[units] = True

    def _grow_rates(self, epoch: int) -> None:
        """Rates for the next epoch, from what all layers have left now.

        The layer after the last prunable one is the output, whose units all keep their inputs.
        """
        settings = self.settings
        left = [
            layer.n_units - nearly_empty(layer.by_unit(self.masks[layer.name]), settings.sparse_unit_inputs)
            for layer in self.layers
        ]
        following = [*left[1:], settings.outputs]
        for layer, own, after in zip(self.layers, left, following, strict=True):
            if layer.kind == CONV:
                growth, divisor = self.schedule.conv_growth_percent(epoch), after
            else:
                growth = self.schedule.fc_growth_percent(epoch, settings.gain_fc, settings.floor_fc)
                divisor = settings.outputs
            self.rates[layer.name] = grown_rate(self.rates[layer.name], growth, own, divisor)

    def _own_state(self) -> dict[str, Any]:
        return {
            "rates": dict(self.rates),
            "waited": {name: value.clone() for name, value in self._waited.items()},
            "once": {name: value.clone() for name, value in self._once.items()},
            "ranges": {
                name: {field.name: getattr(ranges, field.name).clone() for field in fields(ranges)}
                for name, ranges in self._ranges.items()
            },
        }

    def _load_own_state(self, state: Mapping[str, Any]) -> None:
        try:
            for layer in self.layers:
                name, like = layer.name, layer.weight
                self.rates[name] = float(state["rates"][name])
                self._waited[name].copy_(state["waited"][name])
                self._once[name].copy_(state["once"][name])
                saved = state["ranges"].get(name)
                if saved is None:
                    self._ranges.pop(name, None)
                    continue
                ranges = Ranges.first(like)
                for field in fields(ranges):
                    getattr(ranges, field.name).copy_(saved[field.name])
                self._ranges[name] = ranges
        except (KeyError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            raise PruningError(
                f"structural plasticity: state is not one of SD-SNN for this network ({error}); allowed: state_dict()'s"
            ) from None
