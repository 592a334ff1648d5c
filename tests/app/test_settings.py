"""Settings: defaults, presets, TOML, --set; every wrong one is an error of one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.configuration import (
    DEFAULT_PRESETS,
    PRESETS,
    build_settings,
    dump_toml,
    first_difference,
    merge,
    parse_assignment,
    read_preset,
    validate,
    write_toml,
)
from lavaprune.errors import InputError
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.pruning.method import PruningEvent
from lavaprune.settings import Settings

# Every setting that a user may rely on by name.
CONTRACT = (
    "dataset",
    "neurons",
    "train_images",
    "test_images",
    "label_images",
    "steps",
    "seed",
    "engine",
    "pruning.method",
    "pruning.function",
    "pruning.threshold",
    "pruning.factor_time",
    "pruning.factor_neurons",
    "pruning.spike_interval",
    "pruning.start",
    "pruning.batch",
    "pruning.connectivity",
    "pruning.strategy",
    "pruning.spike_threshold",
    "pruning.neurons_removed",
)


def error_of(*assignments: str) -> str:
    with pytest.raises(InputError) as caught:
        build_settings(assignments=assignments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_defaults_are_the_networks() -> None:
    assert Settings().network_parameters(784) == NetworkParameters(n_inputs=784, n_neurons=100)


def test_every_physical_parameter_is_a_setting_and_arrives() -> None:
    settings = Settings()
    shown = {"n_inputs", "n_neurons", "steps", "seed"}
    for section in (settings.network, settings.encoding, settings.learning):
        shown |= set(section.model_dump())
    assert {field.name for field in dataclasses.fields(NetworkParameters)} <= shown
    changed = build_settings(
        preset="none",
        assignments=[
            "neurons=7",
            "steps=9",
            "seed=11",
            "network.tau_m_ms=50",
            "encoding.equalise=0.5",
            "learning.mu_pre=2e-5",
        ],
    ).network_parameters(64)
    assert changed == NetworkParameters(
        n_inputs=64, n_neurons=7, steps=9, seed=11, tau_m_ms=50.0, equalise=0.5, mu_pre=2e-5
    )


@pytest.mark.parametrize("name", CONTRACT)
def test_contract_names_exist(name: str) -> None:
    values = Settings().to_dict()
    for part in name.split("."):
        assert part in values
        values = values[part]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_load_and_are_recorded(preset: str) -> None:
    settings = build_settings(preset=preset)
    assert settings.preset == preset
    dataset, _, neurons = preset.partition("-")
    assert settings.dataset == dataset
    if neurons:
        assert settings.neurons == int(neurons)
    # A preset changes something, and only settings that exist.
    assert first_difference(settings, validate({"preset": preset, "dataset": dataset})) is not None


@pytest.mark.parametrize("dataset", ["digits", "mnist", "fashion", "idx"])
def test_data_set_chooses_the_preset_where_none_is_named(dataset: str) -> None:
    assert build_settings(assignments=[f"dataset={dataset}"]).preset == DEFAULT_PRESETS.get(dataset, "none")
    assert build_settings(preset="none", assignments=[f"dataset={dataset}"]).preset == "none"


def test_precedence(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('preset = "mnist-800"\nseed = 5\n[network]\ngain_exc = 2.5\n')
    settings = build_settings(config, assignments=["seed=6", "seed=7"])
    preset = read_preset("mnist-800")
    assert settings.neurons == preset["neurons"] == 800
    assert settings.network.gain_exc == 2.5 != preset["network"]["gain_exc"]  # the file over the preset
    assert settings.network.gain_inh == preset["network"]["gain_inh"]  # its table is merged, not replaced
    assert settings.network.tau_m_ms == 100.0  # the default below all
    assert settings.seed == 7  # --set over the file, the last over the first


@pytest.mark.parametrize("preset", [*PRESETS, "none"])
def test_written_settings_are_complete_and_read_back(tmp_path: Path, preset: str) -> None:
    settings = build_settings(preset=preset, assignments=["learning.mu_pre=1.2345678901234567e-5", "seed=3"])
    path = tmp_path / "config.toml"
    write_toml(settings, path)
    assert build_settings(path) == settings
    assert build_settings(path).sha256() == settings.sha256()
    assert sum(line.startswith("[") for line in path.read_text().splitlines()) == 4
    for name in CONTRACT:
        assert f"{name.rpartition('.')[2]} = " in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


@given(
    mu=st.floats(0, 1),
    gain=st.floats(0, 1000),
    neurons=st.integers(1, 65536),
    seed=st.integers(0, 2**63 - 1),
)
def test_any_settings_survive_toml(mu: float, gain: float, neurons: int, seed: int) -> None:
    settings = validate({"neurons": neurons, "seed": seed, "learning": {"mu_post": mu}, "network": {"gain_exc": gain}})
    assert validate(tomli.loads(dump_toml(settings))) == settings


def test_sha256_tells_settings_apart() -> None:
    base = Settings()
    assert base.sha256() == Settings().sha256()
    assert base.sha256() != validate({"learning": {"mu_pre": 5.1e-5}}).sha256()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().neurons = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("assignment", "shown", "allowed"),
    [
        ("neurons=0", "'neurons' is 0", "1 .. 65536"),
        ("neurons=65537", "'neurons' is 65537", "1 .. 65536"),
        ("neurons=ten", "'neurons' is 'ten'", "an integer"),
        ("neurons=10.0", "'neurons' is 10.0", "an integer"),
        ("neurons=true", "'neurons' is True", "an integer"),
        ("train_images=0", "'train_images' is 0", "from 1 or all"),
        ("train_images=some", "'train_images' is 'some'", "from 1 or all"),
        ("steps=0", "'steps' is 0", "1 .. 100000"),
        ("seed=-1", "'seed' is -1", "0 .. 9223372036854775807"),
        ("engine=gpu", "'engine' is 'gpu'", "fused | graph"),
        ("dataset=cifar", "'dataset' is 'cifar'", "digits | mnist | fashion | idx"),
        ("encoding.max_rate_hz=-5", "'encoding.max_rate_hz' is -5", ".. 1000"),
        ("encoding.max_rate_hz=nan", "'encoding.max_rate_hz' is nan", ".. 1000"),
        ("encoding.max_rate_hz=inf", "'encoding.max_rate_hz' is inf", ".. 1000"),
        ("learning.init_weight_max=255.5", "'learning.init_weight_max' is 255.5", "0 .. 1"),
        ("learning.mu_pre=-1e-4", "'learning.mu_pre' is -0.0001", "0 .. 1"),
        ("learning.anneal_end=0", "'learning.anneal_end' is 0", "above 0, at most 1"),
        ("learning.normalise=1", "'learning.normalise' is 1", "true | false"),
        ("network.inhibition=both", "'network.inhibition' is 'both'", "interneurons | direct"),
        ("network=3", "'network' is 3", "a table of"),
        ("pruning.method=apt2", "'pruning.method' is 'apt2'", "aptn"),
        ("pruning.method=3", "'pruning.method' is 3", "a string"),
        ("pruning.factor_time=-1", "'pruning.factor_time' is -1", "0 .. 1000000 or paper"),
        ("pruning.factor_neurons=best", "'pruning.factor_neurons' is 'best'", "or paper"),
        ("pruning.threshold=1.5", "'pruning.threshold' is 1.5", "0 .. 1"),
        ("pruning.spike_interval=0", "'pruning.spike_interval' is 0", "1 .."),
        ("pruning={method='apt', factor_time=0.9}", "factor_time is 0.9", "1 .. 1000000"),
        ("pruning.threshold=-0.1", "'pruning.threshold' is -0.1", "0 .. 1"),
        ("pruning.threshold=nan", "'pruning.threshold' is nan", "0 .. 1"),
        ("pruning.connectivity=1.1", "'pruning.connectivity' is 1.1", "0 .. 1"),
        ("pruning.strategy=best", "'pruning.strategy' is 'best'", "fixed | constant | adaptive"),
        ("pruning.spike_threshold=-1", "'pruning.spike_threshold' is -1", "0 .. 100000"),
        ("pruning.spike_threshold=nan", "'pruning.spike_threshold' is nan", "0 .. 100000"),
        ("pruning.neurons_removed=0", "'pruning.neurons_removed' is 0", "1 .. 65536"),
        ("pruning={method='neuron', factor_time=0.9}", "factor_time is 0.9", "1 .. 1000000"),
        ("network.v_th_mv=-70", "-70", "v_rest_mv < v_th_mv"),
    ],
)
def test_wrong_value(assignment: str, shown: str, allowed: str) -> None:
    text = error_of(assignment)
    before, semicolon, after = text.partition("; allowed: ")
    assert semicolon
    assert shown in before
    assert allowed in after


def test_pruning_method_is_built_from_its_settings() -> None:
    weights = np.arange(8, dtype=np.uint8).reshape(4, 2) * 10  # 0 .. 70
    ones = np.ones((4, 2), np.uint8)
    event = PruningEvent(1, np.array([5, 9]), weights, ones, ones, 255)

    def removed(*assignments: str) -> int:
        settings = build_settings(preset="none", assignments=["pruning.method=apt", *assignments])
        conducts, _ = settings.pruning.build_method().masks(event)
        return int(8 - conducts.sum())

    # At event 1, f1 with w0 = 0.1: 25.5 times the factor; the paper's is 1.3.
    assert removed("pruning.factor_time=1") == 3  # 0, 10, 20
    assert removed("pruning.factor_time=2") == 6  # below 51
    assert removed() == removed("pruning.factor_time=1.3") == 4  # below 33.15
    # f3 adds the factor: a slope below 1 is right there.
    assert removed("pruning.function=f3", "pruning.factor_time=0.1") == 6


def test_neuron_pruning_is_built_from_its_settings() -> None:
    ones = np.ones((3, 4), np.uint8)
    event = PruningEvent(1, np.array([3, 9, 14, 20]), ones, ones, ones)

    def left(*assignments: str) -> list[int]:
        chosen = ["pruning.method=neuron", "pruning.start=4", "pruning.batch=10", *assignments]
        conducts, _ = build_settings(preset="none", assignments=chosen).pruning.build_method().masks(event)
        return np.flatnonzero(conducts.any(axis=0)).tolist()

    assert left() == [0, 1, 2, 3]  # by default no neuron fires too little
    assert left("pruning.spike_threshold=1.1") == [3]  # fewer than 1.1 * 1.3 in each of 10 images: below 14.3
    assert left("pruning.spike_threshold=1.1", "pruning.factor_time=2") == []
    assert left("pruning.spike_threshold=1", "pruning.strategy=constant") == [2, 3]
    assert left("pruning.strategy=fixed", "pruning.neurons_removed=1") == [1, 2, 3]


@pytest.mark.parametrize(
    ("assignment", "hint"),
    [
        ("neuron=3", "did you mean neurons?"),
        ("network.tau_m=3", "did you mean network.tau_m_ms?"),
        ("pruning.treshold=0.1", "did you mean pruning.threshold?"),
        ("xyzzy=1", "allowed: checkpoint_images, dataset"),
        ("network.tau_m_ms.deep=1", "'network.tau_m_ms' is {'deep': 1}"),
    ],
)
def test_unknown_setting(assignment: str, hint: str) -> None:
    assert hint in error_of(assignment)


def test_several_wrong_settings_are_counted() -> None:
    assert error_of("neurons=0", "steps=0", "train_images=0").endswith("(and 2 more wrong)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("neurons=3", {"neurons": 3}),
        (" neurons = 3 ", {"neurons": 3}),
        ("a.b=1e-4", {"a": {"b": 1e-4}}),
        ("a.b.c=true", {"a": {"b": {"c": True}}}),
        ("engine=fused", {"engine": "fused"}),
        ("engine='fused'", {"engine": "fused"}),
        ('x="a = b"', {"x": "a = b"}),
        ("pruning.method=soft-lowest", {"pruning": {"method": "soft-lowest"}}),
        ("pruning={method='apt'}", {"pruning": {"method": "apt"}}),
    ],
)
def test_assignment(text: str, expected: dict[str, object]) -> None:
    assert parse_assignment(text) == expected


@pytest.mark.parametrize(
    "text", ["", "neurons", "=3", "neurons=", "a..b=3", "a.=3", "a b=3", "x=1\ny=2", "x=[1", "x=3x", "x=1" + 5000 * "0"]
)
def test_assignment_refused(text: str) -> None:
    with pytest.raises(InputError, match="--set"):
        parse_assignment(text)


def test_merge_replaces_values_and_merges_tables() -> None:
    target: dict[str, object] = {"a": {"b": 1, "c": 2}, "d": 3}
    merge(target, {"a": {"b": 4}, "d": {"e": 5}})
    assert target == {"a": {"b": 4, "c": 2}, "d": {"e": 5}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"neurons = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b"neurons = 1" + 5000 * b"0", "not valid TOML"),
        (b"neurons = 0\n", "'neurons' is 0"),
        (b"[netwrok]\n", "did you mean network?"),
        (b"preset = 'mnist'\n", "preset is 'mnist'"),
        (b"preset = 3\n", "preset is 3"),
    ],
)
def test_wrong_file(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        build_settings(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such configuration file"):
        build_settings(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        build_settings(tmp_path)


def test_presets_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="preset is 'mnist-101'; allowed: mnist-100"):
        build_settings(preset="mnist-101")
    with pytest.raises(InputError, match="use --preset"):
        build_settings(assignments=["preset=digits"])
    config = tmp_path / "c.toml"
    write_toml(build_settings(preset="mnist-100"), config)
    with pytest.raises(InputError, match="has preset 'mnist-100'"):
        build_settings(config, preset="digits")


def test_first_difference() -> None:
    old, new = Settings(), validate({"pruning": {"threshold": 0.2}, "steps": 10})
    assert first_difference(old, old) is None
    assert first_difference(old, new) == ("steps", 350, 10)
    assert first_difference(old, validate({"pruning": {"threshold": 0.2}})) == ("pruning.threshold", 0.1, 0.2)
