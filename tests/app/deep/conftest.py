"""Deep networks need the extra dl; everything here is skipped without it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # slayer_reference


@pytest.fixture
def make_network() -> Callable[..., Any]:
    """A network with weights large enough for every layer to spike, and large biases."""
    torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep.network import DeepNetwork

    def make(name: str, shape: tuple[int, int, int], seed: int = 0) -> Any:
        torch.manual_seed(seed)
        network = DeepNetwork(name, shape, 10)
        for layer in network.layers:
            synapse = network.blocks[layer.spec.name].synapse
            synapse.weight.data *= 2.5
            synapse.bias.data = torch.rand_like(synapse.bias) * 0.5 - 0.15
        return network

    return make
