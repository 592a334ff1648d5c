"""Neuron updates of every kind of stock neurons, from Vars and inputs that were recorded step by step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava.magma.core.learning.learning_rule import Loihi3FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.proc.atrlif.process import ATRLIF
from lava.proc.dense.process import Dense
from lava.proc.graded.process import GradedReluVec, GradedVec
from lava.proc.lif.process import LIF, LearningLIF, LIFRefractory, LIFReset, TernaryLIF
from lava.proc.rf.process import RF
from lava.proc.rf_iz.process import RF_IZ
from lava.proc.sdn.process import Delta, Sigma, SigmaDelta

from lavaprune.meter import EnergyMeter

sys.path.append(str(Path(__file__).parent / "toys"))

from meter_toys import raster, run, run_stepwise, sink, source

N_IN, N, STEPS = 6, 5, 60

UV = {"u": 0, "v": 0}
SDN = {"sigma": 0, "act": 0, "residue": 0, "error": 0}
FAST = {"vth": 20, "du": 3000, "dv": 3000}
FLOAT_FAST = {"vth": 20, "du": 1.0, "dv": 1.0}
RULE = Loihi3FLearningRule(dw="2^-1*y0*x1", x1_impulse=16, x1_tau=4, t_epoch=1)

CASES: dict[str, tuple[Callable[[], AbstractProcess], dict[str, float], str]] = {
    "LIF": (lambda: LIF(shape=(N,), **FAST), UV, "fixed_pt"),
    "LIF-float": (lambda: LIF(shape=(N,), **FLOAT_FAST), UV, "floating_pt"),
    "LIFReset": (lambda: LIFReset(shape=(N,), reset_interval=7, **FAST), UV, "fixed_pt"),
    "TernaryLIF": (lambda: TernaryLIF(shape=(N,), vth_hi=9, vth_lo=-9, du=3000, dv=3000), UV, "fixed_pt"),
    "LearningLIF": (lambda: LearningLIF(shape=(N,), learning_rule=RULE, **FLOAT_FAST), UV, "floating_pt"),
    "LIFRefractory": (lambda: LIFRefractory(shape=(N,), refractory_period=3, **FLOAT_FAST), UV, "floating_pt"),
    "ATRLIF": (
        lambda: ATRLIF(shape=(N,), delta_i=1.0, delta_v=1.0, delta_theta=1.0, delta_r=1.0, theta_0=4.0, theta=4.0),
        {"i": 0, "v": 0, "r": 0, "theta": 4.0},
        "floating_pt",
    ),
    "Sigma": (lambda: Sigma(shape=(N,)), {"sigma": 0}, "fixed_pt"),
    "Delta": (lambda: Delta(shape=(N,), vth=10), {k: 0 for k in ("act", "residue", "error")}, "fixed_pt"),
    "SigmaDelta": (lambda: SigmaDelta(shape=(N,), vth=10), SDN, "fixed_pt"),
    "GradedVec": (lambda: GradedVec(shape=(N,), vth=9), {"v": 0}, "fixed_pt"),
    "GradedReluVec": (lambda: GradedReluVec(shape=(N,), vth=9), {"v": 0}, "fixed_pt"),
}


def weights() -> np.ndarray:
    """Even ones, of both signs, some of them the negative of others: the inputs of some steps cancel."""
    half = np.random.default_rng(2).integers(-8, 12, (N, N_IN // 2)) * 2
    return np.hstack([half, -half])


def check(neurons: AbstractProcess, port: str, rest: dict[str, float], tag: str, drives: np.ndarray) -> None:
    """Run a step, read, look whether it was active, and so on; nothing arrives for the last half."""
    spikes = raster((N_IN,), STEPS, rate=0.25)
    spikes[:, STEPS // 2 :] = 0
    spikes[3, :10] = spikes[0, :10]  # these cancel
    dense = Dense(weights=weights())
    source(spikes, dense.s_in)
    dense.a_out.connect(getattr(neurons, port))
    record_in, record_out = sink(dense.a_out, STEPS), sink(neurons.s_out, STEPS)
    meter = EnergyMeter(neurons)

    def read() -> Any:
        population = meter.counts().populations[0]
        states = {name: getattr(neurons, name).get() for name in rest}
        if isinstance(neurons, LIFRefractory):
            states["refractory_period_end"] = neurons.refractory_period_end.get()
        last = len(seen) == STEPS - 1
        seen.append(population)
        return population, states, (record_in.data.get(), record_out.data.get()) if last else None

    seen: list[Any] = []
    after = run_stepwise(neurons, STEPS, read, tag)
    arrived, sent = after[-1][2]
    states = {name: np.full(N, value) for name, value in rest.items()}
    active_total = 0
    n_active = []
    for t, (population, new_states, _) in enumerate(after):
        step = t + 1
        active = 0
        for i in range(N):
            off_rest = any(states[name][i] != value for name, value in rest.items())
            if "refractory_period_end" in states and states["refractory_period_end"][i] >= step:
                off_rest = True
            active += bool(off_rest or arrived[i, t] != 0 or drives[i] != 0)
        active_total += active
        n_active.append(active)
        assert (population.updates_active, population.updates_inactive) == (active_total, step * N - active_total), t
        states = new_states
    assert 0 < min(n_active[5:]) or min(n_active) < N  # not all the same
    assert seen[-1].spikes == np.count_nonzero(sent)


@pytest.mark.parametrize("case", CASES)
def test_updates(case: str) -> None:
    make, rest, tag = CASES[case]
    check(make(), "a_in", rest, tag, np.zeros(N))


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("cls", [RF, RF_IZ])
def test_resonators(cls: type[AbstractProcess], tag: str) -> None:
    bits = {"state_exp": 6, "decay_bits": 12} if tag == "fixed_pt" else {}
    check(cls(shape=(N,), period=10, alpha=0.4, vth=1, **bits), "a_real_in", {"real": 0, "imag": 0}, tag, np.zeros(N))


def test_a_bias_is_an_input() -> None:
    bias = np.array([0, 3, 0, -2, 0])
    check(LIF(shape=(N,), bias_mant=bias, **FAST), "a_in", UV, "fixed_pt", bias)


def test_refractory_neurons_are_off_rest_to_the_last_step() -> None:
    """Active in step 2, with input; in 3, by its current; in 4 and 5, held; at rest from step 6."""
    lif = LIFRefractory(shape=(1,), refractory_period=3, vth=1, du=1.0, dv=1.0)
    dense = Dense(weights=np.array([[10.0]]))
    source(np.eye(1, 8, dtype=int), dense.s_in)
    dense.a_out.connect(lif.a_in)
    meter = EnergyMeter(lif)
    run(lif, 8, lambda: True, "floating_pt")
    (population,) = meter.counts().populations
    assert (population.spikes, population.updates_active, population.updates_inactive) == (1, 4, 4)


def test_neurons_in_two_dimensions_and_a_single_state() -> None:
    lif = LIF(shape=(2, 3), bias_mant=np.array([[1, 0, 0], [0, 0, 1]]), du=4095, dv=4095, vth=1)
    dense = Dense(weights=np.zeros((6, 2)))
    dense.a_out.reshape((2, 3)).connect(lif.a_in)
    meter = EnergyMeter(lif)
    run(lif, 10, lambda: True)
    population = meter.counts().populations[0]
    assert (population.updates_active, population.updates_inactive) == (20, 40)


def test_neurons_without_synapses_between_them() -> None:
    """A spike that goes straight into neurons is one accumulation; what synapses have summed up is none."""
    first = LIF(shape=(N,), bias_mant=np.arange(N), bias_exp=6, vth=5, du=4095, name="first")
    second = LIF(shape=(N,), name="second")
    dense = Dense(weights=2 * np.eye(N))
    first.s_out.connect([second.a_in, dense.s_in])
    dense.a_out.connect(second.a_in)
    current = raster((N,), STEPS, payload=7)
    source(current, second.a_in)
    record = sink(first.s_out, STEPS)
    meter = EnergyMeter(second)
    spikes = run(second, STEPS, record.data.get)
    n_spikes = np.count_nonzero(spikes)
    assert n_spikes > N
    by_name = {c.name: (c.spikes, c.synaptic_ops, c.stored_synaptic_ops) for c in meter.counts().connections}
    assert by_name == {
        "first -> Dense_1 -> second": (n_spikes, n_spikes, n_spikes * N),
        "first -> second": (n_spikes,) * 3,
        "RingBuffer_1 -> second": (np.count_nonzero(current),) * 3,
    }
