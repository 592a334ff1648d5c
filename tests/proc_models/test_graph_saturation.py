"""A network that is driven past every width saturates as documented, in the graph's own Processes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from lava.magma.core.run_conditions import RunSteps
from lava.proc.io.source import RingBuffer as Source

from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.conductance_lif import ConductanceLIF
from lavaprune.processes.control import PHASE_TRAIN
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.processes.run_config import RegisteredSimCfg
from lavaprune.runtime.watchdog import run_guarded

sys.path.append(str(Path(__file__).parent / "toys"))

from graph_toys import TIMEOUT_S, assert_equal, network, run_fused, run_graph, samples

G_MAX, POTENTIAL_MAX = 2**24 - 1, 2**23 - 1
STEPS = 60


def test_neurons_under_the_largest_input() -> None:
    """The largest sums that 32-bit ports carry, the largest gains, thresholds that can grow no further."""
    p = NetworkParameters(
        n_inputs=1, n_neurons=4, gain_exc=1000.0, gain_inh=1000.0, tau_ge_ms=1e4, tau_gi_ms=1e4, tau_m_ms=1.0,
        e_exc_mv=127.0, e_inh_mv=-127.0, theta_plus_mv=127.0, refractory_steps=0,
    )  # fmt: skip
    neurons = ConductanceLIF(p, theta=[0, 0, 0, POTENTIAL_MAX - 1])
    most = 2**31 - 1
    for port, arrivals in ((neurons.a_exc_in, [0, most, most, most]), (neurons.a_inh_in, [most, 0, most, -most])):
        Source(data=np.tile(np.array(arrivals, np.int32)[:, np.newaxis], STEPS)).s_out.connect(port)

    def read() -> list[list[int]]:
        return [var.get().astype(int).tolist() for var in (neurons.g_exc, neurons.g_inh, neurons.v, neurons.theta)]

    found = run_guarded(neurons, RunSteps(num_steps=STEPS), RegisteredSimCfg(), TIMEOUT_S, read)
    assert found is not None
    g_exc, g_inh, v, theta = found
    assert g_exc == [0, G_MAX, G_MAX, G_MAX]
    assert g_inh == [G_MAX, 0, G_MAX, 0]
    assert all(-127 << 16 <= x <= 127 << 16 for x in v)
    # 127 mV are above any threshold here, so the two that are only excited fire in every step
    assert (theta[0], theta[1], theta[3]) == (0, POTENTIAL_MAX, POTENTIAL_MAX)


def test_the_drive_saturates_where_a_slow_membrane_shows_it() -> None:
    """At tau_m = 1e5 ms a drive at its end, 32,768 mV, moves a membrane by 0.33 mV; the full one would by 1.3."""
    p = NetworkParameters(
        n_inputs=1, n_neurons=2, gain_exc=1000.0, gain_inh=1000.0, tau_m_ms=1e5, v_rest_mv=0.0, v_th_mv=50.0,
        inh_v_th_mv=50.0, e_exc_mv=127.0, e_inh_mv=-127.0,
    )  # fmt: skip
    neurons = ConductanceLIF(p, theta=[0, 0])
    most = 2**31 - 1
    for port, arrivals in ((neurons.a_exc_in, [most, 0]), (neurons.a_inh_in, [0, most])):
        Source(data=np.tile(np.array(arrivals, np.int32)[:, np.newaxis], STEPS)).s_out.connect(port)
    found = run_guarded(neurons, RunSteps(num_steps=STEPS), RegisteredSimCfg(), TIMEOUT_S, neurons.v.get)
    leak, expected = 42, [0, 0]  # 2**22 / 1e5
    for _ in range(STEPS):
        up, down = expected
        expected = [up * (2**22 - leak) // 2**22 + (2**31 - 1) * leak // 2**22,
                    -(-down * (2**22 - leak) // 2**22) - 2**31 * leak // 2**22]  # fmt: skip
    assert found is not None
    assert found.astype(int).tolist() == expected
    assert 19 << 16 < expected[0] < 20 << 16


def test_weights_under_the_largest_updates() -> None:
    """Learning rates of w_max per spike: weights go to their ends and stay, never around them."""
    p = NetworkParameters(n_inputs=2, n_neurons=2, mu_pre=1.0, mu_post=1.0)
    synapses = PlasticSynapses(p, [[255, 1], [0, 254]])
    pre = np.zeros((2, STEPS), np.int32)
    pre[0] = 1
    post = np.zeros((2, STEPS), np.int32)
    post[0, :2] = 1  # fires, then only inputs do: depression takes over
    post[1] = 1  # fires with every input spike
    Source(data=pre).s_out.connect(synapses.s_in)
    Source(data=post).s_out.connect(synapses.s_post_in)
    weights = run_guarded(synapses, RunSteps(num_steps=STEPS), RegisteredSimCfg(), TIMEOUT_S, synapses.weights.get)
    assert weights is not None
    assert weights[:, 0].tolist() == [0, 0]
    assert weights[0, 1] in (254, 255)  # in each step depressed to almost 0, then potentiated to the end
    assert weights[1, 1] == 254


@pytest.mark.parametrize("tau_m_ms", [1.0, 1e4])  # the drive's own end is to be seen in the second only
def test_both_engines_saturate_alike(tau_m_ms: float) -> None:
    p = network(
        9, seed=8, steps=40, gain_exc=1000.0, gain_inh=1000.0, tau_ge_ms=1e4, tau_gi_ms=1e4, tau_m_ms=tau_m_ms,
        theta_plus_mv=120.0, mu_pre=1.0, mu_post=1.0, column_sum=64.0, max_rate_hz=1000.0, total_pixels=64.0,
        init_weight_max=1.0, refractory_steps=0, e_exc_mv=127.0, v_th_mv=-59.9, v_rest_mv=-60.0,
    )  # fmt: skip
    state = initial_state(p)
    images, control = samples(p, [PHASE_TRAIN] * 5)
    control[:, 2:5] = 2**32 - 1, 2**32 - 1, POTENTIAL_MAX
    fused = run_fused(p, state, images, control)
    assert_equal(run_graph(p, state, images, control), fused)
    assert fused.state.theta.max() > POTENTIAL_MAX * 0.9
    assert fused.state.weights.max() == 255
    assert fused.state.theta.min() >= 0
