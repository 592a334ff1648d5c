"""What only a run's folder can tell of its costs: operations beside the unpruned network's, sizes, sparsity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.checkpoint import load_checkpoint
from lavaprune.energy.computational_cost import RunCost, compare_costs
from lavaprune.energy.conventional import DenseLayer, conventional_network
from lavaprune.energy.counts import EventCounts
from lavaprune.energy.errors import EnergyError
from lavaprune.energy.neurobench_metrics import (
    activation_sparsity_of_counts,
    connection_sparsity,
    footprint_bytes,
)
from lavaprune.energy.profile import known_profiles, load_profile
from lavaprune.errors import InputError
from lavaprune.overhead_report import GROUPS, overhead_of
from lavaprune.pruning.controller_overhead import ControllerOverhead
from lavaprune.runs import CHECKPOINT, RunFolder
from lavaprune.settings import Settings
from lavaprune.training.control import pruning_schedule


@dataclass(frozen=True)
class RunCosts:
    """A finished run, as far as its costs go.

    Attributes
    ----------
    settings : Settings
    cost : RunCost
        Synaptic operations per image and accuracy.
    train_images : int
        Training images presented.
    inference : EventCounts
        Of all test images together.
    weights : numpy.ndarray, shape (I, N), uint8
    theta : numpy.ndarray, shape (N,), int32
        Threshold adaptation.
    """

    settings: Settings
    cost: RunCost
    train_images: int
    inference: EventCounts
    weights: np.ndarray
    theta: np.ndarray

    @property
    def size(self) -> str:
        """For people."""
        return f"{self.n_inputs:,} x {self.n_neurons:,}"

    @property
    def n_inputs(self) -> int:
        """Inputs I."""
        return int(self.weights.shape[0])

    @property
    def n_neurons(self) -> int:
        """Excitatory neurons N."""
        return int(self.weights.shape[1])


def read_run_costs(path: Path) -> RunCosts:
    """Read a RUN folder.

    Raises
    ------
    InputError
        If it is no run, has not ended, or is damaged.
    """
    run = RunFolder.open(path)
    result = run.read_final_result()
    try:
        inference = EventCounts(**result["counts"]["inference"])
        training = EventCounts(**result["counts"]["training"])
        train_images, test_images = int(result["train_images"]), int(result["test_images"])
        cost = RunCost(
            training.training_sops() / max(1, train_images),
            inference.inference_sops() / max(1, test_images),
            float(result["accuracy"]),
            test_images,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"run folder {path}: result.json has no usable counts or accuracy ({error})") from None
    checkpoint = load_checkpoint(path / CHECKPOINT, None, run.settings.neurons)
    return RunCosts(run.settings, cost, train_images, inference, checkpoint.weights, checkpoint.theta)


def costs_report(
    run: RunCosts, unpruned: RunCosts | None = None, effective: EventCounts | None = None
) -> dict[str, Any]:
    """Return what ``lavaprune energy RUN --json`` has beside the energy.

    Keys: ``sops`` (per image; with an unpruned run also normalised, and the figure of merit), ``conventional`` (a dense
    layer of equal size, by each reference profile), ``neurobench`` (`neurobench_metrics`).

    Raises
    ------
    InputError
        If the unpruned run is of another size or data set, or a profile is malformed.
    """
    if unpruned is not None and (
        (unpruned.weights.shape, unpruned.settings.dataset) != (run.weights.shape, run.settings.dataset)
    ):
        raise InputError(
            f"unpruned run has {unpruned.n_inputs} x {unpruned.n_neurons} synapses on "
            f"{unpruned.settings.dataset}; allowed: {run.n_inputs} x {run.n_neurons} on {run.settings.dataset}"
        )
    sops = compared_costs(run.cost, None if unpruned is None else unpruned.cost)
    size = DenseLayer(run.weights.size, run.weights.size, run.n_inputs, run.n_neurons)
    return {
        "sops": sops,
        "conventional": conventional_networks([size]),
        "neurobench": neurobench_metrics(run, effective),
    }


def compared_costs(cost: RunCost, unpruned: RunCost | None = None) -> dict[str, Any]:
    """Operations per image, and beside the unpruned network's where there is one (`compare_costs`).

    Raises
    ------
    InputError
        If they cannot be compared.
    """
    found: dict[str, Any] = {
        "training_per_image": cost.training_sops,
        "inference_per_image": cost.inference_sops,
    }
    try:
        return found | ({} if unpruned is None else compare_costs(cost, unpruned))
    except EnergyError as error:
        raise InputError(str(error)) from None


def conventional_networks(layers: Sequence[DenseLayer]) -> list[dict[str, Any]]:
    """A dense network of these layers by each reference profile (`conventional_network`).

    Raises
    ------
    InputError
        If a profile is malformed.
    """
    try:
        references = [profile for profile in map(load_profile, known_profiles()) if profile.conventional]
        return [conventional_network(layers, reference).to_dict() for reference in references]
    except EnergyError as error:
        raise InputError(str(error)) from None


def neurobench_metrics(run: RunCosts, effective: EventCounts | None = None) -> dict[str, Any]:
    """NeuroBench's metrics of the inference network, per image.

    Inputs are binary, so there are no MACs. Accumulates, lateral ones included, come as ``existing_acs`` (of synapses
    that exist, as everywhere else here) and as ``effective_acs``, without those of weight 0. Connection sparsity and
    ``dense_input_acs`` are of the input -> excitatory synapses, the footprint of their weights and the thresholds.

    Parameters
    ----------
    run : RunCosts
    effective : EventCounts, optional
        From `training.effective.count_effective`; without it ``effective_acs`` is None.
    """
    counts = run.inference
    updates = (
        counts.exc_updates_active
        + counts.exc_updates_inactive
        + counts.inh_updates_active
        + counts.inh_updates_inactive
    )
    images = max(1, run.cost.test_images)
    return {
        "effective_macs": 0,
        "effective_acs": None if effective is None else effective.accumulations / images,
        "existing_acs": counts.accumulations / images,
        "dense_input_acs": run.weights.size * run.settings.steps,
        "connection_sparsity": connection_sparsity([run.weights]),
        "activation_sparsity": activation_sparsity_of_counts(counts.exc_spikes + counts.inh_spikes, updates),
        "footprint_bytes": footprint_bytes([run.weights, run.theta]),
    }


def overhead_of_run(run: RunCosts, groups: int = GROUPS) -> ControllerOverhead:
    """Tables 4 and 5 for a run's size and schedule; `groups` is an upper limit, as in the paper."""
    schedule = pruning_schedule(run.settings, max(1, run.train_images))
    return overhead_of(run.n_inputs, run.n_neurons, groups, schedule)


def costs_text(report: dict[str, Any], size: str) -> str:
    """Return `costs_report`, of a network of that size, for people."""
    sops, metrics = report["sops"], report["neurobench"]
    training, inference = sops["training_per_image"], sops["inference_per_image"]
    on_chip = f"training {training:,.0f}, " if training is not None else ""
    lines = [f"SOPs per image: {on_chip}inference {inference:,.0f}"]
    if "figure_of_merit" in sops:
        clear = "" if sops["loss_is_clear"] else "; no loss beyond 2 standard errors, so this says nothing"
        on_chip = f"training {sops['training_normalised']:.1%}, " if training is not None else ""
        lines.append(
            f"  of the unpruned network's: {on_chip}inference "
            f"{sops['inference_normalised']:.1%}, total {sops['total_normalised']:.1%}; accuracy loss "
            f"{sops['accuracy_loss_points']:.2f} +- {sops['loss_error_points']:.2f} points; figure of merit (loss x "
            f"total) {sops['figure_of_merit']:.2f} points{clear}"
        )
    for each in report["conventional"]:
        lines.append(
            f"conventional network of equal size ({size}, one dense pass, inference, "
            f"{each['profile']}): {each['total_pj']:,.1f} pJ per image, "
            + ", ".join(f"{each['counts'][key]:,} {key} {pj:,.1f}" for key, pj in each["components_pj"].items())
        )
    lines.append(
        f"NeuroBench (inference): connection sparsity {metrics['connection_sparsity']:.4f}, activation sparsity "
        f"{metrics['activation_sparsity']:.4f}, footprint {metrics['footprint_bytes']:,} bytes, MACs 0, "
        + (f"effective ACs {metrics['effective_acs']:,.0f}, " if metrics["effective_acs"] is not None else "")
        + f"ACs of existing synapses {metrics['existing_acs']:,.0f} per image"
    )
    return "\n".join(lines)
