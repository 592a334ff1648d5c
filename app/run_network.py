"""A finished run's network as a chip has to hold it, and the spike messages that its counts mean there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lavaprune.checkpoint import load_checkpoint
from lavaprune.energy.chip import DEFAULT_CHIP, load_chip
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.counts import EventCounts
from lavaprune.energy.network_description import NetworkDescription
from lavaprune.energy.placement import route
from lavaprune.energy.winner_take_all_network import (
    EXCITATORY,
    INHIBITORY,
    INPUT,
    winner_take_all_network,
)
from lavaprune.runs import CHECKPOINT, RunFolder


@dataclass(frozen=True)
class RunNetwork:
    """What of a run decides how its network lies on a chip.

    Attributes
    ----------
    conducts : (I, N) ndarray of uint8
        Which synapses from inputs exist, 0 or 1: the checkpoint's mask.
    inhibition : str
        ``interneurons`` or ``direct``.
    """

    conducts: npt.NDArray[np.uint8]
    inhibition: str

    @property
    def connectivity(self) -> float:
        """Share of the synapses from inputs that exist."""
        return float(self.conducts.mean())

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """Which neurons a chip has to hold, shape (N,): those with a synapse from an input; all if none has one."""
        connected = np.asarray(self.conducts.any(axis=0))
        return connected if connected.any() else ~connected

    def describe(
        self, *, pruned: bool = True, lateral: str = "separate", only_input: bool = False
    ) -> NetworkDescription:
        """The network as it is, or (`pruned` false) with all neurons and synapses; see `winner_take_all_network`.

        As it is, neurons without any synapse are left out, and their partners: they never spike.
        """
        n_inputs, n_neurons = self.conducts.shape
        mask = self.conducts[:, self.kept] if pruned else None
        return winner_take_all_network(
            n_inputs,
            n_neurons if mask is None else mask.shape[1],
            mask=mask,
            inhibition=self.inhibition,
            lateral=lateral,
            only_input=only_input,
        )


def read_run_network(run: RunFolder) -> RunNetwork:
    """Read what the run's checkpoint says about its network.

    Raises
    ------
    InputError
        If there is no checkpoint, or it is damaged or not this run's.
    """
    path: Path = run.path / CHECKPOINT
    checkpoint = load_checkpoint(path, None, run.settings.neurons, run.settings.sha256())
    return RunNetwork(checkpoint.conducts, run.settings.network.inhibition)


def messages_of_run(run: RunFolder, phase: str, counts: EventCounts) -> dict[str, int]:
    """Spike messages and hops of one phase on Loihi 1's mesh, as `HardwareEvents.from_counts` takes them.

    Inference is laid out as the run's checkpoint has its synapses; training with all of them, the layout that it starts
    on: an upper limit once something is pruned. Counts say how often a population spiked, not which of its neurons,
    so spikes are taken to be spread equally over them (`placement.route`).

    Returns
    -------
    dict of str to int
        ``spikes_within_tile``, ``hops_ew``, ``hops_ns``; empty where the run has no checkpoint.
    """
    if not run.has_checkpoint:
        return {}
    network = read_run_network(run).describe(pruned=phase == "inference")
    spikes = {INPUT: counts.input_spikes, EXCITATORY: counts.exc_spikes, INHIBITORY: counts.inh_spikes}
    present = {population.name for population in network.populations}
    fit = fit_network(network, load_chip(DEFAULT_CHIP))
    return route(fit, {name: number for name, number in spikes.items() if name in present}).to_dict()
