"""Synapses from each neuron to all others."""

from __future__ import annotations

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.checks import checked_count
from lavaprune.processes.controlled import CountingProcess


class LateralInhibition(CountingProcess):
    """All to all but the own partner, without a matrix: each target receives the sum of all spikes minus its own.

    Spikes received in step t are delivered in step t+1; each counts as N - 1 accumulations.

    Missing against the hardware: a chip stores these synapses, N - 1 for each neuron.

    Parameters
    ----------
    n_neurons : int
        1..65536.
    name : str, optional

    Attributes
    ----------
    s_in : InPort, shape (N,), int32
        Spikes: any value but 0.
    a_out : OutPort, shape (N,), int32
        Number of spikes of the others in the previous step, 0..N-1.
    pending : Var, shape (N,), bool
        Spikes to be delivered in the next step.
    control_in, counters_out, counters
        As in `CountingProcess`.

    Raises
    ------
    ValueError
        If ``n_neurons`` is out of range.
    """

    COUNTERS = ("lateral_accumulations",)

    def __init__(self, n_neurons: int, *, name: str | None = None, **proc_params: Any) -> None:
        shape = (checked_count("LateralInhibition", "n_neurons", n_neurons, 1, 65536),)
        super().__init__(n_neurons=n_neurons, name=name, **proc_params)
        self.s_in = InPort(shape=shape)
        self.a_out = OutPort(shape=shape)
        self.pending = Var(shape=shape, init=0)
