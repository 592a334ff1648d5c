"""Each Process alone in somebody's own graph, beside stock Processes, under Lava's own RunConfig."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF

from lavaprune.processes.conductance_lif import ConductanceLIF
from lavaprune.processes.control import PHASE_TEST, PHASE_TRAIN
from lavaprune.processes.inhibitory_lif import InhibitoryLIF
from lavaprune.processes.lateral_inhibition import LateralInhibition
from lavaprune.processes.one_to_one import OneToOne
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.processes.poisson_encoder import PoissonEncoder
from lavaprune.processes.run_config import RegisteredSimCfg
from lavaprune.processes.sequencer import Sequencer
from lavaprune.processes.spike_counter import SpikeCounter
from lavaprune.processes.winner_take_all import WinnerTakeAll
from lavaprune.runtime.watchdog import run_guarded

TIMEOUT_S = 90.0
# one input spike through a full weight fires a neuron in the step in which it arrives
EAGER = {"gain_exc": 1000.0, "theta_init_mv": 0.0, "theta_plus_mv": 0.0, "refractory_steps": 0}


def run(
    process: AbstractProcess,
    steps: int,
    read: Callable[[], Any],
    tag: str = "fixed_pt",
    config: type[Loihi2SimCfg] = Loihi2SimCfg,
) -> Any:
    return run_guarded(process, RunSteps(num_steps=steps), config(select_tag=tag), TIMEOUT_S, read)


def source(rows: list[list[int]]) -> Source:
    """A stock source that sends one row per step."""
    return Source(data=np.array(rows, np.int32).T)


def pulse(n: int, which: int, at: int, steps: int) -> Source:
    """One spike of neuron ``which`` in step ``at``, counted from 0."""
    rows = np.zeros((steps, n), np.int32)
    rows[at, which] = 1
    return source(rows.tolist())


def watch(port: Any, steps: int) -> Sink:
    """A stock sink that records a port."""
    sink = Sink(shape=port.shape, buffer=steps)
    port.connect(sink.a_in)
    return sink


def recorded(sink: Sink) -> list[list[int]]:
    """One row per step."""
    return sink.data.get().T.astype(int).tolist()


def forgetful(n: int, tag: str, vth: int, **settings: Any) -> LIF:
    """Stock neurons that keep nothing from one step to the next."""
    decay = 1.0 if tag == "floating_pt" else 4095
    return LIF(shape=(n,), du=decay, dv=decay, vth=vth, **settings)


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("make", [OneToOne, LateralInhibition])
def test_connections_take_one_step(make: type, tag: str) -> None:
    steps = 4
    connection = make(3)
    spikes = source([[0, 1, 0], [1, 0, 1], [0, 0, 0], [0, 0, 0]])
    spikes.s_out.connect(connection.s_in)
    sink = watch(connection.a_out, steps)
    found, counters = run(connection, steps, lambda: (recorded(sink), connection.counters.get().tolist()), tag)
    if make is OneToOne:
        assert found == [[0, 0, 0], [0, 1, 0], [1, 0, 1], [0, 0, 0]]
        assert counters == [[3], [0]]
    else:
        assert found == [[0, 0, 0], [1, 0, 1], [1, 2, 1], [0, 0, 0]]
        assert counters == [[6], [0]]


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
def test_delays_of_the_whole_loop(tag: str) -> None:
    """Input t -> sum and excitatory spike t+1 -> inhibitory spike t+2 -> inhibition t+3, and 1 step less if direct."""
    steps, p = 10, NetworkParameters(n_inputs=2, n_neurons=3, mu_post=0.0, **EAGER)
    weights = np.zeros((2, 3), np.int64)
    weights[1, 2] = 255
    spikes = pulse(2, 1, 2, steps)
    synapses, excitatory = PlasticSynapses(p, weights), ConductanceLIF(p)
    partners, inhibitory, lateral = OneToOne(3), InhibitoryLIF(p), LateralInhibition(3)
    direct = LateralInhibition(3)
    spikes.s_out.connect(synapses.s_in)
    synapses.a_out.connect(excitatory.a_exc_in)
    excitatory.s_out.connect(synapses.s_post_in)
    excitatory.s_out.connect(partners.s_in)
    partners.a_out.connect(inhibitory.a_in)
    inhibitory.s_out.connect(lateral.s_in)
    lateral.a_out.connect(excitatory.a_inh_in)
    excitatory.s_out.connect(direct.s_in)
    ports = synapses.a_out, excitatory.s_out, partners.a_out, inhibitory.s_out, lateral.a_out, direct.a_out
    sinks = [watch(port, steps) for port in ports]
    found = run(synapses, steps, lambda: [recorded(sink) for sink in sinks], tag)
    first = [next(t for t, row in enumerate(rows) if any(row)) for rows in found]
    assert first == [3, 3, 4, 4, 5, 4]
    assert found[0][3] == [0, 0, 255]
    assert found[1][3] == [0, 0, 1]
    assert found[4][5] == [1, 1, 0]


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
def test_plastic_synapses_between_stock_neurons_in_a_loop(tag: str) -> None:
    """LIF -> PlasticSynapses -> LIF with feedback, the postsynaptic spikes back to the first LIF through a Dense."""
    steps, n = 60, 4
    p = NetworkParameters(n_inputs=3, n_neurons=n, mu_pre=0.001, mu_post=0.2)
    first = forgetful(3, tag, vth=10, bias_mant=13 if tag == "floating_pt" else 700)
    synapses = PlasticSynapses(p, np.full((3, n), 100))
    second = forgetful(n, tag, vth=120)
    back = Dense(weights=np.full((3, n), -2))
    first.s_out.connect(synapses.s_in)
    synapses.a_out.connect(second.a_in)
    second.s_out.connect(synapses.s_post_in)
    second.s_out.connect(back.s_in)
    back.a_out.connect(first.a_in)
    sinks = watch(first.s_out, steps), watch(synapses.a_out, steps), watch(second.s_out, steps)

    def read() -> tuple[list, ...]:
        return (*(recorded(sink) for sink in sinks), synapses.weights.get(), synapses.counters.get()[0].tolist())

    pre, sums, post, weights, counters = run(synapses, steps, read, tag)
    assert sum(map(sum, pre)) > 10
    assert sum(map(sum, post)) > 10
    assert weights.max() > 110  # it has learnt
    names = dict(zip(PlasticSynapses.COUNTERS, counters, strict=True))
    # a spike of the last step has not arrived yet
    assert names["input_accumulations"] == n * sum(map(sum, pre[:-1])) == names["depression_updates"]
    assert names["potentiation_updates"] == 3 * sum(map(sum, post))
    assert any(sums[t + 1][0] >= 100 for t in range(steps - 1) if sum(pre[t]))
    assert all(sums[t + 1] == [0] * n for t in range(steps - 1) if not sum(pre[t]))


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
def test_conductance_neurons_in_a_loop_through_stock_dense(tag: str) -> None:
    """ConductanceLIF -> Dense -> ConductanceLIF on itself: a ring in which one spike goes round for ever."""
    steps, n = 12, 4
    p = NetworkParameters(n_inputs=1, n_neurons=n, **EAGER)
    ring = ConductanceLIF(p)
    shift = Dense(weights=np.roll(np.eye(n, dtype=int), 1, axis=0) * 254)
    start = Dense(weights=np.eye(n, dtype=int) * 254)
    pulse(n, 0, 0, steps).s_out.connect(start.s_in)
    for dense in (shift, start):
        dense.a_out.connect(ring.a_exc_in)
    ring.s_out.connect(shift.s_in)
    sink = watch(ring.s_out, steps)
    found = run(ring, steps, lambda: recorded(sink), tag)
    # the conductance that is left of it makes a neuron fire more than once: look at who fires first in each step
    assert found[0] == [0] * n
    for t in range(1, n + 1):
        assert found[t][t - 1] == 1
        assert found[t][t:] == [0] * (n - t)
    assert all(any(row) for row in found[1:])


def test_inhibitory_neurons_silence_stock_ones() -> None:
    """InhibitoryLIF -> Dense with negative weights -> LIF that fires by its bias, fed back to InhibitoryLIF."""
    steps = 40
    p = NetworkParameters(n_inputs=1, n_neurons=2, inh_gain_exc=1000.0)
    inhibitory = InhibitoryLIF(p)
    inhibit = Dense(weights=np.array([[-200, 0], [0, 0]]))
    neurons = LIF(shape=(2,), du=4095, dv=0, vth=100, bias_mant=2000)
    inhibitory.s_out.connect(inhibit.s_in)
    inhibit.a_out.connect(neurons.a_in)
    neurons.s_out.connect(inhibitory.a_in)
    sink = watch(neurons.s_out, steps)
    inhibited, free = np.array(run(inhibitory, steps, lambda: recorded(sink))).sum(axis=0)
    assert 0 < inhibited < free


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
def test_encoder_drives_stock_neurons(tag: str) -> None:
    """Without a sequencer it presents its own image for ever, at the rates of the parameters."""
    steps = 2000
    p = NetworkParameters(n_inputs=4, n_neurons=1, equalise=0.0, max_rate_hz=200.0, seed=3)
    encoder = PoissonEncoder(p, [0, 51, 255, 255])
    dense = Dense(weights=np.eye(4, dtype=int) * 254)
    counter = SpikeCounter(4)
    neurons = forgetful(4, tag, vth=1)
    encoder.s_out.connect(dense.s_in)
    dense.a_out.connect(neurons.a_in)
    neurons.s_out.connect(counter.s_in)
    counts, (sent, zero) = run(counter, steps, lambda: (counter.counts.get(), encoder.counters.get()[:, 0]), tag)
    expected = steps * (1 - np.exp(-np.array([0, 0.04, 0.2, 0.2])))  # at most one spike per step
    assert counts[0] == 0
    assert (np.abs(counts - expected) <= 4 * np.sqrt(np.maximum(expected, 1))).all()
    assert zero == 0
    assert 0 <= sent - counts.sum() <= 8  # the last ones are still under way


def sequencer_rows(phases: list[int]) -> tuple[np.ndarray, np.ndarray]:
    images = np.zeros((len(phases), 3), np.uint8)
    images[:, 0] = 255
    control = np.zeros((len(phases), 6), np.int64)
    control[:, 0] = np.arange(len(phases))
    control[:, 1] = phases
    return images, control


def test_sequencer_leads_an_encoder_and_a_counter() -> None:
    """Two samples with a pause in between; the counter starts anew, training and inference are counted apart."""
    steps = 20
    p = NetworkParameters(n_inputs=3, n_neurons=1, steps=steps, equalise=0.0, max_rate_hz=1000.0)
    sequencer = Sequencer(3, steps, *sequencer_rows([PHASE_TRAIN, 0, PHASE_TEST]))
    encoder, counter = PoissonEncoder(p), SpikeCounter(3)
    sequencer.image_out.connect(encoder.image_in)
    sequencer.control_out.connect(encoder.control_in)
    sequencer.control_out.connect(counter.control_in)
    encoder.s_out.connect(counter.s_in)
    total = 2 * steps + 1 + 5  # and then it holds still
    spikes, words = watch(encoder.s_out, total), watch(sequencer.control_out, total)

    def read() -> tuple[Any, ...]:
        return recorded(spikes), recorded(words), counter.counts.get().tolist(), encoder.counters.get().tolist()

    found, control, counts, counters = run(sequencer, total, read)
    found = np.array(found)
    assert [row[0] for row in control] == [1] * steps + [2] + [1] * steps + [2] * 5
    assert [t for t, row in enumerate(control) if row[1]] == [0, steps + 1]
    assert [t for t, row in enumerate(control) if row[2]] == [steps - 1, 2 * steps]
    first, second = found[:steps], found[steps + 1 : 2 * steps + 1]
    assert first[:, 0].any()
    assert not np.array_equal(first, second)  # another sample, other spikes
    assert not found[:, 1:].any()
    assert not found[steps].any()
    assert not found[2 * steps + 1 :].any()
    assert counts == second.sum(axis=0).tolist()
    assert counters == [[first.sum()], [second.sum()]]


def test_the_whole_network_beside_stock_neurons() -> None:
    """WinnerTakeAll -> Dense -> LIF; and the sequencer's end does not stop the rest of the graph."""
    p = NetworkParameters(n_inputs=3, n_neurons=4, steps=30, equalise=0.0, max_rate_hz=1000.0, **EAGER)
    network = WinnerTakeAll(p, None, *sequencer_rows([PHASE_TRAIN, PHASE_TEST]))
    dense, neurons = Dense(weights=np.eye(4, dtype=int) * 254), forgetful(4, "fixed_pt", vth=1)
    network.s_out.connect(dense.s_in)
    dense.a_out.connect(neurons.a_in)
    steps = 80
    sinks = watch(network.s_out, steps), watch(neurons.s_out, steps)
    spikes, later = (np.array(x) for x in run(neurons, steps, lambda: [recorded(sink) for sink in sinks]))
    assert spikes[:60].any()
    assert not spikes[60:].any()
    assert np.array_equal(later[1:], spikes[:-1])


def test_the_whole_network_in_floating_point() -> None:
    """The same graph under the other tag; as many spikes as in fixed point, within a fifth."""
    p = NetworkParameters(
        n_inputs=64, n_neurons=8, steps=50, total_pixels=20.0, column_sum=8.0, gain_exc=6.0, theta_init_mv=2.0
    )
    images = np.random.default_rng(1).integers(0, 256, (6, 64))
    control = np.zeros((6, 6), np.int64)
    control[:, 0], control[:, 1], control[:, 2:5] = np.arange(6), PHASE_TRAIN, (2000, 600, 30000)
    totals = []
    for tag in ("fixed_pt", "floating_pt"):
        network = WinnerTakeAll(p, None, images, control)
        sink = watch(network.s_out, 300)

        def read(network: WinnerTakeAll = network, sink: Sink = sink) -> tuple[np.ndarray, np.ndarray]:
            return np.array(recorded(sink)), network.theta.get()

        found, theta = run(network, 300, read, tag, RegisteredSimCfg)
        totals.append(found.sum())
        assert theta.max() > 2.0 * 2**16
    assert totals[0] > 30
    assert abs(totals[1] - totals[0]) <= 0.2 * totals[0]
