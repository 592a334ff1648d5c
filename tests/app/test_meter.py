"""What the meter promises: nothing changes, nothing is left out silently, and the energy adds up."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.run_conditions import RunContinuous, RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io.injector import Injector
from lava.proc.lif.process import LIF
from lava.proc.monitor.process import Monitor

from lavaprune.energy.chip import load_chip
from lavaprune.energy.connectivity import Mask
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.estimator import estimate_energy
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.network_description import Connection, NetworkDescription, Population
from lavaprune.energy.placement import Messages, route
from lavaprune.energy.profile import load_profile, profiles_of_chip
from lavaprune.errors import InputError, RunError
from lavaprune.meter import EnergyMeter
from lavaprune.runtime.watchdog import guarded

sys.path.append(str(Path(__file__).parent / "toys"))

import meter_processes as own
from meter_toys import TIMEOUT_S, dense_ops, raster, run, sink, source

STEPS = 40


class Chain:
    """LIF - Dense - LIF, as in Lava's own tutorials; the first neurons are driven by a bias."""

    def __init__(self, tag: str = "fixed_pt") -> None:
        scale = 1 if tag == "floating_pt" else 64
        self.first = LIF(shape=(3,), vth=10, bias_mant=scale * np.array([3, 4, 5]), dv=0, du=0, name="lif1")
        self.dense = Dense(weights=np.array([[8, 0, 4], [0, 2, 6]]), name="dense")
        self.second = LIF(shape=(2,), vth=10, dv=0, du=0, name="lif2")
        self.first.s_out.connect(self.dense.s_in)
        self.dense.a_out.connect(self.second.a_in)


def plastic_loop(tag: str) -> tuple[AbstractProcess, list[Any]]:
    """Recurrent neurons with learning synapses, and graded spikes, from sources; what is read after the run."""
    chain = Chain(tag)
    rule = Loihi2FLearningRule(
        dw="-2^-1*x0*y1 + 2^-1*y0*x1", x1_impulse=16, x1_tau=4, y1_impulse=16, y1_tau=4, t_epoch=2, rng_seed=1
    )
    learning = LearningDense(weights=np.full((3, 4), 20), learning_rule=rule)
    source(raster((4,), STEPS), learning.s_in)
    learning.a_out.connect(chain.first.a_in)
    chain.first.s_out.connect(learning.s_in_bap)
    back = Dense(weights=-2 * np.ones((3, 2)))
    chain.second.s_out.connect(back.s_in)
    back.a_out.connect(chain.first.a_in)
    graded = Dense(weights=np.array([[2, -4, 6], [8, 2, -2]]), num_message_bits=8)
    source(raster((3,), STEPS, payload=9), graded.s_in)
    graded.a_out.connect(chain.second.a_in)
    records = [sink(port, STEPS).data for port in (chain.first.s_out, chain.second.s_out, chain.dense.a_out)]
    return chain.second, [*records, learning.weights, chain.first.u, chain.first.v, chain.second.v]


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
def test_the_network_computes_the_same(tag: str) -> None:
    """Every spike in its step, sums on their way, weights that learn and membranes, to the bit."""
    found = []
    for is_metered in (False, True):
        process, variables = plastic_loop(tag)
        meter = EnergyMeter(process) if is_metered else None
        found.append(run(process, STEPS, lambda v=variables: [each.get() for each in v], tag))
    assert meter is not None
    assert any(connection.synaptic_updates for connection in meter.counts().connections)
    assert all(spikes.any() for spikes in found[0][:2])
    for without, with_meter in zip(*found, strict=True):
        np.testing.assert_array_equal(without, with_meter)
        assert without.dtype == with_meter.dtype


def test_several_runs_reset_and_after_the_stop() -> None:
    chain = Chain()
    record = sink(chain.first.s_out, 3 * STEPS)
    meter = EnergyMeter(chain.first)
    with guarded(chain.dense, TIMEOUT_S):
        for _ in range(2):
            chain.dense.run(condition=RunSteps(num_steps=STEPS), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        both = meter.counts()
        meter.reset()
        chain.dense.run(condition=RunSteps(num_steps=STEPS))
        spikes, weights = record.data.get(), chain.dense.weights.get()
    last = meter.counts()
    assert (both.steps, last.steps) == (2 * STEPS, STEPS)
    for counts, part in ((both, spikes[:, : 2 * STEPS]), (last, spikes[:, 2 * STEPS :])):
        (connection,) = counts.connections
        found = connection.spikes, connection.synaptic_ops, connection.stored_synaptic_ops
        assert found == dense_ops(weights, part)
        assert counts.populations[0].spikes == np.count_nonzero(part)
        assert [p.updates_active + p.updates_inactive for p in counts.populations] == [
            3 * counts.steps,
            2 * counts.steps,
        ]
    assert "compile" not in vars(chain.dense)  # nothing is left on the user's Processes


def test_pause_and_a_graph_that_is_compiled_by_hand() -> None:
    chain = Chain()
    meter = EnergyMeter(chain.dense)
    with guarded(chain.second, TIMEOUT_S):
        executable = chain.second.compile(Loihi2SimCfg(select_tag="fixed_pt"))
        chain.second.create_runtime(executable=executable)
        chain.second.run(condition=RunContinuous())
        while meter.counts().steps < 5:
            pass
        chain.second.pause()
        counts = meter.counts()
    assert counts.populations[0].updates_active == 3 * counts.steps
    (connection,) = counts.connections
    assert connection.spikes == counts.populations[0].spikes > 0


def test_two_meters_and_a_monitor() -> None:
    """Read-outs are no messages of a chip, and a second meter counts the same."""
    chain = Chain()
    monitor = Monitor()
    monitor.probe(chain.first.s_out, STEPS)
    voltage = Monitor()
    voltage.probe(chain.second.v, STEPS)
    meters = [EnergyMeter(chain.first), EnergyMeter(chain.second)]
    spikes = run(chain.first, STEPS, lambda: monitor.get_data()["lif1"]["s_out"])
    first, second = (meter.counts() for meter in meters)
    assert first == second
    assert first.connections[0].spikes == np.count_nonzero(spikes) > 0
    assert len(first.connections) == 1
    assert first.not_counted == {}


def test_injected_spikes() -> None:
    """From outside the graph: through Lava's Injector, or through a pipe into the synapses themselves."""
    dense = Dense(weights=np.array([[2, 0, 4], [0, 0, 6]]), name="w")
    lif = LIF(shape=(2,), name="out")
    injector = Injector(shape=(3,), name="injector")
    injector.out_port.connect(dense.s_in)
    dense.s_in.flag_external_pipe(buffer_size=16)
    dense.a_out.connect(lif.a_in)
    meter = EnergyMeter(lif)
    with guarded(lif, TIMEOUT_S):
        lif.create_runtime(run_cfg=Loihi2SimCfg())  # the Injector has no model with a tag
        for t in range(8):
            injector.send(np.array([1, t % 2, 0]))
            dense.s_in.external_pipe_csp_send_port.send(np.array([0, 0, 1]))
        lif.run(condition=RunSteps(num_steps=8))
    found = {c.name: (c.spikes, c.synaptic_ops, c.stored_synaptic_ops) for c in meter.counts().connections}
    assert found == {"injector -> w -> out": (12, 8, 24), "external pipe -> w -> out": (8, 16, 16)}


def test_learning_without_a_source_is_not_lost() -> None:
    """Synapses that nothing arrives at learn from their neurons' spikes all the same."""
    rule = Loihi2FLearningRule(dw="2^-1*y0*x1", x1_impulse=16, x1_tau=4, t_epoch=1)
    learning = LearningDense(weights=np.full((2, 3), 4), learning_rule=rule, name="w")
    post = raster((2,), STEPS)
    source(post, learning.s_in_bap)
    meter = EnergyMeter(learning)
    run(learning, STEPS, lambda: True)
    (connection,) = meter.counts().connections
    assert connection.name == "nothing -> w -> nothing"
    assert (connection.spikes, connection.synaptic_updates) == (0, 3 * np.count_nonzero(post))


def test_what_is_not_known_is_named() -> None:
    """A Process of the user's is not counted, nor what it sends to neurons; what it sends to synapses is."""
    dense = Dense(weights=np.array([[2, 0, 4], [0, 2, 6]]), name="w")
    relay, generator = own.Relay(3, name="relay"), own.Generator(3, name="generator")
    lif, mine = LIF(shape=(2,), name="lif"), own.MyLIF(shape=(2,), name="mine")
    to_lif = own.Relay(2, name="to_lif")
    generator.s_out.connect(relay.s_in)
    relay.s_out.connect(dense.s_in)
    dense.a_out.connect([lif.a_in, mine.a_in, to_lif.s_in])
    to_lif.s_out.connect(lif.a_in)
    meter = EnergyMeter(relay)
    run(relay, 9, lambda: True)
    counts = meter.counts()
    assert counts.off_chip == ("generator",)
    assert list(counts.not_counted) == ["relay (Relay)", "mine (MyLIF)", "to_lif (Relay)"]
    assert [(c.name, c.spikes) for c in counts.connections] == [("relay -> w -> lif + mine + to_lif", 6)]
    assert [p.name for p in counts.populations] == ["lif"]
    text = meter.table()
    for name in ("relay (Relay)", "mine (MyLIF)", "to_lif (Relay)"):
        assert f"NOT COUNTED: {name}" in text


def test_the_users_own_class_like_one_of_lavas() -> None:
    dense, generator = Dense(weights=2 * np.eye(2)), own.Generator(2)
    mine = own.MyLIF(shape=(2,), vth=1, du=4095, dv=4095, name="mine")
    generator.s_out.connect(dense.s_in)
    dense.a_out.connect(mine.a_in)
    meter = EnergyMeter(dense, like={own.MyLIF: LIF})
    run(dense, 9, lambda: True)
    (population,) = meter.counts().populations
    # Spikes of steps 3, 6, 9 arrive in 4 and 7; each makes the neuron fire at once, and its current is off rest then.
    assert (population.updates_active, population.updates_inactive, population.spikes) == (8, 10, 4)


def test_hierarchical_processes() -> None:
    weights = np.array([[40, 0, 4], [0, 30, 6]])
    layers = own.Layer(weights, 10, name="hidden"), own.Layer(np.array([[50, 0]]), 10, name="out")
    spikes = raster((3,), STEPS)
    source(spikes, layers[0].s_in)
    layers[0].s_out.connect(layers[1].s_in)
    record = sink(layers[0].s_out, STEPS)
    meter = EnergyMeter(layers[1])
    hidden = run(layers[1], STEPS, record.data.get)
    found = {c.name: (c.spikes, c.synaptic_ops, c.stored_synaptic_ops) for c in meter.counts().connections}
    assert hidden.any()
    assert found == {
        "RingBuffer_1 -> hidden.synapses -> hidden.neurons": dense_ops(weights, spikes),
        "hidden.neurons -> out.synapses -> out.neurons": dense_ops(np.array([[50, 0]]), hidden),
    }


def test_a_run_that_breaks_leaves_its_counts() -> None:
    """The memory outlives the graph's OS processes, whatever becomes of them."""
    generator, relay = own.Generator(3), own.Relay(3, fails_at=8, name="relay")
    dense = Dense(weights=np.array([[2, 0, 4], [0, 2, 6]]))
    lif = LIF(shape=(2,))
    generator.s_out.connect([relay.s_in, dense.s_in])
    dense.a_out.connect(lif.a_in)
    meter = EnergyMeter(dense)
    with pytest.raises(RunError, match="'relay' raised ValueError: broken on purpose"):
        run(dense, STEPS, lambda: True)
    (connection,) = meter.counts().connections
    assert (connection.spikes, connection.synaptic_ops) == (6, 8)  # of steps 3 and 6; step 9 is never reached


def test_energy_by_hand() -> None:
    """Davies et al. 2018, Table 2: 23.6 pJ an operation, 81 or 52 an update, 1.7 a spike, 3.0 or 4.0 a hop."""
    chain = Chain()
    source(np.zeros((3, STEPS), int), chain.dense.s_in)
    meter = EnergyMeter(chain.first)
    run(chain.first, STEPS, lambda: True)
    counts = meter.counts()
    silent, used = sorted(counts.connections, key=lambda c: c.spikes)
    assert silent.spikes == 0
    assert used.synaptic_ops < used.stored_synaptic_ops
    active = sum(p.updates_active for p in counts.populations)
    inactive = 5 * STEPS - active
    assert inactive > 0
    assert meter.events() == HardwareEvents(STEPS, used.synaptic_ops, 0, active, inactive, used.spikes, 0, 0)
    by_hand = 23.6 * used.synaptic_ops + 81 * active + 52 * inactive + 1.7 * used.spikes
    assert meter.energy("loihi1-davies2018").total_pj == pytest.approx(by_hand)
    messages = Messages(spikes_within_tile=7, hops_ew=5, hops_ns=2)
    placed = by_hand + 1.7 * (7 - used.spikes) + 3.0 * 5 + 4.0 * 2
    assert meter.energy(messages=messages).total_pj == pytest.approx(placed)
    assert f"{placed:,.1f}" in meter.table(messages=messages)
    more = 23.6 * (used.stored_synaptic_ops - used.synaptic_ops)
    assert meter.energy(stored=True).total_pj == pytest.approx(by_hand + more)


def test_messages_of_a_placement() -> None:
    """Spikes of each neuron, recorded, on the layout of a core fit; a neuron without synapses sends nothing there."""
    chain = Chain()
    record = sink(chain.first.s_out, STEPS)
    meter = EnergyMeter(chain.first)
    spikes, weights = run(chain.first, STEPS, lambda: (record.data.get(), chain.dense.weights.get()))
    description = NetworkDescription(
        (Population("lif1", 3), Population("lif2", 2)), (Connection("dense", "lif1", "lif2", Mask(weights.T != 0)),)
    )
    messages = route(fit_network(description, load_chip("loihi1")), {"lif1": np.count_nonzero(spikes, axis=1)})
    assert messages == Messages(meter.counts().populations[0].spikes, 0, 0)
    assert meter.events(messages) == meter.events()


def test_table() -> None:
    """The energies of the rows add up to the total that is printed below them."""
    process, _ = plastic_loop("fixed_pt")
    meter = EnergyMeter(process)
    run(process, STEPS, lambda: True)
    counts, profile = meter.counts(), load_profile("loihi1-davies2018")
    text = meter.table("loihi1-davies2018")
    rows = [part.events() for part in (*counts.connections, *counts.populations)]
    parts = [estimate_energy(events, profile).total_pj for events in rows]
    assert sum(parts) == pytest.approx(meter.energy("loihi1-davies2018").total_pj)
    lines = text.splitlines()
    for part, pj in zip((*counts.connections, *counts.populations), parts, strict=True):
        (line,) = (line for line in lines if line.startswith(f"  {part.name}  "))
        assert line.endswith(f" {pj:,.1f}")
    assert lines[0] == f"Counted in {STEPS} steps"
    assert "event-model dynamic energy, profile loihi1-davies2018" in text
    assert "NOT COUNTED" not in text
    totals = {p.name: estimate_energy(meter.events(), p).total_pj for p in profiles_of_chip(profile.chip)}
    assert len(totals) > 1
    assert f"{min(totals.values()):,.1f} .. {max(totals.values()):,.1f} pJ" in " ".join(text.split())
    # odin prices synaptic operations only: neurons have no price there, which is not the same as 0
    odin = meter.table("odin").splitlines()
    for population in counts.populations:
        (line,) = (line for line in odin if line.startswith(f"  {population.name}  "))
        assert line.endswith(" -")


class TestBadUse:
    """One line each, which says what is wrong and what is allowed."""

    def refused(self, excinfo: pytest.ExceptionInfo[InputError], *words: str) -> None:
        message = str(excinfo.value)
        assert "\n" not in message
        for word in words:
            assert word in message

    def test_compiled_already(self) -> None:
        chain = Chain()
        run(chain.first, 2, lambda: True)
        with pytest.raises(InputError) as excinfo:
            EnergyMeter(chain.second)
        self.refused(excinfo, "compiled already", "allowed", "first run")

    def test_no_process(self) -> None:
        lif = LIF(shape=(2,))
        for wrong, name in ((lif.s_out, "OutPort"), (None, "NoneType")):
            with pytest.raises(InputError) as excinfo:
                EnergyMeter(wrong)
            self.refused(excinfo, f"is of {name}", "a Lava Process")

    def test_no_synapses(self) -> None:
        lif = LIF(shape=(2,), name="alone")
        source(np.zeros((2, 3), int), lif.a_in)
        with pytest.raises(InputError) as excinfo:
            EnergyMeter(lif)
        self.refused(excinfo, "no synapses", "'alone'", "LIF, RingBuffer")

    def test_unknown_profile(self) -> None:
        chain = Chain()
        meter = EnergyMeter(chain.second)
        run(chain.first, 2, lambda: True)
        for ask in (meter.table, meter.energy):
            with pytest.raises(InputError) as excinfo:
                ask("loihi9")
            self.refused(excinfo, "'loihi9'", "loihi1-davies2018")

    def test_before_the_first_run(self) -> None:
        meter = EnergyMeter(Chain().second)
        with pytest.raises(InputError) as excinfo:
            meter.counts()
        self.refused(excinfo, "has not run yet")

    def test_run_from_a_process_connected_later(self) -> None:
        chain = Chain()
        meter = EnergyMeter(chain.second)
        late = sink(chain.second.s_out, STEPS)
        run(late, 2, lambda: True)
        with pytest.raises(InputError) as excinfo:
            meter.table()
        self.refused(excinfo, "without the meter", "after the last connection")

    def test_like_a_class_that_is_not_known(self) -> None:
        with pytest.raises(InputError) as excinfo:
            EnergyMeter(Chain().second, like={own.MyLIF: own.Relay})
        self.refused(excinfo, "MyLIF like Relay", "LIF", "Dense")
