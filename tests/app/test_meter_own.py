"""Our own Processes under the meter: the graph and the fused network agree with the kernels' counters."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer as Source

from lavaprune.energy.counts import COUNTER_NAMES, EventCounts
from lavaprune.energy.hardware_events import UNPRICED_COUNTERS, HardwareEvents
from lavaprune.meter import EnergyMeter
from lavaprune.meter.attach import FIELDS_OF_OWN_COUNTERS
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.conductance_lif import ConductanceLIF
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST, PHASE_TRAIN
from lavaprune.processes.fused_network import REQUEST_NOTHING, FusedNetwork
from lavaprune.processes.run_config import RegisteredSimCfg
from lavaprune.processes.winner_take_all import WinnerTakeAll
from lavaprune.runtime.watchdog import run_guarded

sys.path.append(str(Path(__file__).parents[1] / "proc_models" / "toys"))

from graph_toys import N_INPUTS, network, samples

PHASES = [PHASE_TRAIN, PHASE_LABEL, PHASE_TRAIN, PHASE_TEST]
TIMEOUT_S = 120.0


def setting(inhibition: str) -> tuple[Any, Any, np.ndarray, np.ndarray]:
    """A network some of whose synapses are missing and some of whose others do not learn."""
    p = network(6, steps=40, seed=3, inhibition=inhibition)
    state = initial_state(p)
    random = np.random.default_rng(7)
    state.conducts[:] = random.random(state.conducts.shape) < 0.7
    state.plastic[:] = state.conducts * (random.random(state.plastic.shape) < 0.8)
    state.weights *= state.conducts
    state.counters[:] = 5  # what has been before is not the meter's
    return p, state, *samples(p, PHASES)


def expected_counts(p: Any, state: Any, images: np.ndarray, control: np.ndarray) -> EventCounts:
    engine = FusedEngine(p, state)
    before = engine.counters.copy()
    engine.run(images, control)
    return EventCounts.from_vector((engine.counters - before).sum(axis=0))


@pytest.mark.parametrize("inhibition", ["interneurons", "direct"])
def test_graph(inhibition: str) -> None:
    p, state, images, control = setting(inhibition)
    expected = expected_counts(p, state, images, control)
    graph = WinnerTakeAll(p, state, images, control)
    meter = EnergyMeter(graph)
    n_steps = len(PHASES) * p.steps
    run_guarded(graph, RunSteps(num_steps=n_steps), RegisteredSimCfg(select_tag="fixed_pt"), TIMEOUT_S)
    assert meter.events() == HardwareEvents.from_counts(expected, steps=n_steps)
    assert expected.stdp_updates > 0
    assert expected.exc_spikes > 0
    counts = meter.counts()
    assert counts.not_counted == {}
    operations = {c.name: c.synaptic_ops for c in counts.connections}
    assert operations["encoder -> synapses -> excitatory"] == expected.input_accumulations
    source = "inhibitory" if inhibition == "interneurons" else "excitatory"
    assert operations[f"{source} -> lateral -> excitatory"] == expected.lateral_accumulations
    assert sum(c.normalisation_ops for c in counts.connections) == expected.normalisation_operations
    assert "operations of weight normalisation" in meter.table()


@pytest.mark.parametrize("inhibition", ["interneurons", "direct"])
def test_fused_network(inhibition: str) -> None:
    """A Lava step of it presents samples; its steps are the network's."""
    p, state, images, control = setting(inhibition)
    expected = expected_counts(p, state, images, control)
    k = 2
    process = FusedNetwork(p, state, samples_per_step=k)
    batches = len(PHASES) // k
    for port, data in (
        (process.images_in, images.reshape(batches, k, N_INPUTS)),
        (process.control_in, control.reshape(batches, k, -1)),
        (process.request_in, np.full((batches, 1), REQUEST_NOTHING)),
    ):
        Source(data=np.moveaxis(data, 0, -1).astype(np.int64)).s_out.connect(port)
    meter = EnergyMeter(process)
    run_guarded(process, RunSteps(num_steps=batches), Loihi2SimCfg(select_tag="fixed_pt"), TIMEOUT_S)
    assert meter.events() == HardwareEvents.from_counts(expected, steps=len(PHASES) * p.steps)


def test_among_lavas_own() -> None:
    """Lava's synapses before our neurons, and an input without synapses: the same rows as between Lava's own."""
    p = network(3, gain_exc=40.0)
    spikes = (np.random.default_rng(1).random((4, 50)) < 0.4).astype(int)
    dense, neurons = Dense(weights=np.full((3, 4), 200), name="dense"), ConductanceLIF(p, name="neurons")
    for data, port in ((spikes, dense.s_in), (spikes[:3], neurons.a_inh_in)):
        Source(data=data).s_out.connect(port)
    dense.a_out.connect(neurons.a_exc_in)
    meter = EnergyMeter(dense)
    counted = run_guarded(
        dense, RunSteps(num_steps=50), Loihi2SimCfg(select_tag="fixed_pt"), TIMEOUT_S, neurons.counters.get
    )
    assert counted is not None
    counts = meter.counts()
    n_spikes, n_direct = np.count_nonzero(spikes), np.count_nonzero(spikes[:3])
    found = {c.name: (c.spikes, c.synaptic_ops) for c in counts.connections}
    assert found == {
        "RingBuffer_1 -> dense -> neurons": (n_spikes, 3 * n_spikes),
        "RingBuffer_2 -> neurons": (n_direct, n_direct),
    }
    (population,) = counts.populations
    by_itself = counted.sum(axis=0).astype(int).tolist()
    assert [population.spikes, population.updates_active, population.updates_inactive] == by_itself
    assert population.spikes > 0


def test_every_counter_has_its_place() -> None:
    """All counters are priced, said to have no price, counted at the arrival, or parts of others."""
    elsewhere = {"input_spikes", "depression_live", "depression_changed", "potentiation_live", "potentiation_changed"}
    assert set(FIELDS_OF_OWN_COUNTERS) | elsewhere == set(COUNTER_NAMES)
    assert set(UNPRICED_COUNTERS) < set(FIELDS_OF_OWN_COUNTERS)
    assert not elsewhere & set(FIELDS_OF_OWN_COUNTERS)
