"""What a meter has counted, and the events that hardware profiles price."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add

from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.placement import Messages


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

    def events(self, *, stored: bool = False, is_placed: bool = False) -> HardwareEvents:
        """Return what is priced.

        Parameters
        ----------
        stored : bool
            Count stored weights of zero as synaptic operations too.
        is_placed : bool
            Leave spikes out, since a placement says which messages they make; else each is one, within a tile.
        """
        return HardwareEvents(
            steps=0,
            synaptic_ops=self.stored_synaptic_ops if stored else self.synaptic_ops,
            synaptic_updates=self.synaptic_updates,
            neuron_updates_active=0,
            neuron_updates_inactive=0,
            spikes_within_tile=0 if is_placed else self.spikes,
            hops_ew=0,
            hops_ns=0,
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

    def events(self, messages: Messages | None = None, *, stored: bool = False) -> HardwareEvents:
        """Add everything up.

        Parameters
        ----------
        messages : Messages, optional
            What the counted spikes cause on cores, and how far that travels: from `lavaprune.energy.placement.route`.
            Without it, each spike is one message within a tile on each connection that it takes.
        stored : bool
            As for `ConnectionCounts.events`.
        """
        rest = HardwareEvents(
            steps=self.steps,
            synaptic_ops=0,
            synaptic_updates=0,
            neuron_updates_active=0,
            neuron_updates_inactive=0,
            **(Messages(0, 0, 0) if messages is None else messages).to_dict(),
        )
        parts = [part.events(stored=stored, is_placed=messages is not None) for part in self.connections]
        return reduce(add, [*parts, *(population.events() for population in self.populations)], rest)
