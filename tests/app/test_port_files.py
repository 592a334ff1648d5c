"""Exchange files of the port: netx loads what we ran, NIR gives back what it got, and the command line."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.errors import InputError
from lavaprune.port.emulator import StockEmulator, input_spikes
from lavaprune.port.netx_file import write_netx
from lavaprune.port.nir_file import nir_graph, read_nir, write_nir
from lavaprune.port.stock_network import StockNetwork
from lavaprune.processes.control import PHASE_TEST
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.runs import RunFolder
from lavaprune.runtime.watchdog import run_guarded
from lavaprune.training.run import train

Capture = pytest.CaptureFixture[str]
STEPS, REST, INPUTS, NEURONS = 60, 20, 30, 9
ABOUT = {"source": "lavaprune", "seed": 1}


def network(weights: np.ndarray, lateral: np.ndarray | None = None, **changes: Any) -> StockNetwork:
    values: dict[str, Any] = {
        "weights": weights,
        "weight_exp": 0,
        "lateral": np.zeros((len(weights), len(weights)), int) if lateral is None else lateral,
        "lateral_exp": 2,
        "du": 2100,
        "dv": 150,
        "vth": 2500,
        "bias_mant": np.arange(len(weights)) - 3,
        "bias_exp": 6,
        "steps": STEPS,
        "rest_steps": REST,
        "neuron_labels": np.arange(len(weights)) % 4 - 1,
    }
    return StockNetwork(**(values | changes))


RNG = np.random.default_rng(7)
EXCITATORY = RNG.integers(0, 256, (NEURONS, INPUTS))
MIXED = 2 * RNG.integers(-60, 128, (NEURONS, INPUTS))
SMALL = 2 * RNG.integers(-20, 51, (NEURONS, INPUTS))  # netx shifts these to the left, and their sum back
LATERAL = -RNG.integers(1, 200, (NEURONS, NEURONS))
IMAGES = RNG.integers(0, 256, (2, INPUTS)).astype(np.uint8)
PARAMETERS = NetworkParameters(n_inputs=INPUTS, n_neurons=NEURONS, steps=STEPS, max_rate_hz=80.0, equalise=0.0)


@pytest.mark.parametrize("weights", [EXCITATORY, MIXED, SMALL], ids=["excitatory", "mixed", "small"])
def test_netx_gives_the_same_spikes(weights: np.ndarray, tmp_path: Path) -> None:
    hdf5 = pytest.importorskip("lava.lib.dl.netx.hdf5", reason="needs lava-dl: make setup-dl")
    ours = network(weights, vth=700 if weights is SMALL else 2500)
    write_netx(tmp_path / "n.net", ours, ABOUT)
    loaded = hdf5.Network(net_config=str(tmp_path / "n.net"))
    spikes = input_spikes(PARAMETERS, IMAGES, PHASE_TEST, 0, ours.period)
    source = Source(data=np.ascontiguousarray(spikes.T))
    sink = Sink(shape=loaded.out.shape, buffer=len(spikes))
    source.s_out.connect(loaded.inp)
    loaded.out.connect(sink.a_in)
    steps = RunSteps(num_steps=len(spikes))
    on_netx = run_guarded(source, steps, Loihi2SimCfg(select_tag="fixed_pt"), 120.0, sink.data.get)
    _, raster = StockEmulator(ours, PARAMETERS).present(IMAGES, PHASE_TEST, record=True)
    np.testing.assert_array_equal(raster, on_netx.T)
    assert 0.01 < raster.mean() < 0.9


def test_netx_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "n.net"
    write_netx(path, network(MIXED), ABOUT)
    with h5py.File(path) as file:
        assert file.attrs["source"] == "lavaprune"
        assert file.attrs["rest_steps"] == REST
        assert "lateral inhibition" in file.attrs["not_expressed"]
        np.testing.assert_array_equal(file["neuron_labels"], np.arange(NEURONS) % 4 - 1)
        assert file["layer/1/weight"].dtype == np.float32
        np.testing.assert_array_equal(file["layer/1/weight"], MIXED)
        assert file["layer/1/neuron/iDecay"][()] == 2101


def test_netx_refuses_what_it_cannot_express(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot express lateral weights of -"):
        write_netx(tmp_path / "n.net", network(EXCITATORY, LATERAL), ABOUT)
    with pytest.raises(InputError, match="cannot express weight_exp -2, bias_exp 6; allowed: 0 and 6"):
        write_netx(tmp_path / "n.net", network(EXCITATORY, weight_exp=-2), ABOUT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lateral", [None, LATERAL], ids=["forward", "lateral"])
def test_nir_gives_back_the_network(lateral: np.ndarray | None, tmp_path: Path) -> None:
    ours = network(EXCITATORY, lateral, weight_exp=-3, vth=320)
    write_nir(tmp_path / "n.nir", ours, ABOUT)
    back = read_nir(tmp_path / "n.nir")
    for field in fields(StockNetwork):
        if field.name != "lateral_exp" or ours.has_lateral:
            np.testing.assert_array_equal(getattr(back, field.name), getattr(ours, field.name), err_msg=field.name)
    graph, read = nir_graph(ours, ABOUT), nir.read(tmp_path / "n.nir")
    assert set(read.edges) == set(graph.edges)
    assert (("neurons", "lateral") in read.edges) == ours.has_lateral
    for name, node in graph.nodes.items():
        for quantity, value in vars(node).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(read.nodes[name], quantity), value, err_msg=f"{name}.{quantity}")
    assert read.metadata["source"] == "lavaprune"


def euler(graph: nir.NIRGraph, spikes: np.ndarray) -> np.ndarray:
    """A NIR graph's differential equations in Euler steps of 1 ms, every connection a step late, (T, N)."""
    neurons, dt_s = graph.nodes["neurons"], 1e-3
    current, voltage = np.zeros(NEURONS), np.zeros(NEURONS)
    arriving, raster = np.zeros(NEURONS), []
    for row in spikes:
        current = current + dt_s / neurons.tau_syn * (-current + neurons.w_in * arriving)
        voltage = voltage + dt_s / neurons.tau_mem * (neurons.v_leak - voltage + neurons.r * current)
        fired = voltage > neurons.v_threshold
        voltage = np.where(fired, neurons.v_reset, voltage)
        raster.append(fired)
        arriving = graph.nodes["synapses"].weight @ row
        if "lateral" in graph.nodes:
            arriving = arriving + graph.nodes["lateral"].weight @ fired
    return np.array(raster)


@pytest.mark.parametrize("lateral", [None, LATERAL], ids=["forward", "lateral"])
def test_nir_means_the_same_neurons(lateral: np.ndarray | None) -> None:
    """Its equations fire as the integers do, but for rounding."""
    ours = network(EXCITATORY, lateral)
    spikes = input_spikes(PARAMETERS, IMAGES, PHASE_TEST, 0, ours.period)
    _, raster = StockEmulator(ours, PARAMETERS).present(IMAGES, PHASE_TEST, record=True)
    by_equations = euler(nir_graph(ours), spikes)
    assert raster.sum() > 20
    assert (by_equations != raster).sum() <= 0.05 * raster.sum()


def test_nir_has_no_time_constant_without_end() -> None:
    with pytest.raises(InputError, match="dv is 0"):
        nir_graph(network(EXCITATORY, dv=0))


@pytest.mark.parametrize("content", [None, b"", b"no HDF5", "foreign"])
def test_what_is_no_network(content: bytes | str | None, tmp_path: Path) -> None:
    path = tmp_path / "n.nir"
    if content == "foreign":
        nir.write(path, nir.NIRGraph.from_list(nir.Linear(np.ones((2, 3)))))
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"n\.nir: (cannot be read|not a stock network)"):
        read_nir(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "digits"
    settings = build_settings(preset="digits", assignments=["passes=1", "pictures=false", "neurons=40"])
    train(settings, None, path)
    return path


@pytest.mark.parametrize("file_format", ["netx", "nir"])
def test_export(file_format: str, run: Path, tmp_path: Path, capfd: Capture) -> None:
    out = tmp_path / "file"
    assert main(["export", str(run), "--format", file_format, "--out", str(out), "--json"]) == 0
    result = json.loads(capfd.readouterr().out)
    own = json.loads((run / "result.json").read_text())
    assert result["format"] == file_format
    assert (result["inputs"], result["neurons"], result["dataset"]) == (64, 40, "digits")
    assert result["weights_sha256"] == own["weights_sha256"]
    assert result["training_accuracy"] > 0.5
    assert any("conductances" in reason for reason in result["not_expressed"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    if file_format == "nir":
        assert read_nir(out).has_lateral
    first = out.read_bytes()
    assert main(["export", str(run), "--format", file_format, "--out", str(out)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("not_expressed: ")] == [
        f"not_expressed: {reason}" for reason in result["not_expressed"]
    ]
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("file_format", "out", "message"),
    [
        ("onnx", "file", "format is 'onnx'; allowed: netx | nir"),
        ("nir", "nowhere/file", "output file nowhere/file: cannot be written"),
        ("nir", ".", "output file .: cannot be written"),
        ("netx", "a" * 300, "cannot be written"),
    ],
)
def test_export_refuses(
    file_format: str,
    out: str,
    message: str,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: Capture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run), "--format", file_format, "--out", out]) == 2
    output = capfd.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert message in output.err
    assert list(tmp_path.iterdir()) == []


def test_export_of_a_run_that_has_no_network_yet(tmp_path: Path, capfd: Capture) -> None:
    folder = RunFolder.create(tmp_path / "r", build_settings(preset="digits")).path
    for run_dir, message in ((folder, "no checkpoint"), (tmp_path / "none", "no such folder")):
        assert main(["export", str(run_dir), "--format", "nir", "--out", str(tmp_path / "f")]) == 2
        assert message in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
