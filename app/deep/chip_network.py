"""A finished deep run's network as a chip has to hold it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lavaprune.deep.finished import load_network
from lavaprune.deep.folding import FoldedLayer, fold_network
from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.energy.convolution import PooledConvolution
from lavaprune.energy.errors import EnergyError
from lavaprune.energy.feedforward_network import feedforward_network
from lavaprune.energy.network_description import NetworkDescription
from lavaprune.errors import InputError

SHARED, SEPARATE = "shared", "separate"
POOLING_KINDS = (SHARED, SEPARATE)


@dataclass(frozen=True)
class DeepRunNetwork:
    """What of a deep run decides how its network lies on a chip.

    Attributes
    ----------
    layers : mapping of str to PooledConvolution
        Of the folded network, by name; a synapse whose integer weight is 0 is none.
    weights, alive : int
        Weights in all, and those that are not pruned; a kernel's counts once.
    """

    layers: Mapping[str, PooledConvolution]
    weights: int
    alive: int

    @property
    def connectivity(self) -> float:
        """Share of the weights that are not pruned."""
        return self.alive / self.weights

    def describe(self, *, pruned: bool = True, pooling: str = SHARED) -> NetworkDescription:
        """The network as it is, or (`pruned` false) with all synapses.

        Parameters
        ----------
        pruned : bool
        pooling : {"shared", "separate"}
            Whether the members of a pooling window share an input axon on each core, and the synapses behind it.
        """
        layers = {name: replace(layer, shared=pooling == SHARED) for name, layer in self.layers.items()}
        return feedforward_network(layers if pruned else {name: layer.unpruned() for name, layer in layers.items()})


def read_deep_network(path: Path) -> DeepRunNetwork:
    """Read what a finished deep run's checkpoint says about its network; needs no data.

    Raises
    ------
    InputError
        See `load_network`.
    """
    network, masks = load_network(DeepRunFolder.open(path))
    sizes = {layer.spec.name: layer.spec.units * layer.fan_in for layer in network.layers}
    alive = sum(int(masks[name].sum()) if name in masks else size for name, size in sizes.items())
    layers = layers_on_chip(fold_network(network))
    return DeepRunNetwork(layers, sum(sizes.values()), alive)


def layers_on_chip(layers: Sequence[FoldedLayer]) -> dict[str, PooledConvolution]:
    """Who connects to whom in a folded network, per pooling window; inverts what folding repeats."""
    try:
        return {layer.name: _synapses(layer) for layer in layers}
    except EnergyError as error:
        raise InputError(str(error)) from None


def _synapses(layer: FoldedLayer) -> PooledConvolution:
    side = layer.stride
    channels, height, width = layer.inputs
    is_conv = layer.kind == "conv"
    kernels = layer.weight if is_conv else layer.weight.reshape(-1, channels, height, width)
    return PooledConvolution(
        kernels=kernels[:, :, ::side, ::side] != 0,
        source=(height, width, channels),
        pool=side,
        padding=layer.padding // side if is_conv else 0,
    )
