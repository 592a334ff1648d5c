"""Events of a deep network, spike by spike, and `lavaprune energy` and `fit` on deep runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.cli import main

torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")
pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")

from lavaprune.deep.chip_network import layers_on_chip  # noqa: E402
from lavaprune.deep.data import Images  # noqa: E402
from lavaprune.deep.evaluation import TEST, chunks, evaluate_network  # noqa: E402
from lavaprune.deep.folding import FoldedLayer, fold_network  # noqa: E402
from lavaprune.deep.testing import counts_of  # noqa: E402
from lavaprune.energy.hardware_events import EVENT_KEYS  # noqa: E402

Capture = pytest.CaptureFixture[str]
STEPS, IMAGES = 6, 2


def synapses_of(layer: FoldedLayer) -> list[tuple[int, int, int]]:
    """Every synapse of a folded layer with a weight: (source, target, weight), neurons in the order C, H, W."""
    channels, height, width = layer.inputs
    units, out_height, out_width = layer.outputs
    found = []
    if layer.kind == "dense":
        for u, i in zip(*np.nonzero(layer.weight), strict=True):
            found.append((int(i), int(u), int(layer.weight[u, i])))
        return found
    for u, c, ky, kx in zip(*np.nonzero(layer.weight), strict=True):
        for oy in range(out_height):
            for ox in range(out_width):
                y, x = oy * layer.stride - layer.padding + ky, ox * layer.stride - layer.padding + kx
                if 0 <= y < height and 0 <= x < width:
                    source = (c * height + y) * width + x
                    target = (u * out_height + oy) * out_width + ox
                    found.append((int(source), int(target), int(layer.weight[u, c, ky, kx])))
    return found


def brute_force(layers: list[FoldedLayer], image: np.ndarray) -> dict[str, dict[str, int]]:
    """One image (T, H, W, C), neuron by neuron in Python's integers: what every layer does."""
    sent = [np.flatnonzero(frame.transpose(2, 0, 1).ravel()).tolist() for frame in image]
    counts = {}
    for layer in layers:
        outgoing: dict[int, list[tuple[int, int]]] = {}
        for source, target, weight in synapses_of(layer):
            outgoing.setdefault(source, []).append((target, weight))
        neurons = int(np.prod(layer.outputs))
        places = neurons // layer.outputs[0]
        v = [0] * neurons
        operations = spikes = active = 0
        following = []
        for arrived in sent:
            total, reached = [0] * neurons, [False] * neurons
            for source in arrived:
                for target, weight in outgoing.get(source, []):
                    operations += 1
                    total[target] += weight
                    reached[target] = True
            fired = []
            for n in range(neurons):
                bias = int(layer.bias[n // places])
                active += bool(bias or reached[n] or v[n])
                kept = v[n] * 819
                v[n] = (kept // 4096 if kept >= 0 else -(-kept // 4096)) + 64 * (total[n] + bias)
                if v[n] > layer.threshold * 64:
                    v[n] = 0
                    fired.append(n)
            spikes += len(fired)
            following.append(fired)
        counts[layer.name] = {
            "synaptic_ops": operations,
            "spikes": spikes,
            "neuron_updates_active": active,
            "neuron_updates_inactive": neurons * len(sent) - active,
        }
        sent = following
    return counts


@pytest.mark.parametrize(("name", "shape"), [("digits", (4, 4, 1)), ("conv", (4, 4, 2)), ("fc", (4, 4, 1))])
@pytest.mark.parametrize("in_torch", [False, True])
def test_counts_are_those_of_every_spike(
    make_network: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    shape: tuple[int, int, int],
    in_torch: bool,
) -> None:
    """Pruned rows and kernels, units without a bias, units without a synapse; images one at a time."""
    network = make_network(name, shape)
    monkeypatch.setattr(network, "samples_at_once", lambda steps: 1)
    network.in_torch = in_torch
    generator = torch.Generator().manual_seed(3)
    for layer in network.layers:
        synapse = network.blocks[layer.spec.name].synapse
        synapse.weight.data *= torch.rand(synapse.weight.shape, generator=generator) < 0.5
        synapse.weight.data[1] = 0
        synapse.bias.data[: len(synapse.bias) // 2] = 0
    pixels = np.random.default_rng(0).integers(0, 120, (IMAGES, *shape)).astype(np.uint8)
    images = Images(pixels, STEPS)
    found = counts_of(network, evaluate_network(network, images, 0, TEST, updates=True))
    ((_, spikes),) = chunks(images, 0, TEST)
    layers = fold_network(network)
    expected = [brute_force(layers, spikes[:, i]) for i in range(IMAGES)]
    assert (found.steps, found.input_spikes) == (STEPS * IMAGES, int(spikes.sum()))
    for layer in layers:
        total = {key: sum(image[layer.name][key] for image in expected) for key in expected[0][layer.name]}
        assert vars(found.layers[layer.name]) == total, layer.name
        assert total["spikes"] or layer.name == "out", layer.name
        assert total["neuron_updates_inactive"], layer.name  # a unit without bias and synapses is at rest
        assert total["neuron_updates_active"], layer.name
    for layer, on_chip in zip(layers, layers_on_chip(layers).values(), strict=True):
        assert on_chip.synapses == len(synapses_of(layer))


def test_probes_count_no_updates(make_network: Callable[..., Any]) -> None:
    network = make_network("fc", (4, 4, 1))
    images = Images(np.full((2, 4, 4, 1), 90, np.uint8), 3)
    assert evaluate_network(network, images, 0, TEST).active == {}


def answer(capfd: Capture, *arguments: str | Path) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def refused(capfd: Capture, *arguments: str | Path) -> str:
    code = main([*map(str, arguments)])
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    return err


def result_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


def test_energy_has_the_keys_of_other_runs(deep_runs: dict[str, Path], capfd: Capture) -> None:
    found = answer(capfd, "energy", deep_runs["pruned"])
    result = result_of(deep_runs["pruned"])
    assert list(found["phases"]) == list(found["range_pj"]) == ["inference"]
    assert (found["training"], found["sops"]["training_per_image"]) == (None, None)
    assert "on the host" in found["training_note"]
    phase, counts = found["phases"]["inference"], result["counts"]["inference"]
    events = phase["events"]
    assert set(events) == set(EVENT_KEYS)
    assert phase["images"] == 60
    assert events["steps"] == 60 * 5 == counts["steps"]
    assert events["synaptic_ops"] == round(60 * result["sops_per_image"])
    neurons = 8 * 8 * (8 + 16) + 64 + 10
    assert events["neuron_updates_active"] + events["neuron_updates_inactive"] == neurons * 60 * 5
    assert events["synaptic_updates"] == events["controller_ops"] == 0
    assert phase["pj_per_image"] == pytest.approx(sum(phase["components_pj"].values()) / 60)
    assert phase["components_pj"]["synaptic_ops"] == pytest.approx(23.6 * events["synaptic_ops"])
    assert found["range_pj"]["inference"]["low"] <= phase["total_pj"] <= found["range_pj"]["inference"]["high"]
    assert found["sops"]["inference_per_image"] == pytest.approx(result["sops_per_image"])
    assert found["sops"]["inference_per_image_per_layer"] == pytest.approx(result["sops_per_image_per_layer"])
    metrics = found["neurobench"]
    weights = 72 + 1152 + 64 * 256 + 640
    assert metrics["footprint_bytes"] == weights + 2 * (8 + 16 + 64 + 10)
    assert metrics["connection_sparsity"] == round(1 - sum(result["nonzero_weights"].values()) / weights, 4)
    # every input spikes in every step: 3x3 kernels with their edges cut off (22 of 24 places along a side)
    assert metrics["dense_input_acs"] == 5 * (22 * 22 * (8 + 8 * 16) + 64 * 1024 + 640)
    (reference, *_) = found["conventional"]
    assert reference["counts"]["multiply_accumulate"] == 22 * 22 * (8 + 8 * 16) + 64 * 256 + 640
    assert reference["counts"]["memory_access"] == weights + (64 + 512 + 256 + 64) + (512 + 1024 + 64 + 10)


def test_energy_of_other_chips_and_options(deep_runs: dict[str, Path], tmp_path: Path, capfd: Capture) -> None:
    picture = tmp_path / "e.png"
    found = answer(capfd, "energy", deep_runs["pruned"], "--hardware", "truenorth", "--picture", picture, "--effective")
    assert found["profile"] == "truenorth"
    assert picture.stat().st_size > 1000
    found = answer(capfd, "energy", deep_runs["pruned"], "--step-time-us", "10")
    assert found["phases"]["inference"]["components_pj"]["static_power"] > 0
    assert main(["energy", str(deep_runs["pruned"])]) == 0
    text = capfd.readouterr().out
    assert "Training is not priced: a deep network learns on the host, by backpropagation." in text
    assert "SOPs per image: inference " in text


def test_energy_beside_the_dense_network(deep_runs: dict[str, Path], capfd: Capture) -> None:
    """The dense run's own spikes count, not the pruned network's through all synapses."""
    found = answer(capfd, "energy", deep_runs["pruned"], "--unpruned", deep_runs["dense"])
    pruned, dense = (result_of(deep_runs[name]) for name in ("pruned", "dense"))
    assert list(found["phases"]) == ["unpruned, inference", "inference"]
    assert found["phases"]["unpruned, inference"]["events"]["synaptic_ops"] == round(60 * dense["sops_per_image"])
    share = pruned["sops_per_image"] / dense["sops_per_image"]
    sops = found["sops"]
    assert sops["inference_normalised"] == sops["total_normalised"] == pytest.approx(share)
    assert sops["training_normalised"] is None
    assert sops["accuracy_loss_points"] == pytest.approx(100 * (dense["accuracy"] - pruned["accuracy"]))


def test_fit_counts_the_synapses_that_are_left(deep_runs: dict[str, Path], capfd: Capture) -> None:
    found = answer(capfd, "fit", deep_runs["pruned"])
    result = result_of(deep_runs["pruned"])
    assert found["network"]["neurons_per_layer"] == {"conv1": 512, "conv2": 1024, "fc1": 64, "out": 10}
    assert found["network"]["connectivity"] == result["connectivity"]
    synapses = {each["name"]: each["synapses"] for each in found["connections"]}
    assert synapses["conv2->fc1"] == result["nonzero_weights"]["fc1"]  # pooled windows share axons
    assert synapses["fc1->out"] == result["nonzero_weights"]["out"]
    assert found["cores"] >= 4  # a layer's neurons share no core with another's
    assert found["placeable"]
    assert found["savings"]["synaptic_bits"] < found["savings"]["synaptic_bits_unpruned"]
    assert found["cores_with_shared_lateral"] is None
    separate = answer(capfd, "fit", deep_runs["pruned"], "--pooling", "separate", "--chip", "loihi2")
    assert separate["chip"] == "loihi2"
    assert {e["name"]: e["synapses"] for e in separate["connections"]}["conv2->fc1"] == 4 * synapses["conv2->fc1"]
    assert main(["fit", str(deep_runs["pruned"])]) == 0
    assert "loihi1: 64 inputs, 1,610 neurons, " in capfd.readouterr().out


def test_what_is_of_the_other_kind_of_run_is_refused(
    deep_runs: dict[str, Path], tmp_path: Path, capfd: Capture
) -> None:
    run = deep_runs["pruned"]
    stdp = tmp_path / "stdp"
    small = ["train_images=20", "label_images=10", "test_images=10", "steps=20", "neurons=5", "pictures=false"]
    assert main(["train", *(part for each in small for part in ("--set", each)), "--out", str(stdp)]) == 0
    capfd.readouterr()
    assert "pruned on the host" in refused(capfd, "energy", run, "--overhead")
    assert "one is of lavaprune deep; allowed: both or none" in refused(capfd, "energy", run, "--unpruned", stdp)
    assert "one is of lavaprune deep; allowed: both or none" in refused(capfd, "energy", stdp, "--unpruned", run)
    assert "--lateral is of runs of lavaprune train" in refused(capfd, "fit", run, "--lateral", "shared")
    assert "--only is of runs of lavaprune train" in refused(capfd, "fit", run, "--only", "input")
    assert "--pooling is 'odd'; allowed: shared, separate" in refused(capfd, "fit", run, "--pooling", "odd")
    assert "--pooling is of runs of lavaprune deep" in refused(capfd, "fit", stdp, "--pooling", "shared")
    sizes = ("--inputs", "9", "--neurons", "9", "--connectivity", "1", "--pooling", "shared")
    assert "--pooling without RUN" in refused(capfd, "fit", *sizes)


def test_older_and_damaged_results(deep_runs: dict[str, Path], tmp_path: Path, capfd: Capture) -> None:
    """A run that was finished before events were counted is tested again by --resume, and then is as any other."""
    old = tmp_path / "old"
    shutil.copytree(deep_runs["pruned"], old)
    whole = result_of(old)

    def write(change: Callable[[dict[str, Any]], Any]) -> None:
        result = json.loads(json.dumps(whole))
        change(result)
        (old / "result.json").write_text(json.dumps(result))

    write(lambda result: result["counts"]["inference"].update(steps=-1))
    assert "no usable counts or accuracy" in refused(capfd, "energy", old)
    write(lambda result: result["counts"]["inference"]["layers"].pop("fc1"))
    assert "allowed: those of its network, conv1, conv2, fc1, out" in refused(capfd, "energy", old)
    write(lambda result: (result.pop("counts"), result.pop("confusion")))
    assert "has no counts (an older version wrote it); allowed: " in refused(capfd, "energy", old)
    assert main(["deep", "train", "--resume", "--out", str(old)]) == 0
    again = result_of(old)
    assert (again.pop("seconds")["train"], again) == (whole.pop("seconds")["train"], whole)
