"""A deep feedforward network as a chip has to hold it: convolutions and dense layers, pooling folded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lavaprune.energy.convolution import PooledConvolution
from lavaprune.energy.errors import FitError
from lavaprune.energy.network_description import WORD_BITS, Connection, NetworkDescription, Population

INPUT = "input"

_STATE_WORDS = 3  # current, voltage, bias


def feedforward_network(layers: Mapping[str, PooledConvolution]) -> NetworkDescription:
    """Describe a network.

    Inputs stand outside the cores. Every layer is a population on cores of its own, current-based neurons with a bias
    and one threshold per layer, which the chips have. Each synapse takes 8 bits, without delay or tag, wherever a
    kernel acts: lists of weights are not shared among places.

    Parameters
    ----------
    layers : mapping of str to PooledConvolution
        Layers by name in their order, each from the one before (the first from the inputs).

    Raises
    ------
    FitError
        If there is no layer, one is called ``input``, or a layer's source is not the target of the one before.
    """
    if not layers:
        raise FitError("network: has no layer; allowed: at least one")
    first = next(iter(layers.values()))
    populations = [Population(INPUT, int(np.prod(first.source)), on_chip=False)]
    connections = []
    before, shape = INPUT, first.source
    for name, layer in layers.items():
        if layer.source != shape:
            raise FitError(f"layer {name!r}: source is {layer.source}; allowed: {shape}, the target of {before!r}")
        shape = layer.outputs
        populations.append(Population(name, int(np.prod(shape)), state_bits=_STATE_WORDS * WORD_BITS))
        connections.append(Connection(f"{before}->{name}", before, name, layer))
        before = name
    features = ("reset_between_images", "poisson_input", "readout")
    return NetworkDescription(tuple(populations), tuple(connections), features=features)
