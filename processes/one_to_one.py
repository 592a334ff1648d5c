"""One synapse from each neuron to its partner."""

from __future__ import annotations

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.checks import checked_count
from lavaprune.processes.controlled import CountingProcess


class OneToOne(CountingProcess):
    """A delay of one step: spikes received in step t are delivered in step t+1, each to the partner of its neuron.

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
        0 or 1: the spikes of the previous step.
    pending : Var, shape (N,), bool
        Spikes to be delivered in the next step.
    control_in, counters_out, counters
        As in `CountingProcess`.

    Raises
    ------
    ValueError
        If ``n_neurons`` is out of range.
    """

    COUNTERS = ("exc_inh_accumulations",)

    def __init__(self, n_neurons: int, *, name: str | None = None, **proc_params: Any) -> None:
        shape = (checked_count("OneToOne", "n_neurons", n_neurons, 1, 65536),)
        super().__init__(n_neurons=n_neurons, name=name, **proc_params)
        self.s_in = InPort(shape=shape)
        self.a_out = OutPort(shape=shape)
        self.pending = Var(shape=shape, init=0)
