"""Counters that the graph's OS processes write and this one reads."""

from __future__ import annotations

import mmap

import numpy as np
import numpy.typing as npt

FIELDS: tuple[str, ...] = (
    "spikes",
    "synaptic_ops",
    "stored_synaptic_ops",
    "synaptic_updates",
    "neuron_updates_active",
    "neuron_updates_inactive",
    "controller_ops",
    "normalisation_ops",
    "steps",
)
"""Columns of the board; `lavaprune.meter.counts` says what each one counts."""

(SPIKES, OPS, STORED_OPS, UPDATES, ACTIVE, INACTIVE, CONTROLLER, NORMALISATION, STEPS) = range(len(FIELDS))


class CounterBoard:
    """One row of int64 counters for each connection and each population.

    The memory is anonymous and shared with every process forked later, as Lava's are: no Var has to be fetched, the
    counts are there after the graph has stopped, and nothing is left in the system whatever dies. Each row has a single
    writer.

    Parameters
    ----------
    n_rows : int

    Attributes
    ----------
    rows : numpy.ndarray, shape (n_rows, len(FIELDS)), int64
    """

    def __init__(self, n_rows: int) -> None:
        memory = mmap.mmap(-1, max(1, n_rows) * len(FIELDS) * np.dtype(np.int64).itemsize)
        cells = np.frombuffer(memory, np.int64)
        self.rows: npt.NDArray[np.int64] = cells[: n_rows * len(FIELDS)].reshape(n_rows, len(FIELDS))
