"""The graph's floating-point models are the equations: Brian2's golden trajectories, to the last digits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from lavaprune.processes.conductance_lif import ConductanceLIF
from lavaprune.processes.inhibitory_lif import InhibitoryLIF
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.processes.run_config import RegisteredSimCfg
from lavaprune.runtime.watchdog import guarded

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
TIMEOUT_S = 120.0
MV, LEAK = 2**16, 2**14  # units of the Vars
CHECKPOINTS = (1, 7, 150, 999, 2000)


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def scalars(golden: dict[str, np.ndarray], *names: str) -> dict[str, Any]:
    return {name: golden[name].item() for name in names}


def run_to_checkpoints(process: AbstractProcess, check: Any, extra_steps: int = 0) -> None:
    """Run in floating point; ``check(t)`` looks at the Vars after the golden step t."""
    done = 0
    with guarded(process, TIMEOUT_S):
        for steps in CHECKPOINTS:
            process.run(RunSteps(num_steps=steps + extra_steps - done), RegisteredSimCfg(select_tag="floating_pt"))
            done = steps + extra_steps
            check(steps - 1)


def test_conductance_lif() -> None:
    golden = load("conductance_lif.npz")
    shared = scalars(
        golden, "tau_m_ms", "tau_ge_ms", "tau_gi_ms", "v_rest_mv", "v_th_mv", "e_exc_mv", "e_inh_mv",
        "theta_plus_mv", "refractory_steps", "gain_exc", "gain_inh",
    )  # fmt: skip
    p = NetworkParameters(*golden["weights"].shape, **shared)
    neurons = ConductanceLIF(p, np.rint(golden["theta_start_mv"] * MV))
    sums = golden["arrivals_exc"].astype(np.int64) @ golden["weights"].astype(np.int64)
    Source(data=sums.T).s_out.connect(neurons.a_exc_in)
    Source(data=golden["arrivals_inh"].T.astype(np.int64)).s_out.connect(neurons.a_inh_in)
    sink = Sink(shape=neurons.s_out.shape, buffer=len(sums))
    neurons.s_out.connect(sink.a_in)

    def check(t: int) -> None:
        rounding = 0.5 / MV  # of the initial thresholds
        np.testing.assert_allclose(neurons.v.get() / MV, golden["v_mv"][t], rtol=0, atol=1e-5)
        np.testing.assert_allclose(neurons.theta.get() / MV, golden["theta_mv"][t], rtol=0, atol=rounding + 1e-6)
        np.testing.assert_allclose(neurons.g_exc.get() / LEAK, golden["g_exc"][t], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(neurons.g_inh.get() / LEAK, golden["g_inh"][t], rtol=1e-6, atol=1e-6)
        if t + 1 == len(sums):
            assert sink.data.get().T.astype(int).tolist() == golden["spikes"].astype(int).tolist()

    run_to_checkpoints(neurons, check)


def test_inhibitory_lif() -> None:
    golden = load("inhibitory_lif.npz")
    shared = scalars(golden, "tau_ge_ms", "v_rest_mv", "e_exc_mv", "e_inh_mv")
    own = {f"inh_{k}": v for k, v in scalars(golden, "tau_m_ms", "v_th_mv", "refractory_steps", "gain_exc").items()}
    n = golden["arrivals_exc"].shape[1]
    neurons = InhibitoryLIF(NetworkParameters(n, n, **shared, **own))
    Source(data=golden["arrivals_exc"].T.astype(np.int64)).s_out.connect(neurons.a_in)
    sink = Sink(shape=(n,), buffer=len(golden["spikes"]))
    neurons.s_out.connect(sink.a_in)

    def check(t: int) -> None:
        np.testing.assert_allclose(neurons.v.get() / MV, golden["v_mv"][t], rtol=0, atol=1e-5)
        np.testing.assert_allclose(neurons.g_exc.get() / LEAK, golden["g_exc"][t], rtol=1e-6, atol=1e-6)
        if t + 1 == len(golden["spikes"]):
            assert sink.data.get().T.astype(int).tolist() == golden["spikes"].astype(int).tolist()

    run_to_checkpoints(neurons, check)


def test_plastic_synapses() -> None:
    """Weights start at whole numbers here, so it is their changes that are compared, where nothing was clipped."""
    golden = load("triplet_stdp.npz")
    shared = scalars(golden, "tau_x_ms", "tau_y1_ms", "tau_y2_ms", "mu_pre", "mu_post")
    n_pre, n_post = golden["weight_start"].shape
    start = np.rint(golden["weight_start"] * 255)
    synapses = PlasticSynapses(NetworkParameters(n_pre, n_post, **shared), start)
    # an input spike is delivered one step after it is sent, so the neurons' spikes are sent one step later
    post = np.concatenate([np.zeros((1, n_post)), golden["post"]]).astype(np.int64)
    Source(data=golden["pre"].T.astype(np.int64)).s_out.connect(synapses.s_in)
    Source(data=post.T).s_out.connect(synapses.s_post_in)

    def check(t: int) -> None:
        reached = golden["weights"][: t + 1]
        free = (reached.min(axis=0) > 0.01) & (reached.max(axis=0) < 0.99)
        assert free.sum() >= 15
        change = (synapses.weights.get() - start) / 255
        expected = golden["weights"][t] - golden["weight_start"]
        np.testing.assert_allclose(change[free], expected[free], rtol=0, atol=1e-6)

    run_to_checkpoints(synapses, check, extra_steps=1)
