"""The fused Process in Lava computes what its kernels compute without Lava, prunes, and fits into other graphs."""

import dataclasses

import numpy as np
import pytest
from lava.magma.core.run_conditions import RunContinuous, RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from lavaprune.energy.counts import TRAINING_ROW, counter_index
from lavaprune.errors import RunError
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import (
    CONTROL_COLUMNS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_IDLE,
    PHASE_LABEL,
    PHASE_TEST,
    PHASE_TRAIN,
    PRUNE_EVENT,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.processes.fused_network import REQUEST_NOTHING, REQUEST_STATE, REQUEST_STOP, FusedNetwork
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.pruning.method import PruningEvent, PruningMethod, decide
from lavaprune.pruning.rescaling import KEEP, column_targets
from lavaprune.runtime.watchdog import guarded

CONFIG = Loihi2SimCfg(select_tag="fixed_pt")
PARAMETERS = NetworkParameters(
    n_inputs=30, n_neurons=7, steps=60, seed=5, total_pixels=8.0, column_sum=6.0, gain_exc=20.0
)
STATE_NAMES = ("weights", "conducts", "plastic", "theta", "batch_counts", "column_targets", "counters")


class LowestQuarter(PruningMethod):
    """Removes weights below 64, and freezes those of neurons that never fired."""

    def masks(self, event: PruningEvent):
        conducts, plastic = event.without(event.weights < 64)
        return conducts, plastic * (event.spike_counts > 0).astype(np.uint8)


def samples(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and control rows of ``n`` samples in all phases, most of them training."""
    rng = np.random.default_rng(11)
    images = rng.integers(0, 256, (n, PARAMETERS.n_inputs), dtype=np.uint8)
    images[rng.random(images.shape) < 0.5] = 0
    control = np.zeros((n, CONTROL_COLUMNS), np.int64)
    control[:, SAMPLE_ID] = np.arange(n)
    control[:, PHASE] = np.resize([PHASE_TRAIN, PHASE_TRAIN, PHASE_LABEL, PHASE_IDLE, PHASE_TEST], n)
    control[:, MU_PRE_Q] = 3000
    control[:, MU_POST_Q] = 6000
    control[:, THETA_PLUS_Q] = 20_000
    return images, control


class Host:
    """The other end of the Process's pipes."""

    def __init__(self, network: FusedNetwork) -> None:
        self.network = network

    def send(self, images: np.ndarray, control: np.ndarray, request: int = REQUEST_NOTHING) -> None:
        for port, data in (
            (self.network.images_in, images),
            (self.network.control_in, control),
            (self.network.request_in, np.array([request])),
        ):
            port.external_pipe_csp_send_port.send(data)

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        ports = (self.network.counts_out, self.network.counters_out)
        counts, counters = (port.external_pipe_csp_recv_port.recv() for port in ports)
        return counts, counters

    def receive_state(self) -> list[np.ndarray]:
        return [port.external_pipe_csp_recv_port.recv() for port in self.network.state_ports]

    def stop(self) -> None:
        k = self.network.images_in.shape[0]
        idle = np.zeros((k, CONTROL_COLUMNS), np.int64)
        self.send(np.zeros(self.network.images_in.shape, np.uint8), idle, REQUEST_STOP)
        self.receive()
        self.network.wait()


def network(k: int, state=None) -> tuple[FusedNetwork, Host]:
    process = FusedNetwork(PARAMETERS, state or initial_state(PARAMETERS), samples_per_step=k)
    process.open_pipes()
    return process, Host(process)


def connect_without_targets(process: FusedNetwork, controller: PruningController) -> None:
    process.prune_trigger_out.connect(controller.trigger_in)
    process.prune_counts_out.connect(controller.counts_in)
    process.prune_weights_out.connect(controller.weights_in)
    controller.conducts_out.connect(process.prune_conducts_in)
    controller.plastic_out.connect(process.prune_plastic_in)
    controller.ops_out.connect(process.prune_ops_in)


def assert_same_state(found: list[np.ndarray], state) -> None:
    for name, array in zip(STATE_NAMES[: len(found)], found, strict=True):
        np.testing.assert_array_equal(array, getattr(state, name), err_msg=name)


@pytest.mark.parametrize("k", [1, 4, 6])
def test_computes_what_the_engine_computes(k):
    images, control = samples(12)
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    expected, _ = engine.run(images, control)
    assert expected[control[:, PHASE] == PHASE_TRAIN].sum() > 20  # it does spike
    process, host = network(k)
    counts = []
    with guarded(process):
        process.run(RunContinuous(), CONFIG)
        for begin in range(0, 12, k):
            is_last = begin + k >= 12
            rows = slice(begin, begin + k)
            host.send(images[rows], control[rows], REQUEST_STATE if is_last else REQUEST_NOTHING)
            received, counters = host.receive()
            counts.append(received)
        state = host.receive_state()
        host.stop()
    np.testing.assert_array_equal(np.concatenate(counts), expected)
    np.testing.assert_array_equal(counters, engine.counters)
    assert_same_state(state, engine.state())


def test_starts_from_any_state():
    images, control = samples(8)
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    engine.run(images[:4], control[:4])
    process, host = network(4, engine.state())
    expected, _ = engine.run(images[4:], control[4:])
    with guarded(process):
        process.run(RunContinuous(), CONFIG)
        host.send(images[4:], control[4:], REQUEST_STATE)
        counts, counters = host.receive()
        state = host.receive_state()
        host.stop()
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(counters, engine.counters)
    assert_same_state(state, engine.state())


@pytest.mark.parametrize("targets_arrive", [True, False])
def test_prunes_after_the_sample_of_the_event(targets_arrive):
    images, control = samples(10)
    control[4, PHASE] = PHASE_TRAIN
    control[4, PRUNE_EVENT] = 1
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    before, _ = engine.run(images[:5], control[:5])
    state = engine.state()
    event = PruningEvent(0, engine.batch_counts.copy(), state.weights, state.conducts, state.plastic)
    conducts, plastic, operations = decide(LowestQuarter(), event)
    assert 0 < conducts.sum() < conducts.size
    targets = column_targets("drive", event, conducts, plastic, state.column_targets)
    assert (targets != KEEP).any()
    engine.set_masks(conducts, plastic)
    if targets_arrive:
        engine.rescale(targets, int(control[4, SAMPLE_ID]))
    engine.batch_counts[:] = 0
    engine.counters[TRAINING_ROW, counter_index("controller_operations")] += operations
    after, _ = engine.run(images[5:], control[5:])

    process, host = network(5)
    controller = PruningController(30, 7, LowestQuarter(), column_targets=state.column_targets)
    if targets_arrive:
        process.connect_controller(controller)
    else:
        connect_without_targets(process, controller)
    with guarded(process):
        process.run(RunContinuous(), CONFIG)
        host.send(images[:5], control[:5])
        np.testing.assert_array_equal(host.receive()[0], before)
        host.send(images[5:], control[5:], REQUEST_STATE)
        counts, counters = host.receive()
        found = host.receive_state()
        host.stop()
    np.testing.assert_array_equal(counts, after)
    np.testing.assert_array_equal(counters, engine.counters)
    assert_same_state(found, engine.state())


def test_an_event_needs_training_and_a_controller():
    images, control = samples(5)
    control[4, PRUNE_EVENT] = 1  # a test sample
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    engine.run(images, control)
    process, host = network(5)
    with guarded(process):
        process.run(RunContinuous(), CONFIG)
        host.send(images, control, REQUEST_STATE)
        host.receive()
        state = host.receive_state()
        control[4, PHASE] = PHASE_TRAIN  # and nobody who decides
        host.send(images, control)
        host.receive()
        host.stop()
    assert_same_state(state, engine.state())


@pytest.mark.parametrize("connected", [(), ("targets",)])
def test_a_controller_whose_masks_do_not_come_back_prunes_nothing(connected):
    """Somebody only looks at what would be pruned; an InPort without a connection reads as zeros: no masks."""
    images, control = samples(5)
    control[4, PHASE] = PHASE_TRAIN
    control[4, PRUNE_EVENT] = 1
    process, host = network(5)
    start = initial_state(PARAMETERS).column_targets
    controller = PruningController(30, 7, LowestQuarter(), column_targets=start)
    process.prune_trigger_out.connect(controller.trigger_in)
    process.prune_counts_out.connect(controller.counts_in)
    process.prune_weights_out.connect(controller.weights_in)
    if connected:
        controller.targets_out.connect(process.prune_targets_in)
    with guarded(process):
        process.run(RunContinuous(), CONFIG)
        host.send(images, control, REQUEST_STATE)
        host.receive()
        weights, conducts, plastic, _, batch_counts, targets = host.receive_state()
        host.stop()
    assert conducts.all()
    assert plastic.all()
    assert weights.any()
    assert not batch_counts.any()
    assert targets.tolist() == start.tolist()


def test_an_event_before_the_last_sample_is_refused():
    images, control = samples(5)
    control[0, PRUNE_EVENT] = 1
    process, host = network(5)

    def run():
        with guarded(process):
            process.run(RunContinuous(), CONFIG)
            host.send(images, control)
            host.receive()

    with pytest.raises(RunError, match=r"FusedNetwork: pruning events in rows \[0\] .* last sample is in row \[4\]"):
        run()


def test_vars_show_the_state_and_can_be_set():
    images, control = samples(4)
    images, control = np.tile(images, (2, 1)), np.tile(control, (2, 1))
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    engine.run(images[:4], control[:4])
    process = FusedNetwork(PARAMETERS, initial_state(PARAMETERS), samples_per_step=4)
    source = Source(data=images.reshape(2, 4, 30).transpose(1, 2, 0))
    rows = Source(data=control.reshape(2, 4, CONTROL_COLUMNS).transpose(1, 2, 0))
    source.s_out.connect(process.images_in)
    rows.s_out.connect(process.control_in)
    with guarded(process):
        process.run(RunSteps(num_steps=1), CONFIG)
        for name in STATE_NAMES:
            np.testing.assert_array_equal(getattr(process, name).get(), getattr(engine.state(), name))
        theta = engine.theta + 70_000
        process.theta.set(theta)
        process.run(RunSteps(num_steps=1))
        found = [getattr(process, name).get() for name in STATE_NAMES]
    engine.theta[:] = theta
    engine.run(images[4:], control[4:])
    assert_same_state(found, engine.state())


def test_works_between_stock_processes():
    images, control = samples(12)
    expected, _ = FusedEngine(PARAMETERS, initial_state(PARAMETERS)).run(images, control)
    process = FusedNetwork(PARAMETERS, initial_state(PARAMETERS), samples_per_step=4)
    source = Source(data=images.reshape(3, 4, 30).transpose(1, 2, 0))
    rows = Source(data=control.reshape(3, 4, CONTROL_COLUMNS).transpose(1, 2, 0))
    sink = Sink(shape=process.counts_out.shape, buffer=3)
    source.s_out.connect(process.images_in)
    rows.s_out.connect(process.control_in)
    process.counts_out.connect(sink.a_in)
    with guarded(process):
        process.run(RunSteps(num_steps=3), CONFIG)
        counts = sink.data.get()
    np.testing.assert_array_equal(counts.transpose(2, 0, 1).reshape(12, 7), expected)


def test_refuses_a_state_of_another_size():
    other = initial_state(NetworkParameters(n_inputs=30, n_neurons=8))
    with pytest.raises(ValueError, match=r"FusedNetwork: weights have shape \(30, 8\); allowed: \(30, 7\)"):
        FusedNetwork(PARAMETERS, other)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("conducts", 2, r"conducts\[3, 2\] is 2; allowed: integers 0 .. 1"),
        ("plastic", 255, r"plastic\[3, 2\] is 255; allowed: integers 0 .. 1"),
        ("conducts", 0, r"weights\[3, 2\] is 9 where conducts is 0; allowed: 0"),
        ("theta", -1, r"theta\[2\] is -1; allowed: integers 0 .. 8388607"),
        ("batch_counts", -1, r"batch_counts\[2\] is -1; allowed: integers 0 .. "),
        ("column_targets", -1, r"column_targets\[2\] is -1; allowed: integers 0 .. 16711680"),
        ("column_targets", 255 * 65536 + 1, r"column_targets\[2\] is 16711681; allowed: integers 0 .. 16711680"),
        ("counters", -1, r"counters\[1, 2\] is -1; allowed: integers 0 .. "),
    ],
)
def test_refuses_a_state_out_of_range(name, value, message):
    state = initial_state(PARAMETERS)
    state.weights[3, 2] = 9
    where = {"theta": 2, "batch_counts": 2, "column_targets": 2, "counters": (1, 2)}.get(name, (3, 2))
    getattr(state, name)[where] = value
    with pytest.raises(ValueError, match="FusedNetwork: " + message):
        FusedNetwork(PARAMETERS, state)


def test_a_state_has_all_counters():
    state = initial_state(PARAMETERS)
    with pytest.raises(ValueError, match=r"network state: counters is int64\(2, 17\); allowed: int64\(2, 18\)"):
        dataclasses.replace(state, counters=state.counters[:, 1:])


@pytest.mark.parametrize("k", [0, -1, 1.5, 65537])
def test_refuses_wrong_numbers_of_samples(k):
    with pytest.raises(ValueError, match="FusedNetwork: samples_per_step is .*; allowed: an integer 1 .. 65536"):
        FusedNetwork(PARAMETERS, initial_state(PARAMETERS), samples_per_step=k)
