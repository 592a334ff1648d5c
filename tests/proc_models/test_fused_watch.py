"""Neurons that are only watched: whatever is watched, followed or stepped with all others, results are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.energy.counts import COUNTER_NAMES
from lavaprune.proc_models.fixed_point import add_conductance, decay_conductance, integrate_membrane
from lavaprune.proc_models.fused_engine import FusedEngine, constants
from lavaprune.proc_models.fused_layout import LANES, ROWS
from lavaprune.proc_models.fused_watch import (
    B_ERROR,
    B_INHIBITION,
    B_LOST_MOST,
    B_SILENT,
    MOST_ARRIVALS,
    N_BOUND,
    accumulate_16,
    can_watch,
    must_be_followed,
    reset_watch,
    step_bound,
    watch_clamped,
    watch_constants,
    watch_free,
    watch_inhibited,
)
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.proc_models.quantisation import quantise
from lavaprune.processes.control import (
    CONTROL_COLUMNS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_TEST,
    PHASE_TRAIN,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.processes.parameters import PARAMETER_RANGES, NetworkParameters
from lavaprune.processes.state import NetworkState

N_INPUTS, N_NEURONS, N_SAMPLES = 49, 45, 6
NETWORKS: dict[str, dict[str, Any]] = {
    "interneurons": {},
    "direct": {"inhibition": "direct", "gain_inh": 40.0},
    "strong inhibition": {"gain_inh": 600.0, "refractory_steps": 3},
    "no inhibition": {"gain_inh": 0.0},
    "quick membranes": {"tau_m_ms": 3.0, "gain_exc": 12.0, "inhibition": "direct"},
    "slow membranes": {"tau_m_ms": 400.0},
    "slow synapses": {"tau_ge_ms": 40.0, "tau_gi_ms": 60.0, "gain_exc": 0.5},
    "silent": {"gain_exc": 0.02},
    "weak synapses": {"gain_exc": 1e-4, "theta_init_mv": 0.0},
    "strong synapses": {"gain_exc": 800.0},
    "many inputs at once": {"max_rate_hz": 900.0},
}


def network(**changes: Any) -> NetworkParameters:
    """A network in which few neurons spike, some often."""
    values: dict[str, Any] = {
        "n_inputs": N_INPUTS, "n_neurons": N_NEURONS, "seed": 4, "steps": 120, "gain_exc": 4.0, "gain_inh": 60.0,
        "theta_init_mv": 6.0, "theta_plus_mv": 0.5, "column_sum": 6.0, "total_pixels": 8.0, "max_rate_hz": 100.0,
        "mu_pre": 2e-3, "mu_post": 0.05,
    }  # fmt: skip
    return NetworkParameters(**{**values, **changes})


def samples(n: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (n, N_INPUTS), dtype=np.uint8) * (random.random((n, N_INPUTS)) < 0.5)
    control = np.zeros((n, CONTROL_COLUMNS), np.int64)
    control[:, SAMPLE_ID] = np.arange(n)
    control[:, PHASE] = np.where(np.arange(n) % 3 == 2, PHASE_TEST, PHASE_TRAIN)
    control[:, MU_PRE_Q], control[:, MU_POST_Q], control[:, THETA_PLUS_Q] = 60_000, 10_000, 20_000
    return images.astype(np.uint8), control


def with_masks(state: NetworkState) -> NetworkState:
    """One synapse in eight left, some frozen; a neuron and inputs without any, one with a single one."""
    random = np.random.default_rng(8)
    state.conducts[:] = random.random(state.conducts.shape) < 0.125
    state.conducts[:, 3:5] = 0
    state.conducts[20:23] = 0
    state.conducts[7, 4] = 1
    state.plastic[:] = state.conducts * (random.random(state.plastic.shape) < 0.8)
    state.weights[:] = np.minimum(5 * state.weights.astype(int), 255) * state.conducts
    return state


@pytest.mark.parametrize("is_masked", [False, True], ids=["full", "masked"])
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_watched_cannot_be_seen(name: str, is_masked: bool) -> None:
    p = network(**NETWORKS[name])
    images, control = samples(N_SAMPLES)
    runs = []
    for most_followed in (-1, 0, 2, 5, N_NEURONS):
        engine = FusedEngine(p, with_masks(initial_state(p)) if is_masked else initial_state(p))
        engine.most_followed = most_followed
        counts, recording = engine.run(images, control, record=True)
        assert recording is not None
        state = engine.state()
        runs.append((counts, recording.exc, recording.inh, recording.inputs, state.weights, state.theta))
        runs[-1] += (dict(zip(COUNTER_NAMES, state.counters.T.tolist(), strict=True)),)
    for run in runs[1:]:
        assert run[-1] == runs[0][-1]
        for found, expected in zip(run[:-1], runs[0][:-1], strict=True):
            np.testing.assert_array_equal(found, expected)


def test_rescaled_weights_are_seen_by_those_who_watch() -> None:
    """Also where neurons have lost all synapses and those that are watched are the others."""
    p = network()
    images, control = samples(N_SAMPLES)
    targets = np.where(np.arange(N_NEURONS) % 2 == 0, 2500, -1)
    states = []
    for most_followed in (-1, N_NEURONS):
        engine = FusedEngine(p, with_masks(initial_state(p)))
        engine.most_followed = most_followed
        engine.run(images[:3], control[:3])
        before = engine.weights
        conducts = engine.state().conducts
        conducts[:, 10:15] = 0
        engine.set_masks(conducts, conducts * engine.state().plastic)
        engine.rescale(targets, 2)
        assert (engine.weights > before).any()
        engine.run(images[3:], control[3:])
        states.append(engine.state())
    for name in ("weights", "theta", "counters"):
        np.testing.assert_array_equal(getattr(states[0], name), getattr(states[1], name))


def test_these_networks_do_different_things() -> None:
    """Or the comparison would show little: some spike, some do not, and some neurons are inactive for long."""
    spikes, inactive = {}, {}
    for name, changes in NETWORKS.items():
        p = network(**changes)
        engine = FusedEngine(p, with_masks(initial_state(p)))
        counts, _ = engine.run(*samples(N_SAMPLES))
        spikes[name] = counts.sum()
        inactive[name] = engine.counters[:, COUNTER_NAMES.index("exc_updates_inactive")].sum()
    assert spikes["silent"] == 0
    assert min(spikes[name] for name in ("interneurons", "direct", "strong inhibition", "strong synapses")) > 5
    assert max(inactive.values()) > 5 * min(inactive.values())


# --- the bound on the error -----------------------------------------------------------------------------------------


@st.composite
def parameters(draw: st.DrawFn) -> NetworkParameters:
    """Networks from the whole of the ranges."""
    values = {}
    for name in ("tau_m_ms", "tau_ge_ms", "tau_gi_ms", "gain_exc", "gain_inh"):
        low, high = PARAMETER_RANGES[name]
        middle = getattr(network(), name)
        values[name] = draw(st.one_of(st.sampled_from([low, middle, high]), st.floats(middle / 4, middle * 4)))
    possible = [(-100.0, -60.0, -50.0, 0.0), (-127.0, -126.0, 126.0, 127.0), (-70.0, -1.0, 0.0, 40.0)]
    levels = draw(st.sampled_from(possible))
    values |= dict(zip(("e_inh_mv", "v_rest_mv", "v_th_mv", "e_exc_mv"), levels, strict=True))
    return NetworkParameters(n_inputs=1, n_neurons=1, steps=150, inh_v_th_mv=levels[2], **values)


@settings(max_examples=150, deadline=None)
@given(p=parameters(), seed=st.integers(0, 2**32 - 1), load=st.sampled_from([1, 10, 100, MOST_ARRIVALS]))
def test_the_exact_membrane_is_within_the_bound(p: NetworkParameters, seed: int, load: int) -> None:
    """Watch neurons whose totals come from a few inputs in each step, and compare each step with the integers."""
    random, n, q, const = np.random.default_rng(seed), 2 * LANES, quantise(p), constants(p)
    limits = watch_constants(const)
    if not limits.usable:
        return
    u, g, limit, total = (np.zeros(n, t) for t in (np.float32, np.float32, np.float32, np.uint16))
    bound, near = np.zeros(N_BOUND), np.zeros(n, np.int32)
    thresholds = random.integers(q.v_th, q.e_exc + 10, n)
    lanes = np.arange(n, dtype=np.int32)
    reset_watch(u, g, limit, near, bound, limits, thresholds.astype(np.float64), lanes, const)
    v, g_exc, g_inh = np.full(n, q.v_rest), np.zeros(n, np.int64), np.int64(0)
    share = random.random(n)
    for _ in range(p.steps):
        n_arrived = int(random.integers(0, load + 1))
        n_lateral = int(random.choice([0, 0, 0, 0, 0, 0, 0, 1, 3]))
        if not can_watch(bound, limits, n_arrived):
            break
        total[:] = share * random.integers(0, 256, n) * n_arrived * random.integers(0, 2)
        g_exc = add_conductance(decay_conductance(g_exc, q.decay_ge_q16), total.astype(np.int64), q.gain_exc)
        g_inh = add_conductance(decay_conductance(g_inh, q.decay_gi_q16), n_lateral, q.gain_inh)
        v = integrate_membrane(v, g_exc, g_inh, q.v_rest, q.e_exc, q.e_inh, q.leak_q22)
        step_bound(bound, limits, n_arrived, n_lateral, const)
        if bound[B_ERROR] > limits.span:
            break
        step = watch_free if bound[B_INHIBITION] == 0 else watch_inhibited
        counted = (watch_clamped if bound[B_LOST_MOST] > 1 else step)(u, g, limit, total, bound, limits)
        assert bound[B_INHIBITION] == g_inh
        assert (np.abs(u.astype(np.float64) - (q.e_exc - v)) <= bound[B_ERROR]).all()
        assert (g_exc[g > bound[B_SILENT]] > 0).all()
        n_near = must_be_followed(u, g, limit, bound, limits, np.zeros(0, np.int32), 0, near)
        assert n_near == counted
        at_rest = (v == q.v_rest) & (g_exc == 0) & (g_inh == 0)
        assert set(np.flatnonzero((v > thresholds) | at_rest)) <= set(near[:n_near])


def test_the_bound_is_of_use() -> None:
    """With the settings of the presets the error stays far below a millivolt."""
    p = network(steps=350)
    const, bound = constants(p), np.zeros(N_BOUND)
    limits = watch_constants(const)
    for t in range(350):
        assert can_watch(bound, limits, 12)
        step_bound(bound, limits, 12, int(t % 40 == 39), const)
    assert limits.usable
    assert bound[B_ERROR] < 0.1 * 2**16


@given(seed=st.integers(0, 2**32 - 1), n_inputs=st.integers(0, 40), largest=st.sampled_from([0, 1, 255]))
def test_accumulate_16_sums_rows(seed: int, n_inputs: int, largest: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.integers(0, largest + 1, (41, 2 * LANES)).astype(np.uint8)
    weights[40] = 0
    bucket = np.full((2, 40 + ROWS), 40, np.int32)
    bucket[1, :n_inputs] = random.permutation(40)[:n_inputs]
    total = np.full(2 * LANES, 77, np.uint16)
    accumulate_16(weights, bucket, 1, n_inputs, total)
    assert total.tolist() == weights[bucket[1, :n_inputs]].astype(np.int64).sum(axis=0).tolist()


def test_the_most_arrivals_fit() -> None:
    weights = np.full((MOST_ARRIVALS + 1, LANES), 255, np.uint8)
    weights[-1] = 0
    bucket = np.full((1, MOST_ARRIVALS + ROWS), MOST_ARRIVALS, np.int32)
    bucket[0, :MOST_ARRIVALS] = np.arange(MOST_ARRIVALS)
    total = np.zeros(LANES, np.uint16)
    accumulate_16(weights, bucket, 0, MOST_ARRIVALS, total)
    assert total.tolist() == [255 * MOST_ARRIVALS] * LANES == [65_535] * LANES
