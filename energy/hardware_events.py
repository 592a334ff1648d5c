"""Events that hardware profiles put a price on, and how our own counters map onto them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from lavaprune.energy.checks import checked_count
from lavaprune.energy.counts import EventCounts
from lavaprune.energy.errors import CountsError

UNPRICED_COUNTERS: tuple[str, ...] = ("normalisation_operations",)
"""Counters that map onto no priced event: the weight normalisation would run on a chip's embedded processor,
for which no energy per operation is published. Whoever prints an estimate says so."""


@dataclass(frozen=True)
class HardwareEvents:
    """Counts of events in a chip's terms.

    Every attribute is an int, 0 .. 2**63 - 1; ``+`` adds two sets of events.

    Attributes
    ----------
    steps : int
        Time steps of the network.
    synaptic_ops : int
        Synaptic spike operations: one weight read and accumulated.
    synaptic_updates : int
        Updates of one weight by the learning rule.
    neuron_updates_active, neuron_updates_inactive : int
        Updates of one neuron in one step; exclusive.
    spikes_within_tile : int
        Spike messages delivered inside a tile of the chip's mesh.
    hops_ew, hops_ns : int
        Hops of spike messages between tiles, east-west and north-south.
    controller_ops : int
        Basic operations of the pruning controller (memory access, comparison, addition).

    Raises
    ------
    CountsError
        If a value is not an integer 0 .. 2**63 - 1.
    """

    steps: int
    synaptic_ops: int
    synaptic_updates: int
    neuron_updates_active: int
    neuron_updates_inactive: int
    spikes_within_tile: int
    hops_ew: int
    hops_ns: int
    controller_ops: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = checked_count("hardware events", field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object]) -> HardwareEvents:
        """Read counts by name, as from a JSON object; `controller_ops` may be left out.

        Raises
        ------
        CountsError
            Naming missing or unknown keys, or the value that is not an integer 0 .. 2**63 - 1.
        """
        if not isinstance(mapping, Mapping):
            raise CountsError(
                f"hardware events: {type(mapping).__name__} given; allowed: an object with the keys "
                f"{', '.join(EVENT_KEYS)}"
            )
        unknown = [repr(key) for key in mapping if key not in EVENT_KEYS]
        if unknown:
            raise CountsError(f"hardware events: unknown {', '.join(unknown)}; known: {', '.join(EVENT_KEYS)}")
        missing = [key for key in REQUIRED_KEYS if key not in mapping]
        if missing:
            raise CountsError(f"hardware events: missing {', '.join(missing)}; required: {', '.join(REQUIRED_KEYS)}")
        return cls(**mapping)  # type: ignore[arg-type]  # __post_init__ checks the values

    @classmethod
    def from_counts(
        cls,
        counts: EventCounts,
        *,
        steps: int,
        spikes_within_tile: int | None = None,
        hops_ew: int = 0,
        hops_ns: int = 0,
    ) -> HardwareEvents:
        """Map the engines' counters onto hardware events.

        ======================== =====================================================================
        event                    counters
        ======================== =====================================================================
        synaptic_ops             input_accumulations + exc_inh_accumulations + lateral_accumulations
        synaptic_updates         depression_updates + potentiation_updates (live or not: the chip visits
                                 each plastic synapse)
        neuron_updates_active    exc_updates_active + inh_updates_active
        neuron_updates_inactive  exc_updates_inactive + inh_updates_inactive
        spikes_within_tile       given, one message per spike and core that it reaches (`placement.route`); without
                                 a placement input_spikes + exc_spikes + inh_spikes, as if that were one core
        hops_ew, hops_ns         given by the placement; 0 without one
        controller_ops           controller_operations
        ======================== =====================================================================

        What is left out is named in `UNPRICED_COUNTERS`.

        Parameters
        ----------
        counts : EventCounts
            One phase.
        steps : int
            Time steps the counts cover.
        spikes_within_tile, hops_ew, hops_ns : int, optional
            Messages and their hops between tiles, from a placement on cores.
        """
        return cls(
            steps=steps,
            synaptic_ops=counts.accumulations,
            synaptic_updates=counts.stdp_updates,
            neuron_updates_active=counts.exc_updates_active + counts.inh_updates_active,
            neuron_updates_inactive=counts.exc_updates_inactive + counts.inh_updates_inactive,
            spikes_within_tile=(
                counts.input_spikes + counts.exc_spikes + counts.inh_spikes
                if spikes_within_tile is None
                else spikes_within_tile
            ),
            hops_ew=hops_ew,
            hops_ns=hops_ns,
            controller_ops=counts.controller_operations,
        )

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return dict(zip(EVENT_KEYS, astuple(self), strict=True))

    def __add__(self, other: HardwareEvents) -> HardwareEvents:
        if not isinstance(other, HardwareEvents):
            return NotImplemented
        return HardwareEvents(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


EVENT_KEYS: tuple[str, ...] = tuple(field.name for field in fields(HardwareEvents))
"""Names of the events that profiles price, in order."""

REQUIRED_KEYS: tuple[str, ...] = EVENT_KEYS[:-1]
"""Those that must be given: all but `controller_ops`."""
