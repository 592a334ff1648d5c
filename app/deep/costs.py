"""What a finished deep run costs: its events in inference, and what stands beside their energy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.deep.chip_network import DeepRunNetwork, read_deep_network
from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.deep.settings import DeepSettings
from lavaprune.energy.chip import DEFAULT_CHIP, load_chip
from lavaprune.energy.computational_cost import RunCost
from lavaprune.energy.conventional import DenseLayer
from lavaprune.energy.convolution import PooledConvolution
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.errors import EnergyError
from lavaprune.energy.feedforward_counts import FeedforwardCounts
from lavaprune.energy.neurobench_metrics import activation_sparsity_of_counts, connection_sparsity
from lavaprune.energy.placement import route
from lavaprune.energy_report import PhaseEvents
from lavaprune.errors import InputError
from lavaprune.run_costs import compared_costs, conventional_networks

TRAINED_ON_HOST = "Training is not priced: a deep network learns on the host, by backpropagation."


@dataclass(frozen=True)
class DeepRunCosts:
    """A finished deep run, as far as its costs go.

    Attributes
    ----------
    settings : DeepSettings
    cost : RunCost
        Synaptic operations per image and accuracy; nothing of the training.
    inference : FeedforwardCounts
        Of all test images together.
    network : DeepRunNetwork
    """

    settings: DeepSettings
    cost: RunCost
    inference: FeedforwardCounts
    network: DeepRunNetwork

    @property
    def size(self) -> str:
        """For people: inputs and layers as Han et al. write them, ``8x8-8C3-16C3-AP2-64FC-10``."""
        layers = list(self.network.layers.values())
        parts = ["x".join(f"{side}" for side in layers[0].source if side > 1)]
        for layer in layers:
            units, _, kernel, _ = layer.kernels.shape
            parts += [f"AP{layer.pool}"] if layer.pool > 1 else []
            parts.append(f"{units}C{kernel}" if layer.padding else f"{units}FC")
        return "-".join(parts).removesuffix("FC")

    def phases(self) -> dict[str, PhaseEvents]:
        """Events of inference alone, with the spike messages of the placement on Loihi 1.

        Counts say how often a layer spiked, not which of its neurons, so spikes are taken to be spread equally over
        them (`placement.route`).
        """
        fit = fit_network(self.network.describe(), load_chip(DEFAULT_CHIP))
        messages = route(fit, self.inference.spikes).to_dict()
        return {"inference": PhaseEvents(self.inference.hardware_events(messages), max(1, self.cost.test_images))}


def read_deep_costs(path: Path) -> DeepRunCosts:
    """Read a deep RUN folder.

    Raises
    ------
    InputError
        If it is no deep run, has not ended, has no counts or is damaged, or lava-dl is not installed.
    """
    run = DeepRunFolder.open(path)
    result = run.read_final_result()
    if "counts" not in result:
        raise InputError(
            f"run folder {path}: result.json has no counts (an older version wrote it); "
            "allowed: a run with them (lavaprune deep train --resume --out RUN tests it again)"
        )
    try:
        counts = FeedforwardCounts.from_mapping(result["counts"]["inference"])
        images = int(result["test_images"])
        cost = RunCost(None, counts.synaptic_ops / max(1, images), float(result["accuracy"]), images)
    except (KeyError, TypeError, ValueError, OverflowError, EnergyError) as error:
        raise InputError(f"run folder {path}: result.json has no usable counts or accuracy ({error})") from None
    network = read_deep_network(path)
    if list(counts.layers) != list(network.layers):
        raise InputError(
            f"run folder {path}: result.json counts the layers {', '.join(counts.layers)}; "
            f"allowed: those of its network, {', '.join(network.layers)}"
        )
    return DeepRunCosts(run.settings, cost, counts, network)


def deep_costs_report(run: DeepRunCosts, unpruned: DeepRunCosts | None = None) -> dict[str, Any]:
    """Return what ``lavaprune energy RUN --json`` has beside the energy; keys as of `run_costs.costs_report`.

    What belongs to training is None. `unpruned` is another run, with ``pruning.method=none``: its own spikes count,
    since they are not those of the pruned network.

    Raises
    ------
    InputError
        If the unpruned run is of another network or data set, or a profile is malformed.
    """
    if unpruned is not None:
        ours, theirs = ((each.settings.dataset, each.settings.network, each.size) for each in (run, unpruned))
        if ours != theirs:
            raise InputError(
                f"unpruned run is of {theirs[2]} (network {theirs[1]}) on {theirs[0]}; "
                f"allowed: {ours[2]} (network {ours[1]}) on {ours[0]}"
            )
    return {
        "training": None,
        "training_note": TRAINED_ON_HOST,
        "sops": {
            **compared_costs(run.cost, None if unpruned is None else unpruned.cost),
            "inference_per_image_per_layer": {
                name: layer.synaptic_ops / max(1, run.cost.test_images)
                for name, layer in run.inference.layers.items()
            },
        },
        "conventional": conventional_networks([_dense_layer(layer) for layer in run.network.layers.values()]),
        "neurobench": deep_neurobench_metrics(run),
    }


def deep_neurobench_metrics(run: DeepRunCosts) -> dict[str, Any]:
    """NeuroBench's metrics, per image; see `run_costs.neurobench_metrics`.

    A synapse whose weight is 0 counts as none everywhere in deep runs, so ``effective_acs`` and ``existing_acs`` are
    the same. ``dense_input_acs``, connection sparsity and footprint (8-bit weights, 16-bit biases) are of all layers; a
    kernel's weight counts once.
    """
    operations, layers = run.cost.inference_sops, run.network.layers.values()
    spikes = sum(layer.spikes for layer in run.inference.layers.values())
    return {
        "effective_macs": 0,
        "effective_acs": operations,
        "existing_acs": operations,
        "dense_input_acs": sum(layer.unpruned().synapses for layer in layers) * run.settings.steps,
        "connection_sparsity": connection_sparsity([np.concatenate([layer.kernels.ravel() for layer in layers])]),
        "activation_sparsity": activation_sparsity_of_counts(spikes, run.inference.neuron_updates),
        "footprint_bytes": sum(layer.kernels.size + 2 * len(layer.kernels) for layer in layers),
    }


def _dense_layer(layer: PooledConvolution) -> DenseLayer:
    """The same layer with all its weights, pooling first."""
    return DenseLayer(
        multiply_accumulates=layer.unpruned().synapses // layer.pool**2,
        weights=layer.kernels.size,
        inputs=math.prod(layer.pooled),
        outputs=math.prod(layer.outputs),
    )
