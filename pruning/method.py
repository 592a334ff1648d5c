"""The interface that all pruning methods share."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.controller_cost import controller_operations
from lavaprune.pruning.errors import PruningError

Mask = npt.NDArray[np.uint8]

When = Literal["online", "after_training"]
WHEN: tuple[When, ...] = get_args(When)

_LOG = logging.getLogger("lavaprune.pruning")


@dataclass(frozen=True)
class PruningEvent:
    """What a method sees at the end of a batch. The arrays are read-only.

    Attributes
    ----------
    k : int
        Index of the event, 0 for the first.
    spike_counts : int64 array, shape (N,)
        Spikes of each neuron over the batch.
    weights : uint8 array, shape (I, N)
        Weights after the normalisation; 0 wherever `conducts` is 0.
    conducts, plastic : uint8 arrays, shape (I, N)
        The masks so far, 0 or 1: synapses that exist, and those of them that learn.
    w_max : int
        Largest weight, 1..255.
    n_events : int
        Events of the whole run, at least 1: `k` is n_events - 1 at the last. 1 where nobody said how many.

    Raises
    ------
    PruningError
        If a shape, type or value is not as above.
    """

    k: int
    spike_counts: npt.NDArray[np.int64]
    weights: npt.NDArray[np.uint8]
    conducts: Mask
    plastic: Mask
    w_max: int = 255
    n_events: int = 1

    def __post_init__(self) -> None:
        if self.k < 0:
            raise PruningError(f"pruning event: k is {self.k}; allowed: at least 0")
        if not 1 <= self.w_max <= 255:
            raise PruningError(f"pruning event: w_max is {self.w_max}; allowed: 1 .. 255")
        if self.n_events < 1:
            raise PruningError(f"pruning event: n_events is {self.n_events}; allowed: at least 1")
        if self.weights.ndim != 2 or self.weights.dtype != np.uint8:
            raise PruningError(
                f"pruning event: weights are {self.weights.dtype} of shape {self.weights.shape}; "
                "allowed: uint8 of shape (I, N)"
            )
        if self.spike_counts.shape != self.weights.shape[1:] or self.spike_counts.dtype != np.int64:
            raise PruningError(
                f"pruning event: spike_counts are {self.spike_counts.dtype} of shape {self.spike_counts.shape}; "
                f"allowed: int64 of shape {self.weights.shape[1:]}"
            )
        check_mask("pruning event: conducts", self.conducts, self.weights.shape)
        check_mask("pruning event: plastic", self.plastic, self.weights.shape)
        for name in ("spike_counts", "weights", "conducts", "plastic"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def without(self, removed: npt.NDArray[np.bool_]) -> tuple[Mask, Mask]:
        """Return (conducts, plastic) without the synapses where `removed`, shape (I, N), is true."""
        keep = ~removed
        return self.conducts & keep, self.plastic & keep


class PruningMethod(ABC):
    """Decides at the end of a batch which synapses stay. Deterministic, and without state of its own between events.

    Attributes
    ----------
    when : str
        ``"online"``: at the ends of batches, from `pruning.start` on. ``"after_training"``: one event after the last
        training image, and no other.
    rescale : str
        What happens to a neuron's remaining weights at an event: ``"none"``, ``"sum"`` or ``"drive"``; see
        `lavaprune.pruning.rescaling`. The setting ``pruning.rescale`` replaces it.
    gain : Decimal
        What the sum that `rescale` gives each neuron's plastic weights is multiplied with at the last event; without
        effect for ``"none"``. A setting ``pruning.gain`` other than 1 replaces it.
    first_gain : Decimal
        The same for the first event, from which on the network learns with it; setting ``pruning.first_gain``.
    regrows : bool
        Whether a removed synapse may conduct again. It starts at weight 0, and may learn.
    """

    when: ClassVar[When] = "online"
    regrows: ClassVar[bool] = False
    rescale: str = "drive"
    gain: Decimal = Decimal(1)
    first_gain: Decimal = Decimal(1)

    @abstractmethod
    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Return the new (conducts, plastic), uint8 arrays of 0 and 1, shape (I, N).

        A synapse that does not conduct cannot learn, and never comes back unless the class says `regrows`. One that
        conducts but no longer learns is frozen at its weight, for good. `PruningEvent.without` makes both masks from an
        array of synapses to remove.
        """

    def gain_at(self, event: PruningEvent) -> Decimal:
        """Gain of an event: `first_gain` at the first, `gain` at the last, both at the only one; else 1."""
        first = self.first_gain if event.k == 0 else Decimal(1)
        return first * (self.gain if event.k == event.n_events - 1 else Decimal(1))

    def operations(self, event: PruningEvent) -> int:
        """Basic operations that this decision takes (`lavaprune.pruning.controller_cost`).

        By default one memory access and one comparison for each weight; overridden by methods that do more
        or less.
        """
        n_inputs, n_neurons = event.weights.shape
        return controller_operations(n_inputs, n_neurons, 0).total


def decide(method: PruningMethod, event: PruningEvent) -> tuple[Mask, Mask, int]:
    """Ask a method for its masks, and hold it to its contract.

    An event that leaves no synapse is allowed, and logged as a warning (logger "lavaprune.pruning").

    Parameters
    ----------
    method : PruningMethod
    event : PruningEvent

    Returns
    -------
    conducts, plastic : uint8 arrays, shape (I, N)
    operations : int
        Basic operations of the decision.

    Raises
    ------
    PruningError
        Naming the method, if a mask is not uint8 of 0 and 1 of that shape, if a removed synapse came back though
        the method does not say that it regrows, if a frozen one learns again, or if one would learn without
        conducting.
    """
    owner = f"pruning method {type(method).__name__}"
    conducts, plastic = method.masks(event)
    check_mask(f"{owner}: conducts", conducts, event.weights.shape)
    check_mask(f"{owner}: plastic", plastic, event.weights.shape)
    may_conduct = np.ones_like(conducts) if method.regrows else event.conducts
    may_learn = event.plastic | (conducts & (1 - event.conducts))  # the second part: regrown just now
    for what, now, before in (
        ("conduct again after they were removed", conducts, may_conduct),
        ("are plastic again after they were frozen or removed", plastic, may_learn),
        ("are plastic but do not conduct", plastic, conducts),
    ):
        wrong = int(np.count_nonzero(now > before))
        if wrong:
            raise PruningError(f"{owner}: {wrong} synapses {what} at event {event.k}; allowed: 0")
    operations = int(method.operations(event))
    if operations < 0:
        raise PruningError(f"{owner}: operations are {operations} at event {event.k}; allowed: at least 0")
    if event.conducts.any() and not conducts.any():
        _LOG.warning("pruning event %d removed every synapse that was left", event.k)
    return conducts, plastic, operations


def check_mask(owner: str, mask: object, shape: tuple[int, ...]) -> None:
    """Refuse anything but a uint8 array of 0 and 1 of that shape.

    Raises
    ------
    PruningError
        Naming `owner` and what was found.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype != np.uint8 or mask.shape != shape:
        found = f"{mask.dtype} of shape {mask.shape}" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise PruningError(f"{owner}: mask is {found}; allowed: uint8 of shape {shape}")
    if mask.size and mask.max() > 1:
        raise PruningError(f"{owner}: mask holds {mask.max()}; allowed: 0, 1")
