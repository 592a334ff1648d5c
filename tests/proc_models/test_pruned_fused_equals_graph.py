"""The fused engine and the graph, bit for bit, with soft, neuron, post-training and regrowing events in the window."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lavaprune.energy.counts import INFERENCE_ROW, TRAINING_ROW, counter_index
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import BATCH_ENDS, PHASE_LABEL, PHASE_TEST, PHASE_TRAIN
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.registry import method_from_settings

sys.path.append(str(Path(__file__).parent / "toys"))

from graph_toys import Run, assert_equal, network, run_fused, run_graph, samples

N = 10
P = network(N, seed=5, steps=40, gain_exc=15.0)  # lively, so that slow traces are alive at spikes
PHASES = [PHASE_TRAIN] * 10 + [PHASE_LABEL, PHASE_TEST]


def count(run: Run, name: str, row: int = TRAINING_ROW) -> int:
    return int(run.state.counters[row, counter_index(name)])


def both(method: PruningMethod | None, events: dict[int, int]) -> Run:
    """Twelve images, ten of them learned, on both engines."""
    images, control = samples(P, PHASES, events=events)
    fused = run_fused(P, initial_state(P), images, control, method)
    assert_equal(run_graph(P, initial_state(P), images, control, method), fused)
    assert not fused.state.weights[fused.state.conducts == 0].any()
    return fused


@pytest.fixture(scope="module")
def unpruned() -> Run:
    images, control = samples(P, PHASES)
    return run_fused(P, initial_state(P), images, control)


def test_soft(unpruned: Run) -> None:
    run = both(method_from_settings("soft", threshold=0.1), {3: 1, 6: 2, 9: 3})
    assert run.state.connectivity == 1
    assert 0.1 < run.state.plastic.mean() < 0.9
    # Frozen synapses are accumulated, whatever they weigh, and not updated; inputs depend on the seed alone.
    for row in (TRAINING_ROW, INFERENCE_ROW):
        assert count(run, "input_accumulations", row) == count(unpruned, "input_accumulations", row) > 0
    assert count(run, "depression_updates") < count(unpruned, "depression_updates")
    assert count(run, "controller_operations") == 3 * 2 * P.n_inputs * N


def test_soft_keeps_frozen_weights_at_their_value() -> None:
    images, control = samples(P, PHASES, events={3: 1})
    method = method_from_settings("soft", threshold=0.1)
    at_event = run_fused(P, initial_state(P), images[:4], control[:4], method).state
    end = run_fused(P, initial_state(P), images, control, method).state
    frozen = at_event.plastic == 0
    assert at_event.weights[frozen].any()
    assert np.array_equal(end.weights[frozen], at_event.weights[frozen])
    assert (end.weights != at_event.weights)[~frozen].any()


def test_soft_lowest_is_the_constant_method() -> None:
    events = {3: 1, 6: 2}
    assert_equal(
        both(method_from_settings("soft-lowest", threshold=0.1), events),
        both(method_from_settings("constant", threshold=0.1), events),
    )


@pytest.mark.parametrize("strategy", ["fixed", "constant", "adaptive"])
def test_neuron(strategy: str, unpruned: Run) -> None:
    method = method_from_settings(
        "neuron", strategy=strategy, neurons_removed=3, spike_threshold=0.4, start=3, batch=3
    )
    run = both(method, {0: BATCH_ENDS, 3: 1, 6: 2, 9: 3})
    lives = run.state.conducts.any(axis=0)
    assert 0 < lives.sum() < N
    assert np.array_equal(run.state.conducts, np.broadcast_to(lives, run.state.conducts.shape))
    assert not run.spikes[-2:, :, ~lives].any()  # in inference: without input, nothing fires
    assert run.spikes[-2:].any()
    accumulations = count(run, "input_accumulations", INFERENCE_ROW)
    assert accumulations * N == count(unpruned, "input_accumulations", INFERENCE_ROW) * lives.sum()


def test_post(unpruned: Run) -> None:
    run = both(method_from_settings("post", threshold=0.1), {9: 1})
    assert 0.02 < run.state.connectivity < 0.9
    assert np.array_equal(run.spikes[:10], unpruned.spikes[:10])
    for name in ("input_accumulations", "depression_updates", "potentiation_updates"):
        assert count(run, name) == count(unpruned, name)
    assert count(run, "input_accumulations", INFERENCE_ROW) < count(unpruned, "input_accumulations", INFERENCE_ROW)


def test_every_neuron_lost_every_synapse() -> None:
    run = both(method_from_settings("neuron", strategy="fixed", neurons_removed=N), {3: 1, 9: 2})
    assert run.spikes[:4].any()
    assert not run.spikes[4:].any()
    assert not run.state.conducts.any()
    assert count(run, "input_accumulations", INFERENCE_ROW) == 0


class Regrowing(PruningMethod):
    """Removes the weak synapses at even events; at odd ones every other synapse that is gone comes back."""

    regrows = True

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        if event.k % 2 == 0:
            return event.without(event.weights < 25)
        back = (event.conducts == 0) & (np.arange(event.weights.shape[0])[:, np.newaxis] % 2 == 0)
        return event.conducts | back, event.plastic | back


def test_regrown_synapses_start_at_0_and_learn() -> None:
    engine = FusedEngine(P, initial_state(P))
    none, every = np.zeros((P.n_inputs, N), np.uint8), np.ones((P.n_inputs, N), np.uint8)
    engine.set_masks(none, none)
    engine.set_masks(every, every)
    assert not engine.weights.any()
    images, control = samples(P, PHASES, events={3: 1, 5: 2})
    method = Regrowing()
    before = run_fused(P, initial_state(P), images[:4], control[:4], method).state
    after = run_fused(P, initial_state(P), images[:6], control[:6], method).state
    regrown = after.conducts > before.conducts
    assert regrown.any()
    assert not after.weights[regrown].any()
    end = both(method, {3: 1, 5: 2}).state
    assert end.weights[regrown].any()
    assert both(method, {3: 1, 5: 2, 7: 3, 9: 4}).state.connectivity > 0
