"""Small networks and digits for tests of the graph, and what a run of the graph leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer
from sklearn.datasets import load_digits

from lavaprune.energy.counts import COUNTER_NAMES, TRAINING_ROW, counter_index
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.quantisation import (
    quantise_depression_rate,
    quantise_potentiation_rate,
    quantise_theta_plus,
)
from lavaprune.processes.control import PHASE, PHASE_IDLE, PHASE_TRAIN, PRUNE_EVENT, SAMPLE_ID
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.run_config import RegisteredSimCfg
from lavaprune.processes.state import NetworkState
from lavaprune.processes.winner_take_all import WinnerTakeAll
from lavaprune.pruning.method import PruningEvent, PruningMethod, decide
from lavaprune.pruning.rescaling import targets_after
from lavaprune.runtime.watchdog import run_guarded

N_INPUTS = 64
TIMEOUT_S = 120.0


def network(n_neurons: int, **settings: Any) -> NetworkParameters:
    """A network that fires, learns, saturates and adapts within some tens of steps of 8x8 digits."""
    lively: dict[str, Any] = {
        "steps": 60,
        "total_pixels": 20.0,
        "column_sum": 8.0,
        "gain_exc": 6.0,
        "theta_init_mv": 2.0,
        "theta_plus_mv": 0.5,
        "tau_theta_ms": 1e3,
        "mu_pre": 0.01,
        "mu_post": 0.1,
    }
    return NetworkParameters(n_inputs=N_INPUTS, n_neurons=n_neurons, **{**lively, **settings})


@lru_cache(maxsize=1)
def digits() -> np.ndarray:
    """The digits of scikit-learn, (1797, 64) uint8, 0..255."""
    return np.minimum(load_digits().images.reshape(-1, N_INPUTS) * 16, 255).astype(np.uint8)


def samples(
    p: NetworkParameters, phases: list[int], first: int = 0, events: dict[int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Digits and control rows for these phases; learning rates fall from row to row; ``events`` maps rows to 1 + k."""
    images = digits()[first : first + len(phases)].copy()
    control = np.zeros((len(phases), 6), np.int64)
    for k, phase in enumerate(phases):
        control[k] = (
            first + k,
            phase,
            quantise_depression_rate(p.mu_pre) // (k + 1),
            quantise_potentiation_rate(p.mu_post) // (k + 1),
            quantise_theta_plus(p.theta_plus_mv) * 8 // (k + 8),
            (events or {}).get(k, 0),
        )
    return images, control


def n_steps(p: NetworkParameters, control: np.ndarray) -> int:
    """Lava steps that the graph takes for these rows."""
    return sum(1 if phase == PHASE_IDLE else p.steps for phase in control[:, PHASE].tolist())


@dataclass
class Run:
    """The end of a run: the state, and the spikes of all samples that were not idle, (K, T, N)."""

    state: NetworkState
    spikes: np.ndarray


def run_graph(
    p: NetworkParameters,
    state: NetworkState,
    images: np.ndarray,
    control: np.ndarray,
    method: PruningMethod | None = None,
    is_plain: bool = False,
    n_events: int = 1,
) -> Run:
    """The graph on Lava, samples in memory, spikes through a stock sink and the state through Vars."""
    graph = WinnerTakeAll(p, state, images, control, method, n_events=n_events)
    steps = n_steps(p, control)
    sink = RingBuffer(shape=(p.n_neurons,), buffer=steps)
    graph.s_out.connect(sink.a_in)

    def read() -> Run:
        def get(var: Any, dtype: type) -> np.ndarray:
            return var.get().astype(dtype)

        end = NetworkState(
            get(graph.weights, np.uint8),
            get(graph.conducts, np.uint8),
            get(graph.plastic, np.uint8),
            get(graph.theta, np.int32),
            get(graph.batch_counts, np.int64),
            get(graph.column_targets, np.int64),
            graph.read_counters(),
        )
        raster = sink.data.get().T.astype(np.uint8)
        phases = control[:, PHASE].tolist()
        parts = np.split(raster, np.cumsum([1 if phase == PHASE_IDLE else p.steps for phase in phases])[:-1])
        return Run(end, np.array([part for part, phase in zip(parts, phases, strict=True) if phase != PHASE_IDLE]))

    config = (Loihi2SimCfg if is_plain else RegisteredSimCfg)(select_tag="fixed_pt")
    run = run_guarded(graph, RunSteps(num_steps=steps), config, TIMEOUT_S, read)
    assert run is not None
    return run


def run_fused(
    p: NetworkParameters,
    state: NetworkState,
    images: np.ndarray,
    control: np.ndarray,
    method: PruningMethod | None = None,
    n_events: int = 1,
) -> Run:
    """The fused kernels without Lava; pruning events as `FusedNetwork` and its controller do them."""
    engine = FusedEngine(p, state)
    spikes = []
    for k in range(len(control)):
        _, recording = engine.run(images[k : k + 1], control[k : k + 1], record=True)
        assert recording is not None
        if control[k, PHASE] != PHASE_IDLE:
            spikes.append(recording.exc[0])
        if control[k, PRUNE_EVENT] > 0 and control[k, PHASE] == PHASE_TRAIN:
            if method is not None:
                s = engine.state()
                event = PruningEvent(
                    int(control[k, PRUNE_EVENT]) - 1, s.batch_counts, s.weights, s.conducts, s.plastic,
                    n_events=n_events,
                )  # fmt: skip
                conducts, plastic, operations = decide(method, event)
                targets = targets_after(method, event, conducts, plastic, engine.column_targets)
                engine.set_masks(conducts, plastic)
                engine.rescale(targets, int(control[k, SAMPLE_ID]))
                engine.counters[TRAINING_ROW, counter_index("controller_operations")] += operations
            engine.batch_counts[:] = 0
    return Run(engine.state(), np.array(spikes))


def assert_equal(graph: Run, fused: Run) -> None:
    """To the bit: every spike in its step, weights, masks, theta, counts of the batch, every counter."""
    np.testing.assert_array_equal(graph.spikes, fused.spikes, "spikes")
    for name in ("weights", "conducts", "plastic", "theta", "batch_counts", "column_targets"):
        np.testing.assert_array_equal(getattr(graph.state, name), getattr(fused.state, name), name)
    for k, name in enumerate(COUNTER_NAMES):
        assert graph.state.counters[:, k].tolist() == fused.state.counters[:, k].tolist(), name
