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


@pytest.fixture(scope="session")
def deep_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A pruned and a dense run on the embedded digits, 60 test images of 5 steps each; not to be changed."""
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep.configuration import build_deep_settings
    from lavaprune.deep.training import train_deep

    folder = tmp_path_factory.mktemp("deep-runs")
    fast = ["train_images=200", "validation_images=60", "test_images=60", "epochs=3", "steps=5", "batch=20"]
    for name, change in (("pruned", "pruning.rate_fc=0.5"), ("dense", "pruning.method=none")):
        train_deep(build_deep_settings("digits", [*fast, change]), None, folder / name)
    return {name: folder / name for name in ("pruned", "dense")}
