"""Spike counts per sample: what a readout needs."""

from __future__ import annotations

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.checks import checked_count
from lavaprune.processes.controlled import ControlledProcess


class SpikeCounter(ControlledProcess):
    """Counts the spikes of each neuron within a sample, and sends the counts at its end.

    Parameters
    ----------
    n_neurons : int
        1..65536.
    name : str, optional

    Attributes
    ----------
    control_in
        As in `ControlledProcess`; without it the counter counts on for ever and sends nothing.
    s_in : InPort, shape (N,), int32
        Spikes: any value but 0.
    counts_out : OutPort, shape (N,), int32
        Sent in the last step of a sample only.
    counts : Var, shape (N,), int32
        Spikes so far; saturates at 2**31-1 only after as many steps.

    Raises
    ------
    ValueError
        If ``n_neurons`` is out of range.
    """

    def __init__(self, n_neurons: int, *, name: str | None = None, **proc_params: Any) -> None:
        shape = (checked_count("SpikeCounter", "n_neurons", n_neurons, 1, 65536),)
        super().__init__(n_neurons=n_neurons, name=name, **proc_params)
        self.s_in = InPort(shape=shape)
        self.counts_out = OutPort(shape=shape)
        self.counts = Var(shape=shape, init=0)
