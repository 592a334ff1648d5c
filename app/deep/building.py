"""A run's network and its pruning rules, made from its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.settings import DeepSettings
from lavaprune.pruning.structural.plasticity import StructuralPlasticity
from lavaprune.pruning.structural.registry import build_plasticity

if TYPE_CHECKING:
    import torch


def best_device() -> torch.device:
    """A GPU where there is one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def build_network(settings: DeepSettings, shape: tuple[int, int, int], n_classes: int) -> DeepNetwork:
    """The network of a run before training; the same seed gives the same weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return DeepNetwork(settings.network, shape, n_classes)


def build_structure(settings: DeepSettings, network: DeepNetwork, n_classes: int) -> StructuralPlasticity:
    """The pruning rules over the prunable layers of a network."""
    return build_plasticity(network.blocks, settings.pruned_layers(), settings.structural(n_classes))
