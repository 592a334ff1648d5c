"""Methods of structural plasticity by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lavaprune.pruning.structural.baselines import MagnitudePruning, RigLRegrowth, SetRegrowth
from lavaprune.pruning.structural.plasticity import NoPruning, StructuralPlasticity
from lavaprune.pruning.structural.sdsnn import SDSNN
from lavaprune.pruning.structural.settings import METHODS, StructuralSettings

if TYPE_CHECKING:
    import torch

_CLASSES: dict[str, type[StructuralPlasticity]] = dict(
    zip(METHODS, (SDSNN, NoPruning, MagnitudePruning, SetRegrowth, RigLRegrowth), strict=True)
)


def build_plasticity(
    model: torch.nn.Module, layers: Iterable[str], settings: StructuralSettings
) -> StructuralPlasticity:
    """Build what `StructuralSettings.method` names for the layers of a model; see `StructuralPlasticity`."""
    return _CLASSES[settings.method](model, layers, settings)
