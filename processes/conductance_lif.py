"""Excitatory neurons: conductances, refractory period and a threshold that adapts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.checks import checked_array
from lavaprune.processes.controlled import CountingProcess
from lavaprune.processes.parameters import NetworkParameters

POTENTIAL_LSB_PER_MV = 1 << 16
THETA_MAX = (1 << 23) - 1


class ConductanceLIF(CountingProcess):
    """Leaky integrate-and-fire neurons with conductances and adaptive thresholds (Guo et al. 2020, Eq. 1 and 2).

    ``tau_m dv/dt = (v_rest - v) - g_e (v - e_exc) - g_i (v - e_inh)``; conductances decay by their exact factors, the
    membrane takes one Euler step per ms and stays within ``[e_inh, e_exc]``. Where ``v > v_th + theta`` a neuron
    spikes; v then goes to v_rest and stays there for ``refractory_steps``, and theta grows by ``theta_plus_mv``, from
    the next step on. At a training sample's end theta decays once, for all of its steps.

    Missing against the hardware: Loihi 1 has neither conductances nor per-neuron thresholds; Loihi 2 needs microcode.

    Parameters
    ----------
    parameters : NetworkParameters
        Of which ``n_neurons``, ``steps`` (for the decay of theta), ``seed``, the membrane's, the gains and the
        threshold's are used.
    theta : integers, shape (N,), optional
        Initial threshold adaptation, 0..2**23-1, LSB 2**-16 mV; ``theta_init_mv`` unless given.
    name : str, optional

    Attributes
    ----------
    a_exc_in : InPort, shape (N,), int32
        Summed weights, 24 bits unsigned; 255 adds ``gain_exc`` to g_e. Negative sums count as 0.
    a_inh_in : InPort, shape (N,), int32
        Number of inhibitory spikes, 24 bits unsigned; each adds ``gain_inh`` to g_i. Negative ones count as 0.
    s_out : OutPort, shape (N,), int32
        0 or 1, of the same step.
    theta_out : OutPort, shape (N,), int32
        The state, sent only in steps whose control word asks for it.
    v, theta : Var, shape (N,), int32
        Membrane potential and threshold adaptation, 24 bits signed, LSB 2**-16 mV (not rounded in floating point).
    g_exc, g_inh : Var, shape (N,), int32
        Conductances, 24 bits unsigned, LSB 2**-14 of the leak.
    refractory : Var, shape (N,), int32
        Steps for which the membrane is still held.
    control_in, counters_out, counters
        As in `CountingProcess`.

    Raises
    ------
    ValueError
        If theta has another shape or a value is out of range.
    """

    COUNTERS = ("exc_spikes", "exc_updates_active", "exc_updates_inactive")

    def __init__(
        self,
        parameters: NetworkParameters,
        theta: npt.ArrayLike | None = None,
        *,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        shape = (parameters.n_neurons,)
        if theta is None:
            theta = round(parameters.theta_init_mv * POTENTIAL_LSB_PER_MV)
        adaptation = checked_array("ConductanceLIF", "theta", theta, shape, 0, THETA_MAX, np.int32)
        super().__init__(parameters=parameters, name=name, **proc_params)
        self.a_exc_in = InPort(shape=shape)
        self.a_inh_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.theta_out = OutPort(shape=shape)
        self.v = Var(shape=shape, init=round(parameters.v_rest_mv * POTENTIAL_LSB_PER_MV))
        self.theta = Var(shape=shape, init=adaptation)
        self.g_exc = Var(shape=shape, init=0)
        self.g_inh = Var(shape=shape, init=0)
        self.refractory = Var(shape=shape, init=0)
