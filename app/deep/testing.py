"""A trained network on its test images: result, operations, and the same on Lava."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lavaprune.deep.building import best_device
from lavaprune.deep.data import DeepDataset
from lavaprune.deep.evaluation import TEST, Evaluation, evaluate_network
from lavaprune.deep.finished import load_run
from lavaprune.deep.network import DeepNetwork
from lavaprune.deep.settings import DeepSettings
from lavaprune.energy.feedforward_counts import FeedforwardCounts, LayerCounts
from lavaprune.training.progress import phase_bar

if TYPE_CHECKING:
    import torch


def evaluate_deep(path: Path, data_dir: Path | None, progress: bool = False) -> dict[str, Any]:
    """Test the network of a finished run once more; the folder is not changed."""
    folder, division, network, masks = load_run(path, data_dir)
    network.to(best_device())
    result = test_network(network, masks, folder.settings, division.data, progress)
    return result | {"epochs": folder.settings.epochs}


def test_network(
    network: DeepNetwork, masks: dict[str, torch.Tensor], settings: DeepSettings, data: DeepDataset, progress: bool
) -> dict[str, Any]:
    """Show the test samples and put the result together; every number in it was counted or measured."""
    began = time.perf_counter()
    with phase_bar("test", len(data.test), 0, progress) as bar:
        found = evaluate_network(network, data.test, settings.seed, TEST, bar.advance, updates=True)
    n = len(data.test)
    passes = network.passes()
    return {
        "kind": "deep",
        "accuracy": found.accuracy(data.test_labels),
        "connectivity": connectivity(network, masks),
        "connectivity_per_layer": connectivity_per_layer(network, masks),
        "sops_per_image": sum(found.operations.values()) / n,
        "sops_per_image_per_layer": {name: total / n for name, total in found.operations.items()},
        "spikes_per_image": {name: total / n for name, total in found.spikes.items()},
        "counts": {"inference": counts_of(network, found).to_dict()},
        "confusion": confusion(data.test_labels, found.answers, data.n_classes),
        "nonzero_weights": {each.layer.spec.name: int(each.halves.count_nonzero()) for each in passes},
        "dataset": data.name,
        "preset": settings.preset,
        "network": settings.network,
        "pruning": settings.pruning.method,
        "train_images": len(data.train),
        "validation_images": settings.validation_images,
        "test_images": n,
        "test_is_train": data.test_is_train,
        "steps": settings.steps,
        "seed": settings.seed,
        "device": network.device.type,
        "seconds": {"test": time.perf_counter() - began},
        "weights_sha256": network_sha256(network),
        "version": importlib.metadata.version("lavaprune"),
    }


def counts_of(network: DeepNetwork, found: Evaluation) -> FeedforwardCounts:
    """All events of samples that were shown with their neuron updates counted, on the folded network."""
    layers = {}
    for layer in network.layers:
        name = layer.spec.name
        updates = math.prod(layer.outputs) * found.steps
        active = found.active[name]
        layers[name] = LayerCounts(found.operations[name], found.spikes[name], active, updates - active)
    return FeedforwardCounts(found.steps, found.spikes["input"], layers)


def confusion(labels: npt.NDArray[np.int64], answers: npt.NDArray[np.int64], n_classes: int) -> list[list[int]]:
    """Images by true class (row) and answer (column)."""
    found = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(found, (labels, answers), 1)
    rows: list[list[int]] = found.tolist()
    return rows


def connectivity_per_layer(network: DeepNetwork, masks: dict[str, torch.Tensor]) -> dict[str, float]:
    """Share of live synapses of each layer; those that are never pruned keep all."""
    return {
        layer.spec.name: int(masks[layer.spec.name].sum()) / masks[layer.spec.name].numel()
        if layer.spec.name in masks
        else 1.0
        for layer in network.layers
    }


def connectivity(network: DeepNetwork, masks: dict[str, torch.Tensor]) -> float:
    """Share of live synapses of the whole network; a kernel's weight counts once, wherever it acts."""
    total = live = 0
    for layer in network.layers:
        name, size = layer.spec.name, layer.spec.units * layer.fan_in
        total += size
        live += int(masks[name].sum()) if name in masks else size
    return live / total


def network_sha256(network: DeepNetwork) -> str:
    """SHA-256 of all integer weights and biases, in hexadecimal."""
    digest = hashlib.sha256()
    for each in network.passes():
        for tensor in (each.halves, each.bias):
            digest.update(np.ascontiguousarray(tensor.detach().cpu().numpy().astype(np.int32)).data)
    return digest.hexdigest()
