"""`lavaprune deep` on the embedded digits: contract, resuming, Lava, and wrong input in one line."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.cli import main
from lavaprune.errors import InputError

FAST = ["train_images=200", "validation_images=60", "test_images=297", "epochs=4", "steps=6", "batch=10"]


def deep(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON object on stdout (empty if none) and stderr."""
    capsys.readouterr()  # lava-dl prints when a test imports it
    code = main(["deep", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, json.loads(captured.out) if captured.out.strip() else {}, captured.err


def settings(*changes: str) -> list[str]:
    return [part for change in (*FAST, *changes) for part in ("--set", change)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    out = tmp_path_factory.mktemp("deep") / "run"
    assert main(["deep", "train", *settings("pruning.rate_fc=0.5"), "--out", str(out)]) == 0
    return out


def test_what_a_run_leaves(finished: Path) -> None:
    result = json.loads((finished / "result.json").read_text())
    assert {"accuracy", "connectivity", "connectivity_per_layer", "sops_per_image", "epochs", "seed"} <= set(result)
    assert result["accuracy"] > 0.3  # 10 classes, four epochs over 200 images
    assert result["connectivity_per_layer"]["fc1"] == pytest.approx(0.5, abs=0.1)
    assert result["connectivity_per_layer"]["out"] == 1.0
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    assert lines[-1]["accuracy_on"] == "validation"
    assert sum(line["pruned"]["fc1"] for line in lines) >= 32 * 256
    # conv 8 * 9 + 16 * 72, rows 64 * 256, out 640
    shares = result["connectivity_per_layer"]
    live = 72 + shares["conv2"] * 1152 + shares["fc1"] * 16384 + 640
    assert result["connectivity"] == pytest.approx(live / (72 + 1152 + 16384 + 640))


def test_evaluate_finds_the_same_on_lava_too(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trained and pruned network on Lava's CPU backend, in fixed point: not one spike differs."""
    before = sorted(path.name for path in finished.iterdir())
    code, found, _ = deep(capsys, "evaluate", finished, "--fixed-point", "--images", "20", "--json")
    assert code == 0
    result = json.loads((finished / "result.json").read_text())
    for name in ("accuracy", "connectivity", "sops_per_image", "weights_sha256"):
        assert found[name] == result[name]
    fixed = found["fixed_point"]
    assert sum(fixed["removed_units"].values()) > 0  # Lava had the compacted network
    assert (fixed["images"], fixed["mismatched_spikes"], fixed["fits_24_bits"]) == (20, 0, True)
    assert fixed["output_spikes"] > 20
    assert sorted(path.name for path in finished.iterdir()) == before


def test_orders_of_epochs_are_independent() -> None:
    """Of two independent orders of n, batches of b at the same place share b b / n samples on average: here 1 of 100.

    The mean over 100 batches has a standard deviation of 0.1.
    """
    from lavaprune.deep.training import order_of

    orders = [order_of(3, epoch, 10_000) for epoch in range(6)]
    for order in orders:
        assert np.array_equal(np.sort(order), np.arange(10_000))
    assert np.array_equal(orders[1], order_of(3, 1, 10_000))
    batches = [[set(order[first : first + 100]) for first in range(0, 10_000, 100)] for order in orders]
    for a, b in itertools.combinations(batches, 2):
        assert np.mean([len(x & y) for x, y in zip(a, b, strict=True)]) == pytest.approx(1, abs=0.6)


def test_the_network_that_was_tested_is_found_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Chosen before the last epoch, with masks held in torch: they are those of its own epoch, not the last ones."""
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep import training

    def remember(self: Any, epoch: int, accuracy: float) -> None:
        if epoch == 2:
            best(self, self.settings.epochs - 1, accuracy)

    best = training._Trainer._remember
    pruning = ("pruning.masks_in_epoch=true", "pruning.rate_fc=0.2", "pruning.floor_fc=0.05")
    changes = settings("select=validation", *pruning)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training._Trainer, "_remember", remember)
        code, whole, _ = deep(capsys, "train", *changes, "--out", tmp_path / "run", "--json")
    assert code == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert lines[3]["pruned"]["fc1"] > 0
    code, found, _ = deep(capsys, "evaluate", tmp_path / "run", "--json")
    assert code == 0
    for name in ("weights_sha256", "accuracy", "connectivity", "sops_per_image"):
        assert found[name] == whole[name], name


@pytest.mark.parametrize(
    "change", ["pruning.method=sdsnn", "pruning.method=rigl", "pruning.masks_in_epoch=true", "optimiser.kind=adamw"]
)
def test_resuming_gives_the_same_bits(change: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep import training

    chosen = settings(change, "select=validation", "pruning.remove_biases=true")
    code, whole, _ = deep(capsys, "train", *chosen, "--out", tmp_path / "whole", "--json")
    assert code == 0

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        count = iter(range(100))
        save = training._Trainer._save

        def save_twice(self: Any) -> None:
            save(self)
            if next(count) == 1:
                stop()

        patch.setattr(training._Trainer, "_save", save_twice)
        assert deep(capsys, "train", *chosen, "--out", tmp_path / "cut")[0] == 1
    with open(tmp_path / "cut" / "metrics.jsonl", "a") as stream:
        stream.write('{"sample": 600, "ep')  # torn
    code, resumed, _ = deep(capsys, "train", "--out", tmp_path / "cut", "--resume", "--json")
    assert code == 0
    for name in ("weights_sha256", "accuracy", "connectivity", "sops_per_image", "epoch_tested"):
        assert resumed[name] == whole[name], name
    a, b = ((tmp_path / name / "metrics.jsonl").read_text().splitlines() for name in ("whole", "cut"))
    drop = "seconds"
    assert [{k: v for k, v in json.loads(x).items() if k != drop} for x in a] == [
        {k: v for k, v in json.loads(x).items() if k != drop} for x in b
    ]
    code, _, err = deep(capsys, "train", *chosen, "--set", "seed=5", "--out", tmp_path / "cut", "--resume")
    assert (code, "'seed' is 0 there and 5 here" in err) == (2, True)


def test_a_small_mnist_network_on_lava(data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The paper's layers but for their widths, on MNIST: 20 images, every spike of every layer that can be read."""
    torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep import architectures
    from lavaprune.deep.architectures import LayerSpec
    from lavaprune.deep.finished import load_run
    from lavaprune.deep.fixed_point import run_on_lava
    from lavaprune.deep.folding import fold_network

    small = (
        LayerSpec("conv1", "conv", 3),
        LayerSpec("conv2", "conv", 5, pool=2, prunable=True),
        LayerSpec("fc1", "dense", 30, pool=2, prunable=True),
        LayerSpec("out", "dense", 0),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(architectures.NETWORKS, "conv", small)
        changes = ["train_images=300", "test_images=50", "validation_images=0", "epochs=3", "steps=6", "batch=10"]
        chosen = [
            part
            for change in (*changes, "optimiser.rate=5e-3", "optimiser.schedule=constant")
            for part in ("--set", change)
        ]
        out = tmp_path / "run"
        code, result, _ = deep(
            capsys, "train", "--preset", "mnist", *chosen, "--data-dir", data_dir, "--out", out, "--json"
        )
        assert code == 0
        assert result["connectivity"] < 0.8
        _, division, network, _ = load_run(out, data_dir)
        layers = fold_network(network)
        spikes = division.data.test.frames(np.arange(20), (1,))
        on_lava = run_on_lava(layers, spikes, record=["fc1", "out"])
        ours = network.run(torch.from_numpy(spikes))
        for layer, codes in zip(network.layers, ours.codes, strict=True):
            if layer.spec.name in on_lava:
                expected = (codes >= 128).view(*codes.shape[:2], *layer.outputs).numpy()
                assert expected.any(), layer.spec.name
                assert np.array_equal(expected, on_lava[layer.spec.name]), layer.spec.name


def test_exported_file_holds_the_integers(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """fc1 of the digits: 16 maps of 8x8 behind 2x2 pooling, so every weight of 16 x 4 x 4 stands four times."""
    import h5py

    from lavaprune.deep.export import export_deep_run
    from lavaprune.deep.finished import load_network
    from lavaprune.deep.run_folder import DeepRunFolder

    summary = export_deep_run(finished, "netx", tmp_path / "network.net", keep_units=True)
    assert [layer["name"] for layer in summary["layers"]] == ["conv1", "conv2", "fc1", "out"]
    assert (summary["removed_units"], summary["removed_synapses"]) == (0, 0)
    network, masks = load_network(DeepRunFolder.open(finished))
    weight = network.blocks["fc1"].synapse.weight.detach().view(64, 16, 4, 4)
    layer = network.layers[2]
    with h5py.File(tmp_path / "network.net") as file:
        kinds = [file[f"layer/{i}/type"][0] for i in range(6)]
        assert kinds == [b"input", b"conv", b"conv", b"flatten", b"dense", b"dense"]
        written = file["layer/4/weight"][()].reshape(64, 16, 8, 8)
        for y in range(8):
            for x in range(8):
                expected = (weight[:, :, y // 2, x // 2] * (layer.unit // 2)).round().clamp(-128, 127) * 2
                assert np.array_equal(written[:, :, y, x], expected.numpy())
        assert int(file["layer/4/neuron/vThMant"][()]) == 4 * 32 * layer.scale
        assert not written.reshape(64, -1)[~masks["fc1"].view(64, -1).any(dim=1).numpy()].any()
    with pytest.raises(InputError, match="network cannot be written"):
        export_deep_run(finished, "netx", tmp_path / "no" / "network.net")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.net"]
    command = ["export", str(finished), "--format"]
    capsys.readouterr()
    assert main([*command, "netx", "--out", str(tmp_path / "again.net"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert (written["file"], written["format"]) == (str(tmp_path / "again.net"), "netx")  # as of other runs
    removed = {layer["name"]: layer["removed_units"] for layer in written["layers"]}
    assert written["removed_units"] == sum(removed.values()) > 0
    assert removed["out"] == 0
    before = {layer["name"]: layer for layer in summary["layers"]}
    for layer in written["layers"]:
        whole = before[layer["name"]]
        assert layer["outputs"][0] + layer["removed_units"] == whole["outputs"][0]
        assert layer["nonzero_weights"] + layer["removed_synapses"] == whole["nonzero_weights"]
    with h5py.File(tmp_path / "again.net") as file:
        assert len(file["layer/4/bias"]) == 64 - removed["fc1"]
    assert main([*command, "nir", "--out", str(tmp_path / "again.nir")]) == 2


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if line.startswith("lavaprune: error:")]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "mnist-9"], "preset is 'mnist-9'; allowed: digits | mnist"),
        (["--set", "pruning.rate_fc=1.5"], "setting 'pruning.rate_fc' is 1.5; allowed: 0 .. 1"),
        (["--set", "pruning.rate_conv=-0.1"], "setting 'pruning.rate_conv' is -0.1; allowed: 0 .. 1"),
        (["--set", "pruning.connectivity_fc=2"], "setting 'pruning.connectivity_fc' is 2; allowed: 0 .. 1"),
        (["--set", "pruning.turnover=1.01"], "setting 'pruning.turnover' is 1.01; allowed: 0 .. 1"),
        (["--set", "pruning.rates=1"], "setting 'pruning.rates' is unknown"),
        (["--set", "pruning.layers=conv9"], "setting 'pruning.layers' names 'conv9'; allowed: conv2 | fc1"),
        (["--set", "pruning.layers=out"], "setting 'pruning.layers' names 'out'; allowed: conv2 | fc1"),
        (["--set", 'pruning.layers=["fc1", "fc1"]'], "['fc1', 'fc1']; allowed: each layer once"),
        (["--set", "pruning.layers=3"], "setting 'pruning.layers' is 3; allowed: a list, of which each is a string"),
        (["--set", "network=fc", "--set", "pruning.layers=conv2"], "names 'conv2'; allowed: fc1"),
        (["--set", "pruning.method=x"], "allowed: sdsnn | none | magnitude | set | rigl"),
        (["--set", "train_images=2000"], "setting 'train_images' is 2000; allowed: 1 .. 1300 or all (digits)"),
        (["--set", "validation_images=1500"], "setting 'validation_images' is 1500; allowed: 0 .. 1499"),
        (["--preset", "none", "--set", "select=validation"], "'select' is 'validation' without validation_images"),
        (["--set", "network=fc", "--set", "pruning.start_epoch=-1"], "'pruning.start_epoch' is -1"),
        (["--set", "network=cifar10", "--set", "dataset=cifar10", "--data-dir", "."], "has neither cifar-10-batches"),
        (["--preset", "cifar10", "--set", "dataset=cifar10-jpeg", "--data-dir", "."], "no CIFAR10/cifar10-jpeg-train"),
        (["--set", "shift_pixels=8"], "setting 'shift_pixels' is 8; allowed: 0 .. 7 with digits"),
        (["--preset", "mnist", "--data-dir", "."], "MNIST/raw"),
        (["--preset", "nmnist", "--data-dir", "."], "has no NMNIST"),
        (["--preset", "dvsgesture", "--data-dir", "nowhere"], "data folder nowhere: no such folder"),
    ],
)
def test_wrong_settings_in_one_line(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    code, _, err = deep(capsys, "train", *arguments, "--out", tmp_path / "run")
    assert code == 2
    assert message in one_line(err)
    assert not (tmp_path / "run").exists()


def test_pruned_layers_by_name() -> None:
    """In the network's order; not named, the settings have the digest that they had before layers could be named."""
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep.building import build_network, build_structure
    from lavaprune.deep.configuration import build_deep_settings

    default = build_deep_settings("mnist")
    one = build_deep_settings("mnist", ["pruning.layers=fc1"])
    both = build_deep_settings("mnist", ['pruning.layers=["fc1", "conv2"]'])
    assert default.pruned_layers() == both.pruned_layers() == ["conv2", "fc1"]
    assert one.pruned_layers() == ["fc1"]
    structure = build_structure(one, build_network(one, (28, 28, 1), 10), 10)
    assert list(structure.masks) == ["fc1"]
    values = default.to_dict()
    assert values["pruning"].pop("layers") == ()
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert default.sha256() == hashlib.sha256(text.encode()).hexdigest() != one.sha256()


def test_event_files_cut_short_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recording of 12 bytes, which is two events and a half; then an archive without its end."""
    pytest.importorskip("tonic", reason="tonic is not installed: make setup-dl")
    recording = tmp_path / "NMNIST" / "Train" / "3" / "00001.bin"
    recording.parent.mkdir(parents=True)
    (tmp_path / "NMNIST" / "Test").mkdir()
    recording.write_bytes(bytes(12))
    command = ["train", "--preset", "nmnist", "--data-dir", tmp_path, "--out", tmp_path / "run"]
    code, _, err = deep(capsys, *command)
    assert (code, "3/00001.bin: recording has 12 bytes; allowed: a multiple of 5" in one_line(err)) == (2, True)
    shutil.make_archive(str(tmp_path / "NMNIST" / "Train"), "gztar", tmp_path / "NMNIST", "Train")
    shutil.rmtree(tmp_path / "NMNIST" / "Train")
    archive = tmp_path / "NMNIST" / "Train.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-20])
    code, _, err = deep(capsys, *command)
    assert (code, "Train.tar.gz: recordings cannot be read" in one_line(err)) == (2, True)
    assert not (tmp_path / "run").exists()


def test_wrong_folders_in_one_line(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = deep(capsys, "evaluate", tmp_path)
    assert (code, "not a run of lavaprune" in one_line(err)) == (2, True)
    code, _, err = deep(capsys, "train", "--out", finished)
    assert (code, "already holds a run" in one_line(err)) == (2, True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text('dataset = "digits"\n')
    code, _, err = deep(capsys, "evaluate", tmp_path / "other")
    assert (code, "not of lavaprune deep" in one_line(err)) == (2, True)
    code, _, err = deep(capsys, "evaluate", finished, "--fixed-point", "--images", "298")
    assert (code, "--images is 298; allowed: 1 .. 297" in one_line(err)) == (2, True)
    code, _, err = deep(capsys, "evaluate", finished, "--images", "5")
    assert (code, "--images is 5 without --fixed-point" in one_line(err)) == (2, True)
    for way in ("--sparse", "--stock"):
        code, _, err = deep(capsys, "evaluate", finished, way)
        assert (code, "allowed: with --fixed-point" in one_line(err)) == (2, True)
    code = main(["evaluate", str(finished)])
    assert (code, "is of lavaprune deep" in one_line(capsys.readouterr().err)) == (2, True)


def test_checkpoints_from_before_there_were_folds_and_shifts(tmp_path: Path) -> None:
    """The digest is the one that the version before wrote; it does not stand for settings that it could not hold."""
    pytest.importorskip("torch", reason="torch is not installed: make setup-dl")
    from lavaprune.deep.configuration import build_deep_settings
    from lavaprune.deep.run_folder import DeepRunFolder

    before = "725365ec8f35198868b32eb49f8f9430008d943dcd0c5c717fc5fd9f7b7cc8f9"
    default = build_deep_settings("mnist")
    assert default.known_sha256s() == [default.sha256(), before]

    class Before:
        def sha256(self) -> str:
            return before

    tmp_path.joinpath("run").mkdir()
    DeepRunFolder(tmp_path / "run", Before()).save_checkpoint({"epochs_done": 3}, "0" * 64)  # type: ignore[arg-type]
    assert DeepRunFolder(tmp_path / "run", default).load_checkpoint()["epochs_done"] == 3
    for change in (["shift_pixels=1"], ["folds=2"], ["seed=1"]):
        with pytest.raises(InputError, match="checkpoint's settings have sha256"):
            DeepRunFolder(tmp_path / "run", build_deep_settings("mnist", change)).load_checkpoint()


def test_checkpoints_that_do_not_fit(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from lavaprune.deep.run_folder import DeepRunFolder

    def broken(change: Any) -> str:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(finished, tmp_path / "run")
        change(tmp_path / "run" / "checkpoint.pt")
        code, _, err = deep(capsys, "evaluate", tmp_path / "run")
        assert code == 2
        return one_line(err)

    assert "checkpoint is damaged" in broken(lambda path: path.write_bytes(path.read_bytes()[:1000]))
    assert "no such checkpoint" in broken(lambda path: path.unlink())

    def of_another_network(path: Path) -> None:
        saved = torch.load(path, weights_only=True)
        weights = saved["state"]["network"]
        weights["fc1.synapse.weight"] = weights["fc1.synapse.weight"][:5]
        torch.save(saved, path)

    assert "checkpoint is of another network" in broken(of_another_network)

    def of_another_architecture(path: Path) -> None:
        """The weights of a network of 800 and 10 units where one of four layers is asked for, its stamps kept."""
        from lavaprune.deep.network import DeepNetwork

        saved = torch.load(path, weights_only=True)
        saved["state"]["network"] = DeepNetwork("fc", (8, 8, 1), 10).blocks.state_dict()
        saved["state"]["best"] = None
        torch.save(saved, path)

    assert "checkpoint is of another network" in broken(of_another_architecture)
    code = main(["export", str(tmp_path / "run"), "--format", "netx", "--out", str(tmp_path / "network.net")])
    assert (code, "checkpoint is of another network" in one_line(capsys.readouterr().err)) == (2, True)
    assert not (tmp_path / "network.net").exists()

    def with_code(path: Path) -> None:
        torch.save({"format": 1, "state": Path("x")}, path)  # a pickle of something that is no tensor

    assert "checkpoint is damaged" in broken(with_code)

    def of_other_settings(path: Path) -> None:
        config = path.with_name("config.toml")
        config.write_text(config.read_text().replace("seed = 0", "seed = 1"))

    assert "checkpoint's settings have sha256" in broken(of_other_settings)
    with pytest.raises(InputError, match="no such folder"):
        DeepRunFolder.open(tmp_path / "nothing")


def test_without_lava_dl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("torch", "lava.lib.dl", "lava.lib.dl.slayer"):
        monkeypatch.setitem(sys.modules, name, None)
    code, _, err = deep(capsys, "train", "--out", tmp_path / "run")
    assert code == 2
    assert "lava-dl is not installed; allowed: an environment with the extra dl (make setup-dl)" in one_line(err)
    assert not (tmp_path / "run").exists()
