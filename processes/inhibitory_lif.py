"""Inhibitory neurons of the winner-take-all circuit."""

from __future__ import annotations

from typing import Any

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.conductance_lif import POTENTIAL_LSB_PER_MV
from lavaprune.processes.controlled import CountingProcess
from lavaprune.processes.parameters import NetworkParameters


class InhibitoryLIF(CountingProcess):
    """Leaky integrate-and-fire neurons with one excitatory conductance and a fixed threshold (Diehl and Cook 2015).

    The equations of `ConductanceLIF` without inhibition and adaptation; the conductance decays with ``tau_ge_ms``.

    Missing against the hardware: as for `ConductanceLIF`.

    Parameters
    ----------
    parameters : NetworkParameters
        Of which ``n_neurons``, ``tau_ge_ms``, the potentials and the ``inh_`` ones are used.
    name : str, optional

    Attributes
    ----------
    a_in : InPort, shape (N,), int32
        Number of excitatory spikes, 24 bits unsigned; each adds ``inh_gain_exc``. Negative ones count as 0.
    s_out : OutPort, shape (N,), int32
        0 or 1, of the same step.
    v : Var, shape (N,), int32
        Membrane potential, 24 bits signed, LSB 2**-16 mV (not rounded in floating point).
    g_exc : Var, shape (N,), int32
        Conductance, 24 bits unsigned, LSB 2**-14 of the leak.
    refractory : Var, shape (N,), int32
        Steps for which the membrane is still held.
    control_in, counters_out, counters
        As in `CountingProcess`.
    """

    COUNTERS = ("inh_spikes", "inh_updates_active", "inh_updates_inactive")

    def __init__(self, parameters: NetworkParameters, *, name: str | None = None, **proc_params: Any) -> None:
        super().__init__(parameters=parameters, name=name, **proc_params)
        shape = (parameters.n_neurons,)
        self.a_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.v = Var(shape=shape, init=round(parameters.v_rest_mv * POTENTIAL_LSB_PER_MV))
        self.g_exc = Var(shape=shape, init=0)
        self.refractory = Var(shape=shape, init=0)
