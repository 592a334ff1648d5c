"""Models of `ConductanceLIF`."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.proc_models.controlled import CountingModel, StepControl
from lavaprune.proc_models.counter_random import STREAM_THETA
from lavaprune.proc_models.draws import draw_32, sample_key
from lavaprune.proc_models.fixed_point import (
    CONDUCTANCE_FRACTION_BITS,
    POTENTIAL_FRACTION_BITS,
    WEIGHT_MAX,
    add_conductance,
    decay_conductance,
    decay_theta,
    integrate_membrane,
    raise_theta,
)
from lavaprune.proc_models.quantisation import quantise, quantise_theta_plus
from lavaprune.processes.conductance_lif import ConductanceLIF

SPIKES, ACTIVE, INACTIVE = range(len(ConductanceLIF.COUNTERS))
MV = 1 << POTENTIAL_FRACTION_BITS
LEAK = 1 << CONDUCTANCE_FRACTION_BITS


class ConductanceLIFModel(CountingModel):
    """The order of one step; subclasses say in which arithmetic."""

    a_exc_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_inh_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    theta_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    refractory: np.ndarray = LavaPyType(np.ndarray, np.int32)
    v: np.ndarray
    theta: np.ndarray
    g_exc: np.ndarray
    g_inh: np.ndarray

    def _run_step(self, control: StepControl) -> None:
        arrivals_exc = np.maximum(self.a_exc_in.recv().astype(np.int64), 0)
        arrivals_inh = np.maximum(self.a_inh_in.recv().astype(np.int64), 0)
        if control.is_hold:
            self.s_out.send(np.zeros(self.s_out.shape, np.int32))
            return
        if control.starts:
            self._rest()
        self._count_updates(control, arrivals_exc, arrivals_inh)
        fired = self._integrate(arrivals_exc, arrivals_inh)
        self.s_out.send(fired.astype(np.int32))
        self.counters[control.row, SPIKES] += np.count_nonzero(fired)
        if control.learns:
            self._adapt(control, fired)
            if control.ends:
                self._decay_theta(control)

    def _report(self, control: StepControl) -> None:
        super()._report(control)
        if control.reports_state:
            self.theta_out.send(np.rint(self.theta).astype(np.int32))

    def _count_updates(self, control: StepControl, arrivals_exc: np.ndarray, arrivals_inh: np.ndarray) -> None:
        """Active: any input, or any state off rest, before the step."""
        active = (arrivals_exc != 0) | (arrivals_inh != 0) | (self.v != self._v_rest())
        active |= (self.g_exc != 0) | (self.g_inh != 0) | (self.refractory != 0)
        n_active = np.count_nonzero(active)
        self.counters[control.row, ACTIVE] += n_active
        self.counters[control.row, INACTIVE] += active.size - n_active

    def _rest(self) -> None:
        self.v[:] = self._v_rest()
        self.g_exc[:] = 0
        self.g_inh[:] = 0
        self.refractory[:] = 0

    def _v_rest(self) -> float:
        raise NotImplementedError

    def _integrate(self, arrivals_exc: np.ndarray, arrivals_inh: np.ndarray) -> np.ndarray:
        """Advance conductances, membranes and refractory counters; return which neurons fired, (N,) bool."""
        raise NotImplementedError

    def _adapt(self, control: StepControl, fired: np.ndarray) -> None:
        raise NotImplementedError

    def _decay_theta(self, control: StepControl) -> None:
        raise NotImplementedError


@implements(proc=ConductanceLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyConductanceLIFFixed(ConductanceLIFModel):
    """The integers of `fixed_point`."""

    v: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    theta: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    g_exc: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
    g_inh: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        p = proc_params["parameters"]
        self._seed = p.seed
        self._q = quantise(p)
        self._theta_plus = quantise_theta_plus(p.theta_plus_mv)

    def _v_rest(self) -> int:
        return self._q.v_rest

    def _integrate(self, arrivals_exc: np.ndarray, arrivals_inh: np.ndarray) -> np.ndarray:
        q = self._q
        g_exc, g_inh, v = (x.astype(np.int64) for x in (self.g_exc, self.g_inh, self.v))
        g_exc = add_conductance(decay_conductance(g_exc, q.decay_ge_q16), arrivals_exc, q.gain_exc)
        g_inh = add_conductance(decay_conductance(g_inh, q.decay_gi_q16), arrivals_inh, q.gain_inh)
        v = integrate_membrane(v, g_exc, g_inh, q.v_rest, q.e_exc, q.e_inh, q.leak_q22)
        v = np.where(self.refractory > 0, q.v_rest, v)
        fired = v > q.v_th + self.theta.astype(np.int64)
        self.refractory[:] = np.where(fired, q.refractory_steps, np.maximum(self.refractory - 1, 0))
        self.v[:] = np.where(fired, q.v_rest, v)
        self.g_exc[:] = g_exc
        self.g_inh[:] = g_inh
        return fired

    def _adapt(self, control: StepControl, fired: np.ndarray) -> None:
        plus = self._theta_plus if control.is_free else control.theta_plus_q
        self.theta[fired] = raise_theta(self.theta[fired].astype(np.int64), plus)

    def _decay_theta(self, control: StepControl) -> None:
        key = sample_key(self._seed, STREAM_THETA, control.phase, control.sample)
        random = draw_32(key, np.arange(self.theta.size), 0)
        self.theta[:] = decay_theta(self.theta.astype(np.int64), self._q.theta_loss_q32, random)


@implements(proc=ConductanceLIF, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyConductanceLIFFloat(ConductanceLIFModel):
    """Guo et al. 2020, Eq. 1 and 2, in double precision; the Vars keep their units, unrounded."""

    v: np.ndarray = LavaPyType(np.ndarray, np.float64)
    theta: np.ndarray = LavaPyType(np.ndarray, np.float64)
    g_exc: np.ndarray = LavaPyType(np.ndarray, np.float64)
    g_inh: np.ndarray = LavaPyType(np.ndarray, np.float64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._p = proc_params["parameters"]

    def _v_rest(self) -> float:
        return self._p.v_rest_mv * MV

    def _integrate(self, arrivals_exc: np.ndarray, arrivals_inh: np.ndarray) -> np.ndarray:
        p = self._p
        v_mv, theta_mv = self.v / MV, self.theta / MV
        g_exc = self.g_exc / LEAK * np.exp(-1 / p.tau_ge_ms) + arrivals_exc / WEIGHT_MAX * p.gain_exc
        g_inh = self.g_inh / LEAK * np.exp(-1 / p.tau_gi_ms) + arrivals_inh * p.gain_inh
        slope = (p.v_rest_mv - v_mv) - g_exc * (v_mv - p.e_exc_mv) - g_inh * (v_mv - p.e_inh_mv)
        v_mv = np.clip(v_mv + slope / p.tau_m_ms, p.e_inh_mv, p.e_exc_mv)
        v_mv[self.refractory > 0] = p.v_rest_mv
        fired = v_mv > p.v_th_mv + theta_mv
        self.refractory[:] = np.maximum(self.refractory - 1, 0)
        self.refractory[fired] = p.refractory_steps
        v_mv[fired] = p.v_rest_mv
        self.v[:] = v_mv * MV
        self.g_exc[:] = g_exc * LEAK
        self.g_inh[:] = g_inh * LEAK
        return fired

    def _adapt(self, control: StepControl, fired: np.ndarray) -> None:
        self.theta[fired] += self._p.theta_plus_mv * MV if control.is_free else control.theta_plus_q

    def _decay_theta(self, control: StepControl) -> None:
        self.theta *= np.exp(-self._p.steps / self._p.tau_theta_ms)
