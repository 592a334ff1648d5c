"""The pruning controller in a running Lava graph, against a network that only plays back what it is given."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.lif.process import LIF

from lavaprune.errors import RunError
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod, decide
from lavaprune.pruning.registry import method_from_settings
from lavaprune.pruning.rescaling import KEEP, RESCALINGS, column_targets
from lavaprune.runtime.watchdog import run_guarded

# A folder of its own: Lava executes every file beside a Process's.
sys.path.append(str(Path(__file__).parent / "toys"))

from pruning_toys import N_INPUTS, N_NEURONS, ToyNetwork

STEPS = 9
TIMEOUT_S = 60.0


def script(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nine steps with events 0, 1, 2 in steps 2, 3 and 7 (counted from 0)."""
    rng = np.random.default_rng(seed)
    triggers = np.array([0, 0, 1, 2, 0, 0, 0, 3, 0])
    counts = rng.integers(0, 120, (STEPS, N_NEURONS))
    weights = rng.integers(0, 120, (STEPS, N_INPUTS, N_NEURONS)).astype(np.uint8)
    return triggers, counts, weights


def run(process: AbstractProcess, read: Callable[[], Any], tag_: str = "fixed_pt", steps: int = STEPS) -> Any:
    return run_guarded(process, RunSteps(num_steps=steps), Loihi2SimCfg(select_tag=tag_), TIMEOUT_S, read)


def connect(network: ToyNetwork, controller: PruningController, with_targets: bool = True) -> None:
    network.trigger_out.connect(controller.trigger_in)
    network.counts_out.connect(controller.counts_in)
    network.weights_out.connect(controller.weights_in)
    controller.conducts_out.connect(network.conducts_in)
    controller.plastic_out.connect(network.plastic_in)
    if with_targets:
        controller.targets_out.connect(network.targets_in)
    controller.ops_out.connect(network.ops_in)


def expected_answers(
    method: PruningMethod, conducts: Mask, plastic: Mask, seed: int = 0
) -> dict[int, tuple[Mask, Mask, int]]:
    """What `pruning/` decides without Lava, by step."""
    answers: dict[int, tuple[Mask, Mask, int]] = {}
    applied = np.ones((N_INPUTS, N_NEURONS), dtype=np.uint8)
    for step, (trigger, counts, weights) in enumerate(zip(*script(seed), strict=True)):
        if trigger:
            event = PruningEvent(trigger - 1, counts, weights * applied, conducts, plastic)
            conducts, plastic, operations = decide(method, event)
            answers[step] = (conducts, plastic, operations)
            applied = conducts
    return answers


@pytest.mark.parametrize("tag_", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("resumed", [False, True])
def test_answers_are_those_of_the_pruning_layer(tag_: str, resumed: bool) -> None:
    method = method_from_settings("aptn", threshold=0.1, factor_time=1.3, factor_neurons=1.15, spike_interval=30)
    conducts = np.ones((N_INPUTS, N_NEURONS), dtype=np.uint8)
    if resumed:
        conducts[::2, 1] = 0
    plastic = conducts.copy()
    if resumed:
        plastic[1, :] = 0
    network = ToyNetwork(*script())
    controller = PruningController(N_INPUTS, N_NEURONS, method, conducts, plastic)
    connect(network, controller)

    def read() -> tuple[np.ndarray, ...]:
        variables = (network.seen_conducts, network.seen_plastic, network.seen_ops)
        return tuple(var.get() for var in (*variables, controller.conducts, controller.plastic, controller.operations))

    seen_conducts, seen_plastic, seen_ops, held_conducts, held_plastic, operations = run(network, read, tag_)
    answers = expected_answers(method, conducts, plastic)
    for step in range(STEPS):
        if step in answers:
            assert np.array_equal(seen_conducts[step], answers[step][0])
            assert np.array_equal(seen_plastic[step], answers[step][1])
            assert seen_ops[step] == answers[step][2]
        else:
            assert np.all(seen_conducts[step] == -1)
            assert np.all(seen_plastic[step] == -1)
            assert seen_ops[step] == -1
    last = answers[max(answers)]
    assert 0 < last[0].sum() < conducts.sum()  # something was pruned, and something is left
    assert np.array_equal(held_conducts, last[0])
    assert np.array_equal(held_plastic, last[1])
    assert operations.tolist() == [sum(answer[2] for answer in answers.values())]


@pytest.mark.parametrize("rule", RESCALINGS)
@pytest.mark.parametrize("connected", [True, False])
def test_targets(rule: str, connected: bool) -> None:
    """They go from event to event; a network that does not listen gets the same masks, and zeros for targets."""
    method = method_from_settings("constant", threshold=0.2, rescale=rule)
    network = ToyNetwork(*script())
    start = np.array([0, 200, 300, 400])
    controller = PruningController(N_INPUTS, N_NEURONS, method, column_targets=start)
    connect(network, controller, connected)
    seen, masks, held = run(
        network, lambda: (network.seen_targets.get(), network.seen_conducts.get(), controller.column_targets.get())
    )
    targets, conducts = start, np.ones((N_INPUTS, N_NEURONS), np.uint8)
    triggers, counts, weights = script()
    for step in range(STEPS):
        if not triggers[step]:
            assert seen[step].tolist() == [-9] * N_NEURONS
            continue
        event = PruningEvent(triggers[step] - 1, counts[step], weights[step] * conducts, conducts, conducts)
        conducts, plastic, _ = decide(method, event)
        new = column_targets(rule, event, conducts, plastic, targets)
        targets = np.where(new == KEEP, targets, new)
        assert new[0] == KEEP  # not normalised
        assert (new == KEEP).all() == (rule == "none")
        assert seen[step].tolist() == (new.tolist() if connected else [0] * N_NEURONS)
        assert np.array_equal(masks[step], conducts)
    assert held.tolist() == targets.tolist()
    assert (held != start).any() == (rule == "drive")


class FreezesTheStrong(PruningMethod):
    """A soft method of a user's own: strong synapses conduct on but learn no more."""

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        return event.conducts, event.plastic & (event.weights < 60)


def test_a_users_method_with_two_different_masks() -> None:
    network = ToyNetwork(*script(3))
    controller = PruningController(N_INPUTS, N_NEURONS, FreezesTheStrong())
    connect(network, controller)
    held = run(network, lambda: (controller.conducts.get(), controller.plastic.get(), controller.operations.get()))
    weights = script(3)[2][[2, 3, 7]]
    assert np.all(held[0] == 1)
    assert np.array_equal(held[1], np.all(weights < 60, axis=0))
    assert held[2].tolist() == [3 * 2 * N_INPUTS * N_NEURONS]


class RemovesAtTheLastEvent(PruningMethod):
    """Removes input k at event k, and everything at the last."""

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        removed = np.zeros(event.weights.shape, np.bool_)
        removed[: N_INPUTS if event.k == event.n_events - 1 else event.k + 1] = True
        return event.without(removed)


def test_a_method_knows_how_many_events_there_are() -> None:
    for n_events, left in ((1, 0), (3, 0), (4, N_INPUTS - 3)):
        network = ToyNetwork(*script())
        controller = PruningController(N_INPUTS, N_NEURONS, RemovesAtTheLastEvent(), n_events=n_events)
        connect(network, controller)
        assert run(network, controller.conducts.get).sum() == left * N_NEURONS


def test_nothing_connected() -> None:
    controller = PruningController(N_INPUTS, N_NEURONS, method_from_settings("constant", threshold=1.0))
    conducts, operations = run(controller, lambda: (controller.conducts.get(), controller.operations.get()))
    assert np.all(conducts == 1)
    assert operations.tolist() == [0]


@pytest.mark.parametrize("missing", ["counts_in", "weights_in"])
def test_without_counts_or_weights_the_masks_stay(missing: str) -> None:
    network = ToyNetwork(*script())
    plastic = np.eye(N_INPUTS, N_NEURONS, dtype=np.uint8)
    method = method_from_settings("constant", threshold=1.0)
    controller = PruningController(N_INPUTS, N_NEURONS, method, plastic=plastic)
    network.trigger_out.connect(controller.trigger_in)
    if missing != "counts_in":
        network.counts_out.connect(controller.counts_in)
    if missing != "weights_in":
        network.weights_out.connect(controller.weights_in)
    controller.conducts_out.connect(network.conducts_in)
    controller.plastic_out.connect(network.plastic_in)
    controller.ops_out.connect(network.ops_in)
    conducts, learns, ops = run(
        network, lambda: (network.seen_conducts.get(), network.seen_plastic.get(), network.seen_ops.get())
    )
    events = [2, 3, 7]
    assert np.all(conducts[events] == 1)
    assert np.all(learns[events] == plastic)
    assert np.all(ops[events] == 0)


def test_answers_that_nobody_listens_to() -> None:
    network = ToyNetwork(*script(), listens=False)
    method = method_from_settings("apt")
    controller = PruningController(N_INPUTS, N_NEURONS, method)
    network.trigger_out.connect(controller.trigger_in)
    network.counts_out.connect(controller.counts_in)
    network.weights_out.connect(controller.weights_in)
    operations = run(network, controller.operations.get)
    assert operations.tolist() == [3 * 2 * N_INPUTS * N_NEURONS]


def test_pruning_everything_is_said_once_and_the_run_completes(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log.txt")
    logging.getLogger("lavaprune.pruning").addHandler(handler)  # actors are forks and inherit it
    network = ToyNetwork(*script())  # no weight reaches 255
    controller = PruningController(N_INPUTS, N_NEURONS, method_from_settings("constant", threshold=1.0))
    connect(network, controller)
    try:
        assert not run(network, controller.conducts.get).any()
    finally:
        logging.getLogger("lavaprune.pruning").removeHandler(handler)
        handler.close()
    assert (tmp_path / "log.txt").read_text() == "pruning event 0 removed every synapse that was left\n"


class Regrows(PruningMethod):
    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        everything = np.ones_like(event.conducts)
        return everything, everything


def test_a_method_that_breaks_its_contract_ends_the_run() -> None:
    network = ToyNetwork(*script())
    controller = PruningController(N_INPUTS, N_NEURONS, Regrows(), np.eye(N_INPUTS, N_NEURONS, dtype=np.uint8))
    connect(network, controller)
    with pytest.raises(RunError, match="Regrows: 20 synapses conduct again after they were removed at event 0"):
        run(network, controller.conducts.get)


def test_a_negative_trigger_ends_the_run() -> None:
    triggers, counts, weights = script()
    network = ToyNetwork(-triggers, counts, weights)
    controller = PruningController(N_INPUTS, N_NEURONS, method_from_settings("apt"))
    connect(network, controller)
    with pytest.raises(RunError, match="pruning controller: trigger is -1; allowed: 0, or 1"):
        run(network, controller.conducts.get)


def test_with_a_stock_neuron_in_the_graph() -> None:
    # Without leak, v grows by the bias in every step, so the neurons fire at different rates: their spikes are the
    # counts that make the groups.
    triggers, _, weights = script()
    triggers = np.where(np.arange(STEPS) == STEPS - 1, 1, 0)
    network = ToyNetwork(triggers, np.zeros((STEPS, N_NEURONS), dtype=np.int64), weights)
    neurons = LIF(shape=(N_NEURONS,), du=0, dv=0, bias_mant=np.array([1, 2, 3, 5]) * 64, vth=5)
    method = method_from_settings("apn", threshold=0.1, factor_neurons=1.5, spike_interval=1)
    controller = PruningController(N_INPUTS, N_NEURONS, method)
    connect(network, controller)
    neurons.s_out.connect(network.s_in)
    spikes, conducts = run(network, lambda: (network.spikes.get(), network.seen_conducts.get()[-1]))
    assert len(set(spikes.tolist())) > 1
    ones = np.ones((N_INPUTS, N_NEURONS), dtype=np.uint8)
    event = PruningEvent(0, spikes.astype(np.int64), weights[-1], ones, ones)
    assert np.array_equal(conducts, decide(method, event)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_inputs": 0}, r"PruningController: n_inputs is 0; allowed: an integer 1 \.\. 65536"),
        ({"n_neurons": 2.0}, "n_neurons is 2.0"),
        ({"w_max": 256}, "w_max is 256; allowed: an integer 1 .. 255"),
        ({"n_events": 0}, r"n_events is 0; allowed: an integer 1 \.\. 1000000000"),
        ({"column_targets": -1}, r"column_targets\[0\] is -1; allowed: integers 0 .. 16711680"),
        ({"method": "aptn"}, "method is 'aptn'; allowed: a PruningMethod"),
        ({"conducts": 2}, r"conducts\[0, 0\] is 2; allowed: integers 0 .. 1"),
        ({"plastic": np.ones((N_NEURONS, N_INPUTS))}, r"plastic has shape \(4, 6\); allowed: \(6, 4\)"),
        ({"conducts": 0, "plastic": 1}, r"plastic\[0, 0\] is 1 where conducts is 0; allowed: 0"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    good = {"n_inputs": N_INPUTS, "n_neurons": N_NEURONS, "method": method_from_settings("none")}
    with pytest.raises(ValueError, match=message):
        PruningController(**{**good, **arguments})
