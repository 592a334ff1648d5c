"""Baselines at a given connectivity: gradual magnitude pruning, and regrowth as in SET and RigL.

All three keep pruned weights at 0 inside the epochs (`after_step`), as their authors do.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.structural.layers import FC, PrunableLayer
from lavaprune.pruning.structural.plasticity import StructuralPlasticity
from lavaprune.pruning.structural.settings import StructuralSettings

if TYPE_CHECKING:
    import torch


class _Baseline(StructuralPlasticity):
    def after_step(self) -> None:
        """Zero the pruned weights again."""
        for layer in self.layers:
            self._zero_pruned(layer)

    def _kept(self, layer: PrunableLayer) -> int:
        """Synapses that the layer keeps in the end."""
        share = self.settings.connectivity_fc if layer.kind == FC else self.settings.connectivity_conv
        return round(share * self.masks[layer.name].numel())


class MagnitudePruning(_Baseline):
    """The smallest weights go, a few at each epoch's end (Zhu & Gupta 2017, "To prune, or not to prune").

    The share of pruned synapses follows their cubic law from the first pruning epoch to three quarters of the
    training and is exactly ``1 - connectivity`` then. What is pruned stays so.
    """

    def _apply(self, epoch: int) -> None:
        first = self.schedule.pruning_from
        if epoch < first:
            return
        last = max(first, 3 * self.schedule.epochs // 4)
        progress = 1.0 if epoch >= last else (epoch - first + 1) / (last - first + 1)
        for layer in self.layers:
            mask = self.masks[layer.name]
            total = mask.numel()
            final = total - self._kept(layer)
            pruned = final if progress >= 1 else math.floor(final * (1 - (1 - progress) ** 3))
            size = layer.weight.abs().masked_fill(~mask, -1.0)  # pruned ones stay the smallest
            mask.view(-1)[size.flatten().argsort(stable=True)[:pruned]] = False
            self._zero_pruned(layer)


class _SparseTraining(_Baseline):
    """Sparse from the start; at each epoch's end the smallest live weights move elsewhere.

    The first masks are drawn uniformly. The share that moves falls as a cosine from `turnover` to 0 at three
    quarters of the training (Evci et al. 2020). New synapses start at 0.
    """

    def __init__(self, model: torch.nn.Module, layers: Iterable[str], settings: StructuralSettings) -> None:
        super().__init__(model, layers, settings)
        for layer in self.layers:
            mask = self.masks[layer.name]
            draws = self._draws(layer, -1).flatten()
            mask.view(-1)[draws.argsort(stable=True)[self._kept(layer) :]] = False
        self._write_masks()
        self.after_step()

    def _apply(self, epoch: int) -> None:
        last = max(1, 3 * self.schedule.epochs // 4)
        if epoch >= last or not self.settings.regrow:
            return
        share = self.settings.turnover / 2 * (1 + math.cos(math.pi * epoch / last))
        for layer in self.layers:
            live = self.masks[layer.name]
            self._zero_pruned(layer)  # what comes back starts at 0, whether or not after_step was called
            free = live.numel() - int(live.sum())
            moved = min(math.floor(share * int(live.sum())), free)
            wanted = self._wanted(layer, epoch).masked_fill(live, -1.0)  # none that is live, or was until now
            size = layer.weight.abs().masked_fill(~live, math.inf)
            gone = size.flatten().argsort(stable=True)[:moved]
            come = wanted.flatten().argsort(descending=True, stable=True)[:moved]
            flat = live.view(-1)
            flat[gone] = False
            flat[come] = True
            self._zero_pruned(layer)

    def _wanted(self, layer: PrunableLayer, epoch: int) -> torch.Tensor:
        """How much each synapse is wanted, at least 0."""
        raise NotImplementedError

    def _draws(self, layer: PrunableLayer, epoch: int) -> torch.Tensor:
        """Uniform draws of the weight's shape, a function of seed, layer and epoch alone."""
        import torch

        key = hashlib.sha256(f"{self.settings.seed} {layer.name} {epoch}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(key[:8], "big") >> 1)
        return torch.rand(layer.weight.shape, generator=generator).to(layer.weight.device)


class SetRegrowth(_SparseTraining):
    """Sparse evolutionary training (Mocanu et al. 2018): synapses come back at random places."""

    def _wanted(self, layer: PrunableLayer, epoch: int) -> torch.Tensor:
        return self._draws(layer, epoch)


class RigLRegrowth(_SparseTraining):
    """RigL (Evci et al. 2020): synapses come back where the loss's gradient of the last batch is largest."""

    def _wanted(self, layer: PrunableLayer, epoch: int) -> torch.Tensor:
        gradient = layer.parameter.grad
        if gradient is None:
            raise PruningError(
                f"structural plasticity: layer {layer.name!r} has no gradient at the end of epoch {epoch}; "
                "rigl needs that of the last batch"
            )
        return gradient.abs()
