"""What a finished run left in its RUN folder, as pictures need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavaprune.energy.estimator import EnergyEstimate, estimate_energy
from lavaprune.energy.hardware_profile import HardwareProfile
from lavaprune.energy_report import PhaseEvents, events_of_run
from lavaprune.plots.history import pruning_images
from lavaprune.processes.state import NetworkState
from lavaprune.runs import RunFolder
from lavaprune.settings import Settings


@dataclass(frozen=True)
class FinishedRun:
    """A run that has ended.

    Attributes
    ----------
    settings : Settings
    state : NetworkState
        After training.
    result : dict
        What ``result.json`` holds (`training.result.build_result`).
    metrics : list of dict
        Lines of ``metrics.jsonl``.
    phases : dict of str to PhaseEvents
        Events of training and inference.
    """

    settings: Settings
    state: NetworkState
    result: dict[str, Any]
    metrics: list[dict[str, Any]]
    phases: dict[str, PhaseEvents]

    @property
    def pruning_images(self) -> tuple[int, ...]:
        """Numbers of training images after which the network was pruned."""
        return pruning_images(self.settings, int(self.result["train_images"]))

    def energy_per_phase(self, profile: HardwareProfile) -> dict[str, tuple[EnergyEstimate, int]]:
        """Energy of training and inference, and the number of images that each covers."""
        return {name: (estimate_energy(phase.events, profile), phase.images) for name, phase in self.phases.items()}


def read_finished_run(folder: Path, n_inputs: int) -> FinishedRun:
    """Read a RUN folder.

    Raises
    ------
    InputError
        If it is no run, has not ended, or is damaged.
    """
    run = RunFolder.open(folder)
    result = run.read_final_result()
    state = run.load_checkpoint(n_inputs).network_state()
    return FinishedRun(run.settings, state, result, run.read_metrics(), events_of_run(folder))
