"""Finished runs of either kind, read for one table: what each network is, does and needs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.deep.run_folder import is_deep_run
from lavaprune.deep.settings import DeepSettings
from lavaprune.energy.chip import load_chip
from lavaprune.energy.core_fit import CoreFit, fit_network
from lavaprune.energy.errors import EnergyError
from lavaprune.energy_report import PhaseEvents, events_of_run
from lavaprune.errors import InputError
from lavaprune.run_costs import read_run_costs
from lavaprune.run_network import read_run_network
from lavaprune.runs import RunFolder
from lavaprune.settings import Settings

STDP, DEEP = "stdp", "deep"

_SAME_NETWORK = ("seed", "fold", "preset", "engine", "samples_per_step", "checkpoint_images", "checkpoint_epochs",
                 "metrics_images", "pictures")  # fmt: skip
_METHODS = {
    "none": "unpruned",
    "apt": "APT",
    "apn": "APN",
    "aptn": "APTN",
    "sdsnn": "SD-SNN",
    "rigl": "RigL",
    "set": "SET",
}


@dataclass(frozen=True)
class ComparedRun:
    """One finished run.

    Attributes
    ----------
    name : str
        Of its folder.
    kind : {"stdp", "deep"}
    network : str
        Size and method.
    key : tuple of str
        Equal for runs that differ in their seed, or the fold of a cross-validation, alone.
    dataset : str
    seed, fold, steps, test_images : int
    accuracy, connectivity : float
        0..1; of the weights that are pruned or not, a kernel's counting once. Lateral synapses are in neither.
    weights, weights_left : int
        The same as numbers.
    sops : float
        Synaptic operations per image in inference, lateral ones included.
    inference : PhaseEvents
    fit : CoreFit
    """

    name: str
    kind: str
    network: str
    key: tuple[str, ...]
    dataset: str
    seed: int
    fold: int
    steps: int
    test_images: int
    accuracy: float
    connectivity: float
    weights: int
    weights_left: int
    sops: float
    inference: PhaseEvents
    fit: CoreFit

    @property
    def chip_synapses(self) -> int:
        """Synapses on the cores: a kernel's at every place, lateral ones too."""
        return sum(connection.synapses for connection in self.fit.connections())


def read_compared_run(path: Path, chip_name: str) -> ComparedRun:
    """Read a RUN folder of `lavaprune train` or `lavaprune deep train`.

    Raises
    ------
    InputError
        If it is no finished run or damaged, the chip is unknown, or the run is deep and lava-dl is not installed.
    """
    try:
        return (_deep if is_deep_run(path) else _stdp)(path, chip_name)
    except EnergyError as error:
        raise InputError(str(error)) from None


def read_compared_runs(paths: Iterable[Path], chip_name: str) -> list[ComparedRun]:
    """Read several; see `read_compared_run`.

    Raises
    ------
    InputError
        Also if a folder stands there twice, or two runs of one network have the same seed and fold: they are one run.
    """
    folders = list(paths)
    for path in folders:
        is_deep_run(path)  # says which is no run before the first one is read
    found: list[ComparedRun] = []
    for path in folders:
        run = read_compared_run(path, chip_name)
        same = (run.key, run.seed, run.fold)
        twin = next((each for each in found if (each.key, each.seed, each.fold) == same), None)
        if twin is not None:
            raise InputError(
                f"run folder {path}: is the run of {twin.name} once more (seed {run.seed}); allowed: each run once"
            )
        found.append(run)
    return found


def _stdp(path: Path, chip_name: str) -> ComparedRun:
    run = RunFolder.open(path)
    costs = read_run_costs(path)
    network = read_run_network(run)
    size, method = f"{costs.n_inputs}-{costs.n_neurons}", run.settings.pruning.method
    return ComparedRun(
        name=path.resolve().name,
        kind=STDP,
        network=f"{size}, {_METHODS.get(method, method)}",
        key=_key(STDP, run.settings),
        dataset=run.settings.dataset,
        seed=run.settings.seed,
        fold=0,
        steps=run.settings.steps,
        test_images=costs.cost.test_images,
        accuracy=costs.cost.accuracy,
        connectivity=network.connectivity,
        weights=network.conducts.size,
        weights_left=int(np.count_nonzero(network.conducts)),
        sops=costs.cost.inference_sops,
        inference=events_of_run(path)["inference"],
        fit=fit_network(network.describe(), load_chip(chip_name)),
    )


def _deep(path: Path, chip_name: str) -> ComparedRun:
    from lavaprune.deep.costs import read_deep_costs

    costs = read_deep_costs(path)
    settings, network, method = costs.settings, costs.network, costs.settings.pruning.method
    return ComparedRun(
        name=path.resolve().name,
        kind=DEEP,
        network=f"{costs.size}, {'dense' if method == 'none' else _METHODS.get(method, method)}",
        key=_key(DEEP, settings),
        dataset=settings.dataset,
        seed=settings.seed,
        fold=settings.fold,
        steps=settings.steps,
        test_images=costs.cost.test_images,
        accuracy=costs.cost.accuracy,
        connectivity=network.connectivity,
        weights=network.weights,
        weights_left=network.alive,
        sops=costs.cost.inference_sops,
        inference=costs.phases()["inference"],
        fit=fit_network(network.describe(), load_chip(chip_name)),
    )


def _key(kind: str, settings: Settings | DeepSettings) -> tuple[str, ...]:
    values: dict[str, Any] = {name: v for name, v in settings.to_dict().items() if name not in _SAME_NETWORK}
    return kind, json.dumps(values, sort_keys=True)
