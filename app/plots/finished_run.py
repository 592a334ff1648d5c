"""What a finished run left in its RUN folder, as pictures need it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavaprune.energy.counts import EventCounts
from lavaprune.energy.estimator import EnergyEstimate, estimate_energy
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.hardware_profile import HardwareProfile
from lavaprune.errors import InputError
from lavaprune.plots.history import pruning_images
from lavaprune.processes.state import NetworkState
from lavaprune.runs import RunFolder
from lavaprune.settings import Settings

PHASE_IMAGES = {"training": "train_images", "inference": "test_images"}
"""Phase -> key of the number of its images in a result."""


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
    """

    settings: Settings
    state: NetworkState
    result: dict[str, Any]
    metrics: list[dict[str, Any]]

    @property
    def pruning_images(self) -> tuple[int, ...]:
        """Numbers of training images after which the network was pruned."""
        return pruning_images(self.settings, int(self.result["train_images"]))

    def energy_per_phase(self, profile: HardwareProfile) -> dict[str, tuple[EnergyEstimate, int]]:
        """Energy of training and inference, and the number of images that each covers."""
        found = {}
        for phase, key in PHASE_IMAGES.items():
            n_images = int(self.result[key])
            counts = EventCounts(**self.result["counts"][phase])
            events = HardwareEvents.from_counts(counts, steps=n_images * self.settings.steps)
            found[phase] = (estimate_energy(events, profile), n_images)
        return found


def read_finished_run(folder: Path, n_inputs: int) -> FinishedRun:
    """Read a RUN folder.

    Raises
    ------
    InputError
        If it is no run, has not ended, or is damaged.
    """
    run = RunFolder.open(folder)
    result = run.read_result()
    if result is None:
        raise InputError(f"run folder {folder}: has no result.json yet; allowed: a finished run")
    return FinishedRun(run.settings, run.load_checkpoint(n_inputs).network_state(), result, run.read_metrics())
