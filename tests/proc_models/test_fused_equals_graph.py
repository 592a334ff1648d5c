"""The fused engine and the graph of Lava Processes, bit for bit."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lavaprune.energy.counts import INFERENCE_ROW, TRAINING_ROW, counter_index
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import BATCH_ENDS, PHASE_IDLE, PHASE_LABEL, PHASE_TEST, PHASE_TRAIN
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.registry import method_from_settings
from lavaprune.pruning.rescaling import RESCALINGS
from lavaprune.runtime.graph_session import GraphSession
from lavaprune.runtime.watchdog import guarded

sys.path.append(str(Path(__file__).parent / "toys"))

from graph_toys import TIMEOUT_S, assert_equal, network, run_fused, run_graph, samples

ROOT = Path(__file__).resolve().parents[2]
TRAIN_20_THEN_REST = [PHASE_TRAIN] * 20 + [PHASE_LABEL, PHASE_TEST, PHASE_IDLE, PHASE_LABEL, PHASE_TRAIN]


@pytest.mark.parametrize(
    ("n_neurons", "given_settings"),
    [
        (10, {"seed": 1, "inhibition": "interneurons"}),
        (40, {"seed": 2, "inhibition": "interneurons", "steps": 50}),
        (10, {"seed": 2**63 - 1, "inhibition": "direct", "steps": 80}),
        (40, {"seed": 4, "inhibition": "direct", "gain_inh": 3.0, "refractory_steps": 0}),
        (
            7,
            {
                "inhibition": "interneurons",
                "equalise": 0.0,
                "max_rate_hz": 400.0,
                "normalise": False,
                "gain_inh": 1.0,
                "inh_refractory_steps": 0,
                "inh_gain_exc": 1000.0,
                "tau_gi_ms": 20.0,
            },
        ),
    ],
    ids=["interneurons-10", "interneurons-40", "direct-10", "direct-40", "not-normalised-7"],
)
def test_25_images_with_learning(n_neurons: int, given_settings: dict[str, Any]) -> None:
    p = network(n_neurons, **given_settings)
    state = initial_state(p)
    images, control = samples(p, TRAIN_20_THEN_REST)
    fused = run_fused(p, state, images, control)
    assert_equal(run_graph(p, state, images, control), fused)
    # the comparison is about something
    counters = fused.state.counters
    assert np.count_nonzero(fused.spikes.any(axis=1)) > 40
    assert np.mean(fused.state.weights != state.weights) > 0.1
    assert (fused.state.theta != state.theta).any()
    for name in ("depression_changed", "potentiation_changed", "lateral_accumulations", "exc_updates_inactive"):
        assert counters[TRAINING_ROW, counter_index(name)] > 0
    assert counters[INFERENCE_ROW, counter_index("input_accumulations")] > 0


class HalfSoft(PruningMethod):
    """Removes the weakest weights and freezes the rest of every other neuron; odd events also freeze an input."""

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        conducts, plastic = event.without(event.weights < 12 + 8 * event.k)
        plastic = plastic.copy()
        plastic[:, ::2] = 0
        if event.k % 2:
            plastic[30] = 0
        assert event.spike_counts.sum() > 0
        return conducts, plastic

    def operations(self, event: PruningEvent) -> int:
        return 1000 + event.k + int(event.spike_counts.sum())


@pytest.mark.parametrize("inhibition", ["interneurons", "direct"])
@pytest.mark.parametrize(
    "method",
    [HalfSoft(), method_from_settings("aptn", threshold=0.1, spike_interval=5), None],
    ids=["half-soft", "aptn", "no-method"],
)
def test_pruning_events(inhibition: str, method: PruningMethod | None) -> None:
    p = network(10, inhibition=inhibition, seed=5, steps=40)
    state = initial_state(p)
    phases = [PHASE_TRAIN] * 10 + [PHASE_LABEL, PHASE_TEST]
    # a batch without an event ends at 4, and events beside training are none
    images, control = samples(p, phases, events={3: 1, 4: BATCH_ENDS, 6: 2, 9: 3, 10: 4, 11: BATCH_ENDS})
    fused = run_fused(p, state, images, control, method)
    assert_equal(run_graph(p, state, images, control, method), fused)
    if method is not None:
        assert 0.02 < fused.state.connectivity < 0.9
        assert fused.state.counters[TRAINING_ROW, counter_index("controller_operations")] > 0
    else:
        assert fused.state.connectivity == 1
    assert fused.state.batch_counts.tolist() == [0] * 10


def test_a_run_goes_on_from_any_sample_boundary() -> None:
    """A graph built from the fused engine's state after 6 of 12 samples, masks and counters included; it prunes on."""
    p = network(12, seed=9, steps=50)
    images, control = samples(p, [PHASE_TRAIN] * 11 + [PHASE_TEST], events={4: 1, 9: 2})
    whole = run_fused(p, initial_state(p), images, control, HalfSoft())
    half = run_fused(p, initial_state(p), images[:6], control[:6], HalfSoft())
    assert half.state.connectivity < 1
    assert half.state.batch_counts.any()
    rest = run_graph(p, half.state, images[6:], control[6:], HalfSoft())
    assert rest.state.connectivity < half.state.connectivity
    rest.spikes = np.concatenate([half.spikes, rest.spikes])
    assert_equal(rest, whole)


def test_the_session_moves_the_same_through_pipes() -> None:
    """Samples in through pipes in several messages, results and state out."""
    p = network(10, seed=6, steps=40)
    state = initial_state(p)
    phases = [PHASE_TRAIN] * 15 + [PHASE_IDLE, PHASE_LABEL, PHASE_TEST] + [PHASE_TRAIN] * 2
    images, control = samples(p, phases, events={8: 1})
    first = run_fused(p, state, images[:4], control[:4], HalfSoft())
    fused = run_fused(p, state, images, control, HalfSoft())
    session = GraphSession(p, state, HalfSoft())
    found = []
    with guarded(session.process, TIMEOUT_S), session:
        counts, counters = session.run_chunk(images[:4], control[:4])
        found.append(counts)
        assert counters.tolist() == first.state.counters.tolist()
        assert_states_equal(session.fetch_state(), first.state)
        for rows, counts, later in session.present(images[4:], control[4:]):
            assert len(counts) == rows.stop - rows.start
            found.append(counts)
            counters = later
        end = session.fetch_state()
    assert counters.tolist() == fused.state.counters.tolist()
    assert_states_equal(end, fused.state)
    counts = np.concatenate(found)
    assert counts[15].tolist() == [0] * 10  # the idle row
    assert np.delete(counts, 15, axis=0).tolist() == fused.spikes.sum(axis=1).tolist()


def assert_states_equal(graph: NetworkState, fused: NetworkState) -> None:
    for name in ("weights", "conducts", "plastic", "theta", "batch_counts", "column_targets", "counters"):
        np.testing.assert_array_equal(getattr(graph, name), getattr(fused, name), name)


def test_it_runs_under_lavas_own_run_config() -> None:
    p = network(10, steps=30)
    state = initial_state(p)
    images, control = samples(p, [PHASE_TRAIN] * 3)
    assert_equal(run_graph(p, state, images, control, is_plain=True), run_fused(p, state, images, control))


def _floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, width=32)


@st.composite
def networks(draw: st.DrawFn) -> NetworkParameters:
    """Any network, silent and saturated ones included; small, since every example is a run of Lava."""
    v_rest = draw(_floats(-90, -50))
    v_th = v_rest + draw(_floats(0.5, 20))
    return NetworkParameters(
        n_inputs=64,
        n_neurons=draw(st.integers(1, 70)),
        steps=draw(st.integers(1, 60)),
        seed=draw(st.integers(0, 2**63 - 1)),
        inhibition=draw(st.sampled_from(["interneurons", "direct"])),
        tau_m_ms=draw(st.one_of(_floats(1, 200), st.sampled_from([1e3, 1e5]))),  # in slow ones the drive's end shows
        tau_ge_ms=draw(_floats(0.0625, 30)),
        tau_gi_ms=draw(_floats(0.0625, 30)),
        v_rest_mv=v_rest,
        v_th_mv=v_th,
        e_exc_mv=draw(_floats(0, 127)),
        e_inh_mv=draw(_floats(-127, -90)),
        refractory_steps=draw(st.integers(0, 10)),
        gain_exc=draw(st.one_of(_floats(0, 30), st.just(1000.0))),
        gain_inh=draw(st.one_of(_floats(0, 100), st.just(1000.0))),
        inh_tau_m_ms=draw(st.one_of(_floats(1, 50), st.sampled_from([1e3, 1e5]))),
        inh_v_th_mv=v_rest + draw(_floats(0.5, 30)),
        inh_refractory_steps=draw(st.integers(0, 10)),
        inh_gain_exc=draw(_floats(0, 1000)),
        tau_x_ms=draw(_floats(0.125, 100)),
        tau_y1_ms=draw(_floats(0.125, 100)),
        tau_y2_ms=draw(_floats(0.125, 100)),
        mu_pre=draw(_floats(0, 1)),
        mu_post=draw(_floats(0, 1)),
        theta_init_mv=draw(_floats(0, 40)),
        theta_plus_mv=draw(_floats(0, 40)),
        tau_theta_ms=draw(_floats(1, 1e6)),
        normalise=draw(st.booleans()),
        column_sum=draw(_floats(0, 80)),
        init_weight_max=draw(_floats(0, 1)),
        max_rate_hz=draw(st.one_of(_floats(0.125, 1000), st.just(1000.0))),
        total_pixels=draw(_floats(1, 64)),
        equalise=draw(_floats(0, 1)),
    )


@st.composite
def masked_states(draw: st.DrawFn, p: NetworkParameters) -> NetworkState:
    """The initial state, or one with synapses removed and frozen at random."""
    state = initial_state(p)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kept, learning = draw(st.sampled_from([(1.0, 1.0), (1.0, 0.5), (0.5, 1.0), (0.2, 0.3), (0.0, 0.0)]))
    state.conducts[:] = random.random(state.conducts.shape) < kept
    state.plastic[:] = state.conducts * (random.random(state.plastic.shape) < learning)
    state.weights *= state.conducts
    return state


def check_any_network(data: st.DataObject) -> None:
    p = data.draw(networks())
    state = data.draw(masked_states(p))
    n_samples = data.draw(st.integers(1, 4))
    phases = data.draw(st.lists(st.sampled_from([0, 1, 1, 1, 2, 3]), min_size=n_samples, max_size=n_samples))
    events = {k: data.draw(st.sampled_from([0, 0, 1, BATCH_ENDS])) for k in range(n_samples)}
    method = data.draw(st.sampled_from([None, *map(HalfSoftAnyway, RESCALINGS)]))
    images, control = samples(p, phases, data.draw(st.integers(0, 1700)), events)
    control[:, 2:5] = data.draw(st.sampled_from([control[:, 2:5], np.zeros((n_samples, 3), np.int64)]))
    fused = run_fused(p, state, images, control, method)
    graph = run_graph(p, state, images, control, method)
    if not any(phases):
        graph.spikes = fused.spikes  # nothing was presented
    assert_equal(graph, fused)


class HalfSoftAnyway(HalfSoft):
    """The same for networks that may be silent, with any rule for what remains."""

    def __init__(self, rescale: str) -> None:
        self.rescale = rescale

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        conducts, plastic = event.without(event.weights < 12)
        plastic = plastic.copy()
        plastic[:, ::2] = 0
        return conducts, plastic


# Every example is a run of Lava: no shrinking, which would take as many again.
runs_of_lava = settings(
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(runs_of_lava, max_examples=10)
@given(st.data())
def test_any_network(data: st.DataObject) -> None:
    check_any_network(data)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(runs_of_lava, max_examples=300)
@given(st.data())
def test_any_network_many_times(data: st.DataObject) -> None:
    check_any_network(data)


def test_the_graph_never_calls_the_fused_kernels() -> None:
    """No module of the graph's imports one of the fused engine's, directly or through others of proc_models."""
    folder = ROOT / "proc_models"
    imports = {}
    for file in folder.glob("*.py"):
        names = set()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
        prefix = "lavaprune.proc_models."
        imports[file.stem] = {n.removeprefix(prefix).split(".")[0] for n in names if n.startswith(prefix)}
    reached, todo = set(), ["winner_take_all"]
    todo += [n for n in imports if (ROOT / "processes" / f"{n}.py").exists() and not n.startswith("fused")]
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += [n for n in imports.get(name, ()) if n in imports]
    assert {"plastic_synapses", "fixed_point", "controlled", "poisson_encoder"} <= reached
    assert not [name for name in reached if name.startswith("fused")]
