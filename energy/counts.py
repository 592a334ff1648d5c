"""What the engines count, in a fixed order, and the paper's synaptic operations from it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

import numpy as np
import numpy.typing as npt

from lavaprune.energy.checks import checked_count
from lavaprune.energy.errors import CountsError


@dataclass(frozen=True)
class EventCounts:
    """Events of one phase (training or inference): one row of an engine's counters, by name.

    Every attribute is an int, 0 .. 2**63 - 1. The order of the attributes is the order of the columns in the
    engines' int64 counter arrays and never changes; new counters go to the end.

    Attributes
    ----------
    input_spikes, exc_spikes, inh_spikes : int
        Spikes sent by inputs, excitatory and inhibitory neurons.
    input_accumulations : int
        Weights added to excitatory neurons: one for each conducting synapse of an input that spiked.
    exc_inh_accumulations : int
        Deliveries from excitatory to inhibitory neurons (one-to-one).
    lateral_accumulations : int
        Lateral inhibitory deliveries: N - 1 for each spike that inhibits the others.
    depression_updates, potentiation_updates : int
        STDP updates: each plastic synapse of an input (of a neuron) that spiked.
    depression_live, potentiation_live : int
        Those of them whose trace was not zero.
    depression_changed, potentiation_changed : int
        Those of them after which the 8-bit weight differed.
    exc_updates_active, exc_updates_inactive, inh_updates_active, inh_updates_inactive : int
        Neuron updates, one per neuron and step; active if the neuron had any input or any state off rest
        before the step.
    normalisation_operations : int
        Operations of the weight normalisation at the ends of images.
    controller_operations : int
        Operations of the pruning controller (`lavaprune.pruning.controller_cost`).

    Raises
    ------
    CountsError
        If a value is not an integer 0 .. 2**63 - 1.
    """

    input_spikes: int = 0
    exc_spikes: int = 0
    inh_spikes: int = 0
    input_accumulations: int = 0
    exc_inh_accumulations: int = 0
    lateral_accumulations: int = 0
    depression_updates: int = 0
    depression_live: int = 0
    depression_changed: int = 0
    potentiation_updates: int = 0
    potentiation_live: int = 0
    potentiation_changed: int = 0
    exc_updates_active: int = 0
    exc_updates_inactive: int = 0
    inh_updates_active: int = 0
    inh_updates_inactive: int = 0
    normalisation_operations: int = 0
    controller_operations: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = checked_count("event counts", field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def from_vector(cls, vector: npt.ArrayLike) -> EventCounts:
        """Name the columns of one row of an engine's counters.

        Parameters
        ----------
        vector : integers, shape (n_counters,)
            In the order of `COUNTER_NAMES`.

        Raises
        ------
        CountsError
            If the shape differs or a value is not an integer 0 .. 2**63 - 1.
        """
        values = np.asarray(vector)
        if values.shape != (N_COUNTERS,):
            raise CountsError(f"event counts: vector has shape {values.shape}; allowed: ({N_COUNTERS},)")
        return cls(*values.tolist())

    def to_vector(self) -> npt.NDArray[np.int64]:
        """Return the counts as an int64 array of shape (n_counters,), in the order of `COUNTER_NAMES`."""
        return np.array(astuple(self), dtype=np.int64)

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name, in the fixed order."""
        return dict(zip(COUNTER_NAMES, astuple(self), strict=True))

    def __add__(self, other: EventCounts) -> EventCounts:
        if not isinstance(other, EventCounts):
            return NotImplemented
        return EventCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def accumulations(self) -> int:
        """All weight accumulations, lateral ones and those onto inhibitory neurons included."""
        return self.input_accumulations + self.lateral

    @property
    def lateral(self) -> int:
        """Accumulations that only the winner-take-all circuit needs: exc -> inh and lateral."""
        return self.exc_inh_accumulations + self.lateral_accumulations

    @property
    def stdp_updates(self) -> int:
        """STDP updates: depression and potentiation."""
        return self.depression_updates + self.potentiation_updates

    def training_sops(self, *, with_lateral: bool = True) -> int:
        """Synaptic operations of training (Guo et al. 2020, "Computational Cost"): accumulations + STDP updates.

        Parameters
        ----------
        with_lateral : bool
            Whether accumulations outside the plastic synapses (`lateral`) are included, as in headline totals.
        """
        return self.inference_sops(with_lateral=with_lateral) + self.stdp_updates

    def inference_sops(self, *, with_lateral: bool = True) -> int:
        """Synaptic operations of inference (Guo et al. 2020, "Computational Cost"): accumulations only.

        Parameters
        ----------
        with_lateral : bool
            Whether accumulations outside the plastic synapses (`lateral`) are included, as in headline totals.
        """
        return self.accumulations if with_lateral else self.input_accumulations

    def sop_components(self) -> dict[str, int]:
        """Return the parts that totals are made of: input, lateral, depression, potentiation, controller.

        `lateral` is exc -> inh and lateral accumulations together. `controller` is not a synaptic operation
        and is in no total; it stands beside them so that the pruning's own cost is not hidden.
        """
        return {
            "input": self.input_accumulations,
            "lateral": self.lateral,
            "depression": self.depression_updates,
            "potentiation": self.potentiation_updates,
            "controller": self.controller_operations,
        }


COUNTER_NAMES: tuple[str, ...] = tuple(field.name for field in fields(EventCounts))
"""Names of the columns of every counter array, in order."""

N_COUNTERS: int = len(COUNTER_NAMES)
"""Number of columns of every counter array."""

TRAINING_ROW, INFERENCE_ROW = 0, 1
"""Rows of an engine's counter array of shape (2, n_counters)."""


def counter_index(name: str) -> int:
    """Return the column of the counter `name`.

    Raises
    ------
    CountsError
        For an unknown name, listing the known ones.
    """
    try:
        return COUNTER_NAMES.index(name)
    except ValueError:
        raise CountsError(f"event counts: no counter {name!r}; known: {', '.join(COUNTER_NAMES)}") from None
