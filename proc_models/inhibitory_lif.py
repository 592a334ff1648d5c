"""Models of `InhibitoryLIF`."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.proc_models.controlled import CountingModel, StepControl
from lavaprune.proc_models.fixed_point import (
    CONDUCTANCE_FRACTION_BITS,
    POTENTIAL_FRACTION_BITS,
    add_conductance,
    decay_conductance,
    integrate_membrane,
)
from lavaprune.proc_models.quantisation import quantise
from lavaprune.processes.inhibitory_lif import InhibitoryLIF

SPIKES, ACTIVE, INACTIVE = range(len(InhibitoryLIF.COUNTERS))
MV = 1 << POTENTIAL_FRACTION_BITS
LEAK = 1 << CONDUCTANCE_FRACTION_BITS


class InhibitoryLIFModel(CountingModel):
    """The order of one step; subclasses say in which arithmetic."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    refractory: np.ndarray = LavaPyType(np.ndarray, np.int32)
    v: np.ndarray
    g_exc: np.ndarray

    def _run_step(self, control: StepControl) -> None:
        arrivals = np.maximum(self.a_in.recv().astype(np.int64), 0)
        if control.is_hold:
            self.s_out.send(np.zeros(self.s_out.shape, np.int32))
            return
        if control.starts:
            self.v[:] = self._v_rest()
            self.g_exc[:] = 0
            self.refractory[:] = 0
        self._count_updates(control, arrivals)
        fired = self._integrate(arrivals)
        self.s_out.send(fired.astype(np.int32))
        self.counters[control.row, SPIKES] += np.count_nonzero(fired)

    def _count_updates(self, control: StepControl, arrivals: np.ndarray) -> None:
        """Active: any input, or any state off rest, before the step."""
        active = (arrivals != 0) | (self.v != self._v_rest()) | (self.g_exc != 0) | (self.refractory != 0)
        n_active = np.count_nonzero(active)
        self.counters[control.row, ACTIVE] += n_active
        self.counters[control.row, INACTIVE] += active.size - n_active

    def _v_rest(self) -> float:
        raise NotImplementedError

    def _integrate(self, arrivals: np.ndarray) -> np.ndarray:
        """Advance conductance, membrane and refractory counter; return which neurons fired, (N,) bool."""
        raise NotImplementedError


@implements(proc=InhibitoryLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyInhibitoryLIFFixed(InhibitoryLIFModel):
    """The integers of `fixed_point`."""

    v: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    g_exc: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._q = quantise(proc_params["parameters"])

    def _v_rest(self) -> int:
        return self._q.v_rest

    def _integrate(self, arrivals: np.ndarray) -> np.ndarray:
        q = self._q
        g = decay_conductance(self.g_exc.astype(np.int64), q.decay_ge_q16)
        g = add_conductance(g, arrivals, q.inh_gain_exc)
        v = integrate_membrane(self.v.astype(np.int64), g, 0, q.v_rest, q.e_exc, q.e_inh, q.inh_leak_q22)
        v = np.where(self.refractory > 0, q.v_rest, v)
        fired = v > q.inh_v_th
        self.refractory[:] = np.where(fired, q.inh_refractory_steps, np.maximum(self.refractory - 1, 0))
        self.v[:] = np.where(fired, q.v_rest, v)
        self.g_exc[:] = g
        return fired


@implements(proc=InhibitoryLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyInhibitoryLIFFloat(InhibitoryLIFModel):
    """Guo et al. 2020, Eq. 1 and 2, without inhibition, in double precision; the Vars keep their units, unrounded."""

    v: np.ndarray = LavaPyType(np.ndarray, np.float64)
    g_exc: np.ndarray = LavaPyType(np.ndarray, np.float64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._p = proc_params["parameters"]

    def _v_rest(self) -> float:
        return self._p.v_rest_mv * MV

    def _integrate(self, arrivals: np.ndarray) -> np.ndarray:
        p = self._p
        v_mv = self.v / MV
        g = self.g_exc / LEAK * np.exp(-1 / p.tau_ge_ms) + arrivals * p.inh_gain_exc
        slope = (p.v_rest_mv - v_mv) - g * (v_mv - p.e_exc_mv)
        v_mv = np.clip(v_mv + slope / p.inh_tau_m_ms, p.e_inh_mv, p.e_exc_mv)
        v_mv[self.refractory > 0] = p.v_rest_mv
        fired = v_mv > p.inh_v_th_mv
        self.refractory[:] = np.maximum(self.refractory - 1, 0)
        self.refractory[fired] = p.inh_refractory_steps
        v_mv[fired] = p.v_rest_mv
        self.v[:] = v_mv * MV
        self.g_exc[:] = g * LEAK
        return fired
