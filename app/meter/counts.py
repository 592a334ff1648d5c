"""What a meter has counted, and the events that hardware profiles price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.errors import InputError

Hops = Mapping[str, tuple[int, int]]
"""Connection -> hops that each of its spikes makes between tiles, east-west and north-south."""

NO_EVENTS = HardwareEvents(0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class ConnectionCounts:
    """Events on the way from one source to the neurons.

    Attributes
    ----------
    name : str
        ``source -> synapses -> target``, or ``source -> target`` where no Process of synapses lies between.
    spikes : int
        Messages: elements other than zero, whatever their payload, that arrived, one for each source and step.
    synaptic_ops : int
        Weights other than zero that those spikes met and accumulated. Without a Process of synapses, one per spike.
        Our own Processes count each synapse that conducts, whatever its weight.
    stored_synaptic_ops : int
        The same with weights of zero that are stored: all of a Dense's, a Sparse's explicit ones, and a kernel's.
    synaptic_updates : int
        As `lavaprune.meter.learning.pending_updates` counts them, or our own Processes do (`HardwareEvents`). Of
        synapses with several sources, those of all sources are with the first.
    controller_ops, normalisation_ops : int
        Of our own Processes only; the second has no price.
    """

    name: str
    spikes: int
    synaptic_ops: int
    stored_synaptic_ops: int
    synaptic_updates: int
    controller_ops: int
    normalisation_ops: int

    def events(self, hops: tuple[int, int] = (0, 0), *, stored: bool = False) -> HardwareEvents:
        """Return what is priced: each spike is one message within a tile, and makes `hops`."""
        return HardwareEvents(
            steps=0,
            synaptic_ops=self.stored_synaptic_ops if stored else self.synaptic_ops,
            synaptic_updates=self.synaptic_updates,
            neuron_updates_active=0,
            neuron_updates_inactive=0,
            spikes_within_tile=self.spikes,
            hops_ew=self.spikes * hops[0],
            hops_ns=self.spikes * hops[1],
            controller_ops=self.controller_ops,
        )


@dataclass(frozen=True)
class PopulationCounts:
    """Events at the neurons of one Process.

    Attributes
    ----------
    name : str
    updates_active, updates_inactive : int
        One for each neuron and step. Active: an input other than zero (what arrives in sum, or a bias), or any state
        off rest before the step.
    spikes : int
        Spikes sent, whether or not anything is connected.
    """

    name: str
    updates_active: int
    updates_inactive: int
    spikes: int

    def events(self) -> HardwareEvents:
        """Return what is priced; the spikes are priced where they arrive."""
        return HardwareEvents(
            steps=0,
            synaptic_ops=0,
            synaptic_updates=0,
            neuron_updates_active=self.updates_active,
            neuron_updates_inactive=self.updates_inactive,
            spikes_within_tile=0,
            hops_ew=0,
            hops_ns=0,
        )


@dataclass(frozen=True)
class MeterCounts:
    """All that was counted since the meter was made or reset.

    Attributes
    ----------
    steps : int
    connections : tuple of ConnectionCounts
    populations : tuple of PopulationCounts
    off_chip : tuple of str
        Processes of input, output and the host: their spikes count where they arrive, and nothing else of them.
    not_counted : dict of str to str
        Processes that could not be counted, and why: the totals lack them.
    """

    steps: int
    connections: tuple[ConnectionCounts, ...]
    populations: tuple[PopulationCounts, ...]
    off_chip: tuple[str, ...]
    not_counted: dict[str, str]

    def events(self, hops: Hops | None = None, *, stored: bool = False) -> HardwareEvents:
        """Add everything up.

        Parameters
        ----------
        hops : mapping of str to (int, int), optional
            Per connection, how far a placement on cores makes each of its spikes travel; none unless given.
        stored : bool
            Count stored weights of zero as synaptic operations too.

        Raises
        ------
        InputError
            If `hops` names a connection that does not exist.
        """
        hops = hops or {}
        names = [connection.name for connection in self.connections]
        unknown = [repr(name) for name in hops if name not in names]
        if unknown:
            raise InputError(f"meter: hops of {', '.join(unknown)}; known connections: {', '.join(names)}")
        parts = [part.events(hops.get(part.name, (0, 0)), stored=stored) for part in self.connections]
        parts += [population.events() for population in self.populations]
        return reduce(add, parts, NO_EVENTS) + HardwareEvents(self.steps, 0, 0, 0, 0, 0, 0, 0)
