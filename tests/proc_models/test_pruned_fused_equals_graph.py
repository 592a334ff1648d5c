"""The fused engine and the graph, bit for bit, with soft, neuron, post-training and regrowing events in the window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.energy.counts import INFERENCE_ROW, TRAINING_ROW, counter_index
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import BATCH_ENDS, PHASE_LABEL, PHASE_TEST, PHASE_TRAIN
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.registry import method_from_settings
from lavaprune.pruning.rescaling import RESCALINGS

sys.path.append(str(Path(__file__).parent / "toys"))

from graph_toys import Run, assert_equal, network, run_fused, run_graph, samples

N = 10
P = network(N, seed=5, steps=40, gain_exc=15.0)  # lively, so that slow traces are alive at spikes
PHASES = [PHASE_TRAIN] * 10 + [PHASE_LABEL, PHASE_TEST]


def count(run: Run, name: str, row: int = TRAINING_ROW) -> int:
    return int(run.state.counters[row, counter_index(name)])


def both(method: PruningMethod | None, events: dict[int, int], n_events: int = 1) -> Run:
    """Twelve images, ten of them learned, on both engines."""
    images, control = samples(P, PHASES, events=events)
    fused = run_fused(P, initial_state(P), images, control, method, n_events)
    assert_equal(run_graph(P, initial_state(P), images, control, method, n_events=n_events), fused)
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
    method = method_from_settings("neuron", strategy=strategy, neurons_removed=3, spike_threshold=0.4, start=3, batch=3)
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


def test_contrast_with_redundant_neurons() -> None:
    """Four events: half of the redundant neurons goes at each of the first two, and the aim is reached at the last."""
    method = method_from_settings("contrast", connectivity=0.15, redundant=0.4)
    events = {2: 1, 4: 2, 6: 3, 9: 4}
    images, control = samples(P, PHASES, events=events)
    first = run_fused(P, initial_state(P), images[:3], control[:3], method, 4).state
    assert first.conducts.any(axis=0).sum() == N - 2
    assert first.connectivity <= 0.15**0.5
    run = both(method, events, 4)
    lives = run.state.conducts.any(axis=0)
    assert 1 < lives.sum() <= N - 4
    assert 0.14 < run.state.connectivity <= 0.15
    start = initial_state(P).column_targets
    assert (run.state.column_targets != start)[lives].all()
    assert (run.state.column_targets > 0).all()
    assert run.spikes[-2:].any()
    assert count(run, "controller_operations") > 4 * 2 * P.n_inputs * N


@pytest.mark.parametrize("name", ["constant", "soft"])
@pytest.mark.parametrize("rule", RESCALINGS)
def test_rules_for_what_remains(rule: str, name: str) -> None:
    events = {3: 1, 6: 2}
    run = both(method_from_settings(name, threshold=0.1, rescale=rule), events)
    start = initial_state(P).column_targets
    found = run.state.column_targets
    if rule == "none":
        assert found.tolist() == start.tolist()
    elif rule == "drive":
        assert (found != start).any()
    else:  # what was frozen is taken off the sum, what was removed is not
        assert (found < start).any() == (name == "soft")
        assert (found <= start).all()
    images, control = samples(P, PHASES, events=events)
    sums = []
    for rescale in ("none", rule):
        method = method_from_settings(name, threshold=0.1, rescale=rescale)
        at_event = run_fused(P, initial_state(P), images[:4], control[:4], method).state
        sums.append(at_event.weights.sum(axis=0, dtype=np.int64))
    # where nothing is removed, the drive is there: the target becomes the sum that is left to learn
    assert (sums[0] == sums[1]).all() == (rule == "none" or (rule, name) == ("drive", "soft"))


def test_gain_at_the_last_event() -> None:
    """Twice the targets that would have been, of the neurons that have weights; unchanged at earlier events."""
    events = {3: 1, 6: 2}
    images, control = samples(P, PHASES, events=events)
    single, unfinished = (
        run_fused(
            P, initial_state(P), images, control, method_from_settings("constant", threshold=0.1, gain=gain), n
        ).state
        for gain, n in ((1, 2), (2, 3))
    )
    doubled = both(method_from_settings("constant", threshold=0.1, gain=2), events, n_events=2).state
    scaled = single.conducts.any(axis=0)
    assert scaled.any()
    assert (doubled.column_targets[scaled] == 2 * single.column_targets[scaled]).all()
    assert (unfinished.column_targets == single.column_targets).all()
    assert (unfinished.weights == single.weights).all()


@pytest.mark.parametrize("missing", ["targets", "conducts"])
def test_answers_of_the_controller_that_do_not_arrive(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without new targets a graph is pruned and not rescaled; without masks neither, whatever targets arrive."""
    images, control = samples(P, PHASES, events={3: 1, 6: 2})

    def connect(self: PruningController, network: Any) -> None:
        network.prune_trigger_out.connect(self.trigger_in)
        network.prune_counts_out.connect(self.counts_in)
        network.prune_weights_out.connect(self.weights_in)
        self.plastic_out.connect(network.prune_plastic_in)
        if missing == "targets":
            self.conducts_out.connect(network.prune_conducts_in)
        else:
            self.targets_out.connect(network.prune_targets_in)

    monkeypatch.setattr(PruningController, "connect_network", connect)
    method = method_from_settings("constant", threshold=0.1)
    graph = run_graph(P, initial_state(P), images, control, method)
    rescale_nothing = method_from_settings("constant", threshold=0.1, rescale="none")
    fused = run_fused(P, initial_state(P), images, control, rescale_nothing if missing == "targets" else None)
    fused.state.counters[TRAINING_ROW, counter_index("controller_operations")] = 0  # its port is not connected
    assert_equal(graph, fused)


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
