"""The port to stock Processes: emulator and Lava to the bit, folding, choice of the gain."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink

from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError
from lavaprune.port.emulator import StockEmulator, input_spikes
from lavaprune.port.folding import FORWARD_PORTS, LATERAL_PORT, LATERAL_PORTS, fold, relative_weights
from lavaprune.port.lava_graph import TAG, show_on_lava, stock_processes
from lavaprune.port.porting import Trained, accuracy, load_trained, matching_gain, stock_network
from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.runtime.watchdog import run_guarded
from lavaprune.training.offline import accuracy_offline, respond, train_offline
from lavaprune.training.run import train

STEPS, REST = 40, 12


def small(seed: int = 1, **changes: Any) -> StockNetwork:
    """Twelve inputs and seven neurons that fire and inhibit each other."""
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        "weights": rng.integers(0, 256, (7, 12)),
        "weight_exp": -1,
        "lateral": -rng.integers(0, 200, (7, 7)),
        "lateral_exp": 3,
        "du": 1900,
        "dv": 180,
        "vth": 700,
        "bias_mant": rng.integers(-9, 9, 7),
        "bias_exp": 6,
        "steps": STEPS,
        "rest_steps": REST,
    }
    return StockNetwork(**(values | changes))


def parameters(**changes: Any) -> NetworkParameters:
    values: dict[str, Any] = {"n_inputs": 12, "n_neurons": 7, "steps": STEPS, "max_rate_hz": 200.0, "equalise": 0.0}
    return NetworkParameters(**(values | changes))


IMAGES = np.random.default_rng(2).integers(0, 256, (3, 12)).astype(np.uint8)
MIXED = 2 * np.random.default_rng(3).integers(-128, 128, (7, 12))
WRAPPING = {"weights": np.full((7, 12), 255), "weight_exp": 7, "du": 0, "dv": 0, "vth": 131071, "lateral_exp": 7}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"weights": MIXED, "lateral": np.zeros((7, 7), int), "weight_exp": 0, "vth": 300},
        WRAPPING,  # currents that leave 24 bits
        {"bias_mant": np.full(7, 40), "bias_exp": 7, "vth": 300, "weight_exp": -8},  # spikes without input, and in rest
    ],
    ids=["lateral", "mixed", "wrapping", "bias"],
)
def test_emulator_is_lavas_graph_spike_for_spike(changes: dict[str, Any]) -> None:
    network, p = small(**changes), parameters()
    counts, raster = StockEmulator(network, p).present(IMAGES, PHASE_TEST, 5, record=True)
    spikes = input_spikes(p, IMAGES, PHASE_TEST, 5, network.period)
    graph = stock_processes(network, spikes)
    sink = Sink(shape=(7,), buffer=len(spikes))
    graph.neurons.s_out.connect(sink.a_in)
    steps = RunSteps(num_steps=len(spikes))
    on_lava = run_guarded(graph.neurons, steps, Loihi2SimCfg(select_tag=TAG), 120.0, sink.data.get)
    np.testing.assert_array_equal(raster, on_lava.T)
    np.testing.assert_array_equal(counts, raster.reshape(3, network.period, 7).sum(axis=1))
    assert 0 < raster.mean() < 1


def test_counts_on_lava_and_state_that_goes_on() -> None:
    network, p = small(rest_steps=1), parameters()
    whole, _ = StockEmulator(network, p).present(IMAGES, PHASE_TEST)
    emulator = StockEmulator(network, p)
    parts = [emulator.present(IMAGES[k : k + 1], PHASE_TEST, k)[0] for k in range(3)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    np.testing.assert_array_equal(
        whole, show_on_lava(network, input_spikes(p, IMAGES, PHASE_TEST, 0, network.period))
    )
    afresh, _ = StockEmulator(network, p).present(IMAGES[1:], PHASE_TEST, 1)
    assert (afresh[0] != whole[1]).any()  # one silent step is too short a rest


def test_input_is_that_of_the_trained_network() -> None:
    """The same spikes as our encoder's, and silence after each image."""
    p = parameters()
    control = np.zeros((3, 6), np.int64)
    control[:, 0], control[:, 1] = np.arange(3) + 5, PHASE_TEST
    _, recording = FusedEngine(p, initial_state(p)).run(IMAGES, control, record=True)
    assert recording is not None
    spikes = input_spikes(p, IMAGES, PHASE_TEST, 5, STEPS + REST).reshape(3, STEPS + REST, 12)
    np.testing.assert_array_equal(spikes[:, :STEPS], recording.inputs)
    assert spikes[:, :STEPS].any()
    assert not spikes[:, STEPS:].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": np.full((7, 12), 256)}, r"weights\[0, 0\] is 256; allowed: integers 0 .. 255"),
        ({"weights": MIXED + 1}, "odd; allowed: even numbers -256 .. 254"),
        ({"weights": np.zeros(12)}, r"weights have shape \(12,\)"),
        ({"lateral": np.ones((7, 7))}, "lateral.* is 1.0; allowed: integers -255 .. 0"),
        ({"vth": 131072}, "vth is 131072; allowed: an integer 1 .. 131071"),
        ({"dv": 4096}, "dv is 4096"),
        ({"weight_exp": 8}, "weight_exp is 8; allowed: an integer -8 .. 7"),
        ({"bias_mant": np.full(7, 4096)}, "bias_mant"),
        ({"rest_steps": 0}, "rest_steps is 0"),
    ],
)
def test_what_loihi_has_no_range_for(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_sizes_must_fit() -> None:
    with pytest.raises(ValueError, match="steps is 40; allowed: 41"):
        StockEmulator(small(), parameters(steps=41))
    with pytest.raises(ValueError, match=r"images are uint8\(3, 11\)"):
        StockEmulator(small(), parameters()).present(IMAGES[:, 1:], PHASE_TEST)


def test_thresholds_are_divided_out() -> None:
    """One spike adds gain / tau w/255 to w = -ln(1 - share); a neuron whose threshold is e_exc can never fire."""
    p = parameters(n_neurons=3, v_rest_mv=-60.0, v_th_mv=-50.0, e_exc_mv=0.0, gain_exc=2.0, tau_m_ms=100.0)
    state = initial_state(p)
    weights = np.full((12, 3), 51, np.uint8)
    theta = np.round(np.array([20.0, 35.0, 50.0]) * 65536).astype(np.int32)  # thresholds at 1/2, 3/4 and all of the way
    state = replace(state, weights=weights, theta=theta)
    relative = relative_weights(p, state, replace(LATERAL_PORT, exponent=1.0))
    arrived = 1 / (1 - np.exp(-1 / p.tau_ge_ms))  # of the conductance, summed over its decay
    expected = 0.2 * 2.0 * arrived / 100 / np.log([2.0, 4.0])
    np.testing.assert_allclose(relative[:2], np.repeat(expected[:, None], 12, axis=1))
    assert (relative[2] == 0).all()
    with pytest.raises(ValueError, match="no neuron can fire"):
        fold(p, replace(state, theta=np.full(3, 50 * 65536, np.int32)), LATERAL_PORT)


def test_folded_integers_say_what_the_settings_say() -> None:
    p = parameters()
    network = fold(p, initial_state(p), LATERAL_PORT)
    charge = 4096 / (network.du + 1)
    for share, weight in ((LATERAL_PORT.lateral, network.lateral[0, 1]), (LATERAL_PORT.own, network.lateral[0, 0])):
        assert -weight * 2.0**network.lateral_exp * charge / network.vth == pytest.approx(share, rel=0.02)
    assert network.weights.max() == 255
    assert network.vth <= 1 << 11
    assert network.bias_mant[0] == round(LATERAL_PORT.bias * network.vth)
    relative = relative_weights(p, initial_state(p), LATERAL_PORT)
    recovered = network.weights * 2.0**network.weight_exp * charge / network.vth
    np.testing.assert_allclose(recovered, relative, atol=0.6 / 255 * relative.max())


@pytest.fixture(scope="module")
def digits() -> Trained:
    settings = build_settings(preset="digits")
    data = load_dataset("digits")
    engine = train_offline(settings, data, len(data.train_images))
    return Trained(settings.network_parameters(data.n_inputs), engine.state(), data, len(data.train_images))


def test_gain_matches_the_spikes(digits: Trained) -> None:
    gain = matching_gain(digits, LATERAL_PORT)
    images = digits.data.train_images[:500].copy()
    ours = respond(FusedEngine(digits.parameters, digits.state), images, PHASE_LABEL).sum()
    network = fold(digits.parameters, digits.state, LATERAL_PORT, gain)
    counts, _ = StockEmulator(network, digits.parameters).present(images, PHASE_LABEL)
    assert counts.sum() / ours == pytest.approx(LATERAL_PORT.spike_ratio, rel=0.05)


def test_port_of_digits(digits: Trained) -> None:
    """Within five points of the original, with and without lateral inhibition; pruned synapses stay away with it."""
    engine = FusedEngine(digits.parameters, digits.state)
    own = accuracy_offline(engine, digits.data, digits.label_images, len(digits.data.test_images))
    assert own > 0.6
    for candidates in (LATERAL_PORTS, FORWARD_PORTS):
        network = stock_network(digits, candidates)
        assert accuracy(network, digits, "test", len(digits.data.test_images)) > own - 0.05
    lateral = stock_network(digits, LATERAL_PORTS)
    assert not lateral.weights.T[digits.state.weights == 0].any()


def test_network_that_cannot_be_ported(digits: Trained) -> None:
    high = replace(digits.state, theta=np.full(digits.parameters.n_neurons, 60 << 16, np.int32))
    with pytest.raises(InputError, match="no neuron can fire"):
        stock_network(replace(digits, state=high), LATERAL_PORTS)
    impossible = replace(LATERAL_PORT, bias=3.0)  # bias_mant above 4095
    found = stock_network(digits, (impossible, LATERAL_PORT))
    np.testing.assert_array_equal(found.weights, stock_network(digits, (LATERAL_PORT,)).weights)


def test_run_without_a_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    with pytest.raises(InputError, match="no checkpoint"):
        load_trained(tmp_path, None)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_port_of_mnist(tmp_path: Path) -> None:
    """The whole test set, N = 100, seed 1; docs/porting.md has more."""
    data_dir = os.environ.get("LAVAPRUNE_DATA")
    if not data_dir:
        pytest.skip("needs MNIST: set LAVAPRUNE_DATA to a folder with MNIST/raw")
    settings = build_settings(preset="mnist-100", assignments=["seed=1", "pictures=false"])
    own = train(settings, Path(data_dir), tmp_path / "run")["accuracy"]
    trained = load_trained(tmp_path / "run", Path(data_dir))
    assert accuracy(stock_network(trained, LATERAL_PORTS), trained, "test", 10_000) > own - 0.01
    assert accuracy(stock_network(trained, FORWARD_PORTS), trained, "test", 10_000) > own - 0.03
