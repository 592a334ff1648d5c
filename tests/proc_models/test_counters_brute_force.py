"""Every counter against a brute-force count over recorded spikes."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.energy.counts import COUNTER_NAMES, INFERENCE_ROW, TRAINING_ROW
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST, PHASE_TRAIN
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState

sys.path.append(str(Path(__file__).parent / "toys"))

from brute_force import BruteForce
from graph_toys import N_INPUTS, network, samples

PHASES = [PHASE_TRAIN, PHASE_TRAIN, PHASE_LABEL, PHASE_TRAIN, PHASE_TEST, PHASE_TRAIN]


def masked_state(p: NetworkParameters) -> NetworkState:
    """Synapses removed and frozen, unevenly; one neuron has none that learns, one has only weights of 0."""
    state = initial_state(p)
    random = np.random.default_rng(7)
    state.conducts[:] = random.random(state.conducts.shape) < np.linspace(0.3, 1, N_INPUTS)[:, np.newaxis]
    state.plastic[:] = state.conducts * (random.random(state.plastic.shape) < 0.75)
    state.plastic[:, 1] = 0
    state.weights *= state.conducts
    state.weights[:, 2] *= 1 - state.plastic[:, 2]
    return state


def steps_of(raster: np.ndarray) -> list[list[int]]:
    """(T, n) 0/1 to the indices of each step."""
    return [np.flatnonzero(step).tolist() for step in raster]


@pytest.mark.parametrize("is_masked", [False, True], ids=["full", "masked"])
@pytest.mark.parametrize(
    "given_settings",
    [
        {"inhibition": "interneurons", "seed": 3},
        {"inhibition": "direct", "seed": 4},
        {"inhibition": "interneurons", "normalise": False, "gain_inh": 0.5, "tau_m_ms": 5.0, "inh_tau_m_ms": 2.0},
        {"inhibition": "direct", "tau_ge_ms": 3.0, "refractory_steps": 0, "gain_inh": 0.0, "tau_m_ms": 3.0},
    ],
    ids=["interneurons", "direct", "interneurons-weak", "direct-none"],
)
def test_counters(given_settings: dict[str, Any], is_masked: bool) -> None:
    p = network(6, steps=50, **given_settings)
    state = masked_state(p) if is_masked else initial_state(p)
    engine = FusedEngine(p, state)
    oracle = BruteForce(p, state.weights.tolist(), state.conducts.tolist(), state.plastic.tolist())
    images, control = samples(p, PHASES)
    seen: Counter[str] = Counter()
    for k, phase in enumerate(PHASES):
        before = engine.counters.copy()
        _, recording = engine.run(images[k : k + 1], control[k : k + 1], record=True)
        assert recording is not None
        rasters = (steps_of(x[0]) for x in (recording.inputs, recording.exc, recording.inh))
        expected = oracle.count(control[k].tolist(), *rasters)
        row, other = (TRAINING_ROW, INFERENCE_ROW) if phase == PHASE_TRAIN else (INFERENCE_ROW, TRAINING_ROW)
        change = engine.counters - before
        assert dict(zip(COUNTER_NAMES, change[row].tolist(), strict=True)) == {n: expected[n] for n in COUNTER_NAMES}
        assert not change[other].any()
        assert engine.weights.tolist() == oracle.weights
        seen += expected
    expected_silent = {"controller_operations"}  # no pruning here
    if p.inhibition == "direct":
        expected_silent |= {n for n in COUNTER_NAMES if n.startswith("inh_")} | {"exc_inh_accumulations"}
    if not p.normalise:
        expected_silent.add("normalisation_operations")
    assert {n for n in COUNTER_NAMES if seen[n] == 0} == expected_silent
    if is_masked:
        assert seen["depression_updates"] < seen["input_accumulations"]  # fewer learn than conduct
