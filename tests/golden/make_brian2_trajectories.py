"""Make the golden trajectories of the neuron and synapse models with Brian2, in double precision.

Brian2 is no dependency of this project. Run this script from an environment of its own::

    uv venv -p 3.10 brian && VIRTUAL_ENV=brian uv pip install brian2==2.9.0 "numpy<2" setuptools
    brian/bin/python tests/golden/make_brian2_trajectories.py           # writes the .npz files beside itself
    brian/bin/python tests/golden/make_brian2_trajectories.py --check   # compares them, 1e-9

All state is computed by Brian2's engine: conductances and traces by its ``exact`` integrator, membranes by
its ``euler`` integrator (``dt`` = 1 ms) with the membrane clamped to ``[E_inh, E_exc]``, spikes and weight
changes by its thresholds, resets and synaptic pathways. ``SCHEDULE`` puts them in the order in which one step
of ours runs. Parameters are the nominal ones: what a comparison shows includes their rounding to our integers.

Files (arrays have the step first; row t is the state at the end of step t; potentials in mV)
----------------------------------------------------------------------------------------------
conductance_lif.npz
    Guo et al. 2020, Eq. 1 and 2 with Table 1, threshold adaptation and a refractory period that counts the
    steps after the spike. ``arrivals_exc`` (T, J) 0/1 through ``weights`` (J, N) uint8, each adding
    ``gain_exc * w / 255``; ``arrivals_inh`` (T, N) counts, each adding ``gain_inh``. Results ``v_mv``,
    ``g_exc``, ``g_inh``, ``theta_mv``, ``spikes`` (T, N). Neurons are driven from below threshold to the
    firing limit that the refractory period sets.
inhibitory_lif.npz
    The interneuron: the same equation without inhibition and adaptation. ``arrivals_exc`` (T, N) counts.
triplet_stdp.npz
    Eq. 3 and 4: traces reset to 1 at the own spike; ``w -= mu_pre * y1`` at a pre spike, ``w += mu_post * x *
    y2`` at a post spike with y2 read before its reset; w in 0..1. ``pre`` (T, J), ``post`` (T, N) 0/1 spike
    trains, ``weight_start`` (J, N); results ``x`` (T, J), ``y1``, ``y2`` (T, N) and ``weights`` (T, J, N),
    float32 but for the last row, which ``weight_end`` holds in double precision.
Each file carries its parameters as scalars under the names of
`lavaprune.processes.parameters.NetworkParameters`.

`measure_scheme_error.py` says how far the scheme with its step of 1 ms is from a fine integration.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    StateMonitor,
    Synapses,
    TimedArray,
    defaultclock,
    linked_var,
    ms,
    prefs,
    start_scope,
)

HERE = Path(__file__).resolve().parent
SCHEDULE = [
    "start",
    "decay",  # conductances and traces decay by their exact factors
    "arrive",  # input spikes add to the conductances; x is set to 1 where an input spiked
    "depress",  # at input spikes, with y1
    "integrate",  # Euler step of the membrane, with the conductances of this step
    "clamp",
    "thresholds",
    "potentiate",  # at output spikes, with x and the old y2
    "resets",  # v, theta, y1, y2
    "end",  # recording
]
STEPS = 2000
WEIGHT_MAX = 255

TABLE_1 = {
    "tau_m_ms": 100.0,
    "tau_ge_ms": 1.0,
    "tau_gi_ms": 2.0,
    "v_rest_mv": -60.0,
    "v_th_mv": -50.0,
    "e_exc_mv": 0.0,
    "e_inh_mv": -100.0,
    "theta_plus_mv": 0.01,
}
EXCITATORY = {**TABLE_1, "refractory_steps": 5, "gain_exc": 1.55, "gain_inh": 96.0}
INTERNEURON = {  # Diehl and Cook 2015, but for a gain small enough that one arrival does not suffice
    "tau_m_ms": 10.0,
    "tau_ge_ms": 1.0,
    "v_rest_mv": -60.0,
    "v_th_mv": -40.0,
    "e_exc_mv": 0.0,
    "e_inh_mv": -100.0,
    "refractory_steps": 2,
    "gain_exc": 2.0,
}
TRIPLET = {
    "tau_x_ms": 8.0,
    "tau_y1_ms": 16.0,
    "tau_y2_ms": 32.0,
    "mu_pre": 2e-3,  # twenty times Table 1's, so that depression shows beside potentiation
    "mu_post": 1e-2,
}


def bernoulli_trains(rng: np.random.Generator, rates_hz: np.ndarray, steps: int) -> np.ndarray:
    """(steps, len(rates)) uint8 spike trains with at most one spike per step of 1 ms."""
    return (rng.random((steps, len(rates_hz))) < rates_hz / 1000).astype(np.uint8)


def new_network() -> Network:
    start_scope()
    defaultclock.dt = 1 * ms
    network = Network()
    network.schedule = SCHEDULE
    return network


def run_lif(
    p: dict[str, float], drive_exc: np.ndarray, drive_inh: np.ndarray, theta_start_mv: np.ndarray
) -> dict[str, np.ndarray]:
    """Conductance LIF neurons; ``drive_*`` (T, N) is the conductance that arrives at each step."""
    steps, n = drive_exc.shape
    network = new_network()
    arriving_exc = TimedArray(drive_exc, dt=1 * ms)
    arriving_inh = TimedArray(drive_inh, dt=1 * ms)
    space: dict[str, Any] = {
        "arriving_exc": arriving_exc,
        "arriving_inh": arriving_inh,
        "tau_ge": p["tau_ge_ms"] * ms,
        "tau_gi": p.get("tau_gi_ms", 1.0) * ms,
        "tau_m": p["tau_m_ms"] * ms,
        "v_rest": p["v_rest_mv"],
        "v_th": p["v_th_mv"],
        "e_exc": p["e_exc_mv"],
        "e_inh": p["e_inh_mv"],
        "theta_plus": p.get("theta_plus_mv", 0.0),
    }
    conductances = NeuronGroup(
        n, "dg_exc/dt = -g_exc/tau_ge : 1\ndg_inh/dt = -g_inh/tau_gi : 1", method="exact", namespace=space
    )
    conductances.state_updater.when = "decay"
    conductances.run_regularly("g_exc += arriving_exc(t, i)\ng_inh += arriving_inh(t, i)", dt=1 * ms, when="arrive")
    membranes = NeuronGroup(
        n,
        """dv/dt = ((v_rest - v) + g_exc*(e_exc - v) + g_inh*(e_inh - v)) / tau_m : 1 (unless refractory)
        g_exc : 1 (linked)
        g_inh : 1 (linked)
        theta : 1""",
        method="euler",
        threshold="v > v_th + theta",
        reset="v = v_rest\ntheta += theta_plus",
        # Brian2 counts the step of the spike as the first of the period, ours begins with the next
        refractory=(p["refractory_steps"] + 1) * ms,
        namespace=space,
    )
    membranes.g_exc = linked_var(conductances, "g_exc")
    membranes.g_inh = linked_var(conductances, "g_inh")
    membranes.v = p["v_rest_mv"]
    membranes.theta = theta_start_mv
    membranes.state_updater.when = "integrate"
    membranes.run_regularly("v = clip(v, e_inh, e_exc)", dt=1 * ms, when="clamp")
    state = StateMonitor(membranes, ["v", "theta", "lastspike"], record=True, when="end")
    inputs = StateMonitor(conductances, ["g_exc", "g_inh"], record=True, when="end")
    network.add(conductances, membranes, state, inputs)
    network.run(steps * ms)
    now = np.arange(steps)[:, None]
    return {
        "v_mv": np.array(state.v).T,
        "theta_mv": np.array(state.theta).T,
        "g_exc": np.array(inputs.g_exc).T,
        "g_inh": np.array(inputs.g_inh).T,
        "spikes": (np.rint(np.array(state.lastspike / ms).T) == now).astype(np.uint8),
    }


def excitatory_input() -> dict[str, np.ndarray]:
    """Input of the excitatory neurons: eight drives, from below threshold to the firing limit."""
    rng = np.random.default_rng(20200101)
    n_inputs, strengths = 40, np.array([0.10, 0.16, 0.22, 0.30, 0.45, 0.65, 1.0, 1.0])
    rates_hz = rng.uniform(10, 60, n_inputs)
    weights = np.rint(rng.uniform(0, WEIGHT_MAX, (n_inputs, 8)) * strengths).astype(np.uint8)
    weights[:, 7] = WEIGHT_MAX
    inhibition_hz = np.array([2, 4, 6, 6, 8, 8, 10, 2])
    arrivals_inh = bernoulli_trains(rng, inhibition_hz, STEPS)
    arrivals_inh[700:710:3] += 1  # several at once: the clamp at E_inh acts
    return {
        "arrivals_exc": bernoulli_trains(rng, rates_hz, STEPS),
        "arrivals_inh": arrivals_inh,
        "weights": weights,
        "theta_start_mv": np.array([0.0, 0.0, 0.5, 1.0, 2.0, 0.0, 20.0, 0.0]),
    }


def excitatory_drive(data: dict[str, np.ndarray], p: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    exc = data["arrivals_exc"].astype(float) @ data["weights"].astype(float) * (p["gain_exc"] / WEIGHT_MAX)
    return exc, data["arrivals_inh"] * p["gain_inh"]


def conductance_lif() -> dict[str, np.ndarray]:
    data = excitatory_input()
    exc, inh = excitatory_drive(data, EXCITATORY)
    return {**EXCITATORY, **data, **run_lif(EXCITATORY, exc, inh, data["theta_start_mv"])}


def inhibitory_lif() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20200102)
    rates = np.array([0.02, 0.08, 0.2, 0.5, 1.0])  # arrivals per step
    arrivals = rng.poisson(rates, (STEPS, len(rates))).astype(np.uint8)
    result = run_lif(INTERNEURON, arrivals * INTERNEURON["gain_exc"], np.zeros(arrivals.shape), np.zeros(len(rates)))
    kept = {name: result[name] for name in ("v_mv", "g_exc", "spikes")}
    return {**INTERNEURON, "arrivals_exc": arrivals, **kept}


def triplet_stdp() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(20200103)
    pre = bernoulli_trains(rng, np.array([5, 10, 20, 40, 60, 80, 100, 120]), STEPS)
    post = bernoulli_trains(rng, np.array([2, 10, 25, 60, 100, 150]), STEPS)
    post[(rng.random(STEPS) < 0.04), 3] |= 1
    post[1:, 5] |= pre[:-1, 6] & (rng.random(STEPS - 1) < 0.5)  # one pair that is causally related
    weight_start = rng.integers(50, 206, (8, 6)) / WEIGHT_MAX
    weight_start[0, :], weight_start[7, :] = 1 / WEIGHT_MAX, 254 / WEIGHT_MAX  # near the bounds: the clipping acts
    p = TRIPLET
    space: dict[str, Any] = {
        "pre_train": TimedArray(pre.astype(float), dt=1 * ms),
        "post_train": TimedArray(post.astype(float), dt=1 * ms),
        "tau_x": p["tau_x_ms"] * ms,
        "tau_y1": p["tau_y1_ms"] * ms,
        "tau_y2": p["tau_y2_ms"] * ms,
        "mu_pre": p["mu_pre"],
        "mu_post": p["mu_post"],
    }
    network = new_network()
    inputs = NeuronGroup(
        pre.shape[1],
        "dx/dt = -x/tau_x : 1",
        method="exact",
        threshold="pre_train(t, i) > 0.5",
        reset="x = 1",
        namespace=space,
    )
    outputs = NeuronGroup(
        post.shape[1],
        "dy1/dt = -y1/tau_y1 : 1\ndy2/dt = -y2/tau_y2 : 1",
        method="exact",
        threshold="post_train(t, i) > 0.5",
        reset="y1 = 1\ny2 = 1",
        namespace=space,
    )
    inputs.state_updater.when = outputs.state_updater.when = "decay"
    inputs.thresholder["spike"].when = "before_arrive"
    inputs.resetter["spike"].when = "arrive"
    synapses = Synapses(
        inputs,
        outputs,
        "w : 1",
        on_pre="w = clip(w - mu_pre*y1_post, 0, 1)",
        on_post="w = clip(w + mu_post*x_pre*y2_post, 0, 1)",
        namespace=space,
    )
    synapses.connect()
    synapses.pre.when = "depress"
    synapses.post.when = "potentiate"
    synapses.w = weight_start.ravel()
    traces_pre = StateMonitor(inputs, "x", record=True, when="end")
    traces_post = StateMonitor(outputs, ["y1", "y2"], record=True, when="end")
    weights = StateMonitor(synapses, "w", record=True, when="end")
    network.add(inputs, outputs, synapses, traces_pre, traces_post, weights)
    network.run(STEPS * ms)
    order = np.array(synapses.i) * post.shape[1] + np.array(synapses.j)
    if not (order == np.arange(weight_start.size)).all():
        raise RuntimeError("Brian2 orders synapses in another way than (input, neuron)")
    trajectory = np.array(weights.w).T.reshape(STEPS, *weight_start.shape)
    return {
        **TRIPLET,
        "pre": pre,
        "post": post,
        "weight_start": weight_start,
        "x": np.array(traces_pre.x).T.astype(np.float32),
        "y1": np.array(traces_post.y1).T.astype(np.float32),
        "y2": np.array(traces_post.y2).T.astype(np.float32),
        "weights": trajectory.astype(np.float32),
        "weight_end": trajectory[-1],
    }


MAKERS = {
    "conductance_lif.npz": conductance_lif,
    "inhibitory_lif.npz": inhibitory_lif,
    "triplet_stdp.npz": triplet_stdp,
}


def write(path: Path, data: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as file:
        np.savez_compressed(file, **data)
    os.replace(temporary, path)


def differences(path: Path, data: dict[str, Any]) -> list[str]:
    """Names of entries that differ from the file by more than 1e-9, or are missing on either side."""
    with np.load(path, allow_pickle=False) as kept:
        names = set(kept.files) ^ set(data)
        for name in set(kept.files) & set(data):
            new, old = np.asarray(data[name]), kept[name]
            same = new.shape == old.shape and np.allclose(new, old, rtol=1e-9, atol=1e-9)
            if not same and not (new.dtype == np.float32 and np.allclose(new, old, rtol=1e-6, atol=1e-7)):
                names.add(name)
    return sorted(names)


def main() -> int:
    parser = argparse.ArgumentParser(description="Golden trajectories from Brian2.")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    arguments = parser.parse_args()
    prefs.codegen.target = "numpy"
    failed = False
    for name, make in MAKERS.items():
        data = make()
        if arguments.check:
            differing = differences(HERE / name, data)
            failed |= bool(differing)
            print(f"{name}: {'differs in ' + ', '.join(differing) if differing else 'as kept'}")
        else:
            write(HERE / name, data)
            print(f"{name}: {(HERE / name).stat().st_size} bytes")
        if "spikes" in data:
            print("  spikes per neuron:", data["spikes"].sum(axis=0))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
