"""SWEEP.toml: what it multiplies out to, and what it may not say; when two configurations are the same run."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.errors import InputError
from lavaprune.pruning.rescaling import RESCALINGS
from lavaprune.settings import Settings
from lavaprune.sweeps.identity import canonical, config_sha256, describe, used_pruning_settings
from lavaprune.sweeps.specification import read_sweep

TOO_MANY = "\n".join(
    f"{name} = {list(range(1, 12))}" for name in ("[[grid]]\nneurons", "steps", "passes", "train_images", "test_images")
)


def sweep(tmp_path: Path, text: str) -> list[Settings]:
    path = tmp_path / "SWEEP.toml"
    path.write_text(text)
    return read_sweep(path)


def test_grids_are_multiplied_out(tmp_path: Path) -> None:
    found = sweep(
        tmp_path,
        """
        presets = ["mnist-100", "fashion-100"]
        seeds = [1, 2, 3]
        [set]
        label_images = 10_000
        "learning.mu_pre" = 1e-4
        [set.pruning]
        start = 20_000
        [[grid]]
        pruning.method = ["apt", "aptn"]
        "pruning.threshold" = [0.05, 0.1, 0.2]
        [[grid]]
        pruning.method = "none"
        """,
    )
    assert len(found) == 2 * 3 * (2 * 3 + 1)
    assert len({config_sha256(settings) for settings in found}) == len(found)
    assert {settings.label_images for settings in found} == {10_000}
    assert {settings.learning.mu_pre for settings in found} == {1e-4}
    assert {settings.pruning.start for settings in found} == {20_000}
    first = found[0]
    assert (first.preset, first.seed, first.pruning.method, first.pruning.threshold) == ("mnist-100", 1, "apt", 0.05)
    assert {settings.dataset for settings in found} == {"mnist", "fashion"}
    of_the_preset = build_settings(None, "mnist-100").network
    assert first.network == of_the_preset


def test_the_same_run_occurs_once(tmp_path: Path) -> None:
    found = sweep(
        tmp_path,
        """
        preset = "digits"
        seeds = [1, 1, 2]
        [[grid]]
        pruning.method = ["none", "apt"]
        pruning.threshold = [0.05, 0.1]
        [[grid]]
        pruning.method = "apt"
        pruning.threshold = 0.1
        pruning.factor_time = ["paper", 1.3]
        """,
    )
    methods = [(s.seed, s.pruning.method, s.pruning.threshold) for s in found if s.pruning.method != "none"]
    assert methods == [(1, "apt", 0.05), (2, "apt", 0.05), (1, "apt", 0.1), (2, "apt", 0.1)]
    assert [s.seed for s in found if s.pruning.method == "none"] == [1, 2]


def test_without_grid_or_seeds_the_preset_runs_once(tmp_path: Path) -> None:
    (settings,) = sweep(tmp_path, 'preset = "digits"')
    assert settings == build_settings(None, "digits")
    (settings,) = sweep(tmp_path, 'set.dataset = "fashion"\nseeds = [7]')
    assert (settings.preset, settings.seed) == ("fashion-100", 7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("preset = ", ["SWEEP.toml", "not valid TOML"]),
        ("grids = 1", ["'grids' is unknown", "preset, presets, seeds, set, grid"]),
        ('preset = "mnist-50"', ["preset is 'mnist-50'", "mnist-100"]),
        ('preset = ["digits"]', ["preset is ['digits']"]),
        ('presets = "digits"', ["'presets' is 'digits'", "a list"]),
        ("presets = []", ["'presets' is []"]),
        ('preset = "digits"\npresets = ["digits"]', ["both"]),
        ("seeds = []", ["'seeds' is []", "[1, 2, 3]"]),
        ("seeds = [1.5]", ["'seeds' is [1.5]"]),
        ("seeds = [true]", ["'seeds' is [True]"]),
        ("seeds = [-1]", ["[set]", "'seed' is -1"]),
        ("set = 3", ["[set]", "a int"]),
        ("[set]\nneuronz = 3", ["[set]", "'neuronz' is unknown", "did you mean neurons?"]),
        ("[set]\nseed = 3", ["'seed' cannot be set there", "seeds = [...]"]),
        ("[grid]\nneurons = 3", ["'grid' is a dict", "[[grid]]"]),
        ("grid = []", ["'grid' is empty"]),
        ("[[grid]]", ["[[grid]] 1: is empty"]),
        ("[[grid]]\nneurons = []", ["[[grid]] 1", "'neurons' is []", "at least one"]),
        ("[[grid]]\nneurons = [10, 0]", ["[[grid]] 1", "'neurons' is 0", "1 .. 65536"]),
        ("[[grid]]\nneurons = 3\n[[grid]]\nneurons = 'x'", ["[[grid]] 2", "'neurons' is 'x'"]),
        ("[[grid]]\npruning.threshold = [nan]", ["'pruning.threshold' is nan", "0 .. 1"]),
        ("[[grid]]\npruning.method = 'magic'", ["'pruning.method' is 'magic'", "aptn"]),
        ("[[grid]]\n'pruning.start' = 1\npruning.start = 2", ["'pruning.start' occurs twice"]),
        (TOO_MANY, ["161051", "1 .. 100000"]),
    ],
)
def test_bad_file_is_one_line(tmp_path: Path, text: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "SWEEP.toml"
    path.write_text(text)
    assert main(["sweep", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(path) in error
    for word in words:
        assert word in error
    assert not (tmp_path / "out").exists()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such"):
        read_sweep(tmp_path / "none.toml")


def test_output_only_settings_do_not_make_another_run() -> None:
    settings = build_settings(None, "digits", ["pruning.method=aptn"])
    for change in (
        "pictures=false", "checkpoint_images=7", "metrics_images=7", "samples_per_step=7", "engine=graph",
        "pruning.factor_time=1.3",
    ):  # fmt: skip
        assert config_sha256(build_settings(None, "digits", ["pruning.method=aptn", change])) == config_sha256(settings)
    for change in ("seed=9", "label_images=7", "pruning.threshold=0.5", "pruning.batch=7", "learning.mu_pre=1e-4"):
        assert config_sha256(build_settings(None, "digits", ["pruning.method=aptn", change])) != config_sha256(settings)
    assert canonical(canonical(settings)) == canonical(settings)


@pytest.mark.parametrize(("method", "own"), [("aptn", "drive"), ("contrast", "drive"), ("post", "none")])
def test_another_rule_for_what_remains_is_another_run(method: str, own: str) -> None:
    """A method's own rule is the same run, whether it is named or not."""

    def key(rule: str) -> str:
        return config_sha256(build_settings(None, "digits", [f"pruning.method={method}", f"pruning.rescale={rule}"]))

    assert key(own) == key("method")
    assert len({key(rule) for rule in RESCALINGS}) == len(RESCALINGS)
    settings = build_settings(None, "digits", [f"pruning.method={method}"])
    assert used_pruning_settings(settings)["rescale"] == own


def test_a_gain_of_1_leaves_a_run_its_digest() -> None:
    """Digests from before the setting existed hold on; another gain is another run, unless nothing is rescaled."""
    contrast = build_settings(None, "digits", ["pruning.method=contrast"])
    values = contrast.to_dict()
    for name in ("gain", "first_gain", "potentiation"):
        del values["pruning"][name]
    assert contrast.sha256() == sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    for method, differs in (("contrast", True), ("post", False), ("none", False)):
        own, other = (
            config_sha256(build_settings(None, "digits", [f"pruning.method={method}", f"pruning.gain={gain}"]))
            for gain in (1, 1.2)
        )
        assert (own != other) == differs
    keys = {
        config_sha256(build_settings(None, "digits", ["pruning.method=contrast", *change]))
        for change in ([], ["pruning.first_gain=1.2"], ["pruning.potentiation=1.2"], ["pruning.gain=1.2"])
    }
    assert len(keys) == 4


def test_an_unpruned_run_has_no_rule() -> None:
    keys = {config_sha256(build_settings(None, "digits", [f"pruning.rescale={rule}"])) for rule in RESCALINGS}
    assert keys == {config_sha256(build_settings(None, "digits"))}


@pytest.mark.parametrize(
    ("method", "used"),
    [
        (["none"], set()),
        (["zero"], {"rescale", "start", "batch"}),
        (["constant"], {"threshold", "rescale", "start", "batch"}),
        (["apt"], {"function", "threshold", "factor_time", "rescale", "start", "batch"}),
        (["post"], {"threshold", "rescale"}),
        (["soft"], {"threshold", "rescale", "start", "batch"}),
        (["neuron", "pruning.strategy=fixed"], {"strategy", "neurons_removed", "rescale", "start", "batch"}),
        (["neuron"], {"strategy", "spike_threshold", "factor_time", "rescale", "start", "batch"}),
        (["contrast"], {"connectivity", "redundant", "rescale", "start", "batch"}),
        (["contrast", "pruning.gain=1.2"], {"connectivity", "redundant", "rescale", "gain", "start", "batch"}),
        (["post", "pruning.gain=1.2"], {"threshold", "rescale"}),
        (
            ["zero", "pruning.potentiation=2", "pruning.first_gain=2"],
            {"rescale", "potentiation", "first_gain", "start", "batch"},
        ),
        (["none", "pruning.gain=1.2"], set()),
    ],
)
def test_columns_name_what_a_method_uses(method: list[str], used: set[str]) -> None:
    settings = build_settings(None, "digits", [f"pruning.method={method[0]}", *method[1:]])
    assert set(used_pruning_settings(settings)) == used | {"method"}
    assert describe(settings).startswith(f"digits N=100 seed={settings.seed} {method[0]}")
