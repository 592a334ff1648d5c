"""`lavaprune energy` and `overhead`: the contract's keys, profiles of the user's own, runs beside each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.counts import EventCounts
from lavaprune.plots.raster import record_image
from lavaprune.runs import RunFolder
from lavaprune.training.run import train

Capture = pytest.CaptureFixture[str]
EVENTS = {
    "steps": 350,
    "synaptic_ops": 1000,
    "synaptic_updates": 100,
    "neuron_updates_active": 30,
    "neuron_updates_inactive": 70,
    "spikes_within_tile": 10,
    "hops_ew": 5,
    "hops_ns": 2,
}
SMALL = [
    "passes=1", "train_images=120", "label_images=60", "test_images=40", "steps=60", "neurons=10", "seed=3",
    "pictures=false", "pruning.start=60", "pruning.batch=30",
]  # fmt: skip
MINE = """
name = "mine"
chip = "loihi1"
title = "Mine"
conditions = "here"
caveat = "Beware."
unpriced = "The rest."
[energy_pj.synaptic_ops]
value = 1.5
quality = "measured"
source = "a bench"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAVAPRUNE_DATA", raising=False)


@pytest.fixture
def counts() -> str:
    Path("c.json").write_text(json.dumps(EVENTS))
    return "c.json"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two small runs on the embedded digits, unpruned and pruned."""
    folder = tmp_path_factory.mktemp("runs")
    for name, changes in (("none", []), ("constant", ["pruning.threshold=0.3"])):
        settings = build_settings(preset="digits", assignments=[*SMALL, f"pruning.method={name}", *changes])
        train(settings, None, folder / name)
    return {"unpruned": folder / "none", "pruned": folder / "constant"}


def energy(capfd: Capture, *arguments: str | Path) -> dict[str, Any]:
    assert main(["energy", *map(str, arguments), "--json"]) == 0
    report: dict[str, Any] = json.loads(capfd.readouterr().out)
    return report


def said(capfd: Capture, *arguments: str | Path) -> str:
    assert main([*map(str, arguments)]) == 0
    return " ".join(capfd.readouterr().out.split())


def refused(capfd: Capture, *arguments: str | Path) -> str:
    assert main([*map(str, arguments)]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


# counts


def test_flat_counts_have_total_and_components_on_top(capfd: Capture, counts: str) -> None:
    # 1000 x 23.6 + 100 x 120 + 30 x 81 + 70 x 52 + 10 x 1.7 + 5 x 3 + 2 x 4 = 41,710
    report = energy(capfd, "--counts", counts, "--hardware", "loihi1-davies2018")
    assert report["total_pj"] == pytest.approx(41_710.0)
    assert report["components_pj"] == pytest.approx(
        {
            "synaptic_ops": 23_600.0,
            "synaptic_updates": 12_000.0,
            "neuron_updates_active": 2_430.0,
            "neuron_updates_inactive": 3_640.0,
            "spikes_within_tile": 17.0,
            "hops_ew": 15.0,
            "hops_ns": 8.0,
            "controller_ops": 0.0,
        }
    )
    assert report["label"] == "event-model dynamic energy"
    assert report["profile"] == "loihi1-davies2018"
    assert "23 uJ per time step" in report["caveat"]
    assert report["phases"]["counts"]["uj_per_step"] == pytest.approx(41_710 / 350 / 1e6)
    Path("c.json").write_text(json.dumps({**EVENTS, "controller_ops": 40}))
    assert energy(capfd, "--counts", counts)["total_pj"] == pytest.approx(41_730.0)


def test_range_is_over_the_profiles_of_the_chip(capfd: Capture, counts: str) -> None:
    spread = energy(capfd, "--counts", counts)["range_pj"]["counts"]
    assert spread["chip"] == "loihi1"
    assert set(spread["profiles"]) == {"loihi1-davies2018", "loihi1-sanafe"}
    # SANA-FE: 35,500 + 12,000 + 2,184 + 3,584 + 1,803 + 15 + 8.4 = 55,094.4
    assert (spread["low"], spread["high"]) == pytest.approx((41_710.0, 55_094.4))
    odin = energy(capfd, "--counts", counts, "--hardware", "odin")["range_pj"]["counts"]
    assert odin["profiles"] == {"odin": pytest.approx(12_700.0)}
    text = said(capfd, "energy", "--counts", counts)
    assert "event-model dynamic energy, profile loihi1-davies2018" in text
    assert (
        "counts, total over 2 profile(s) of loihi1 (loihi1-davies2018, loihi1-sanafe): 41,710.0 .. 55,094.4 pJ" in text
    )
    assert "23 uJ per time step" in text


def test_counts_by_phase(capfd: Capture) -> None:
    Path("c.json").write_text(json.dumps({"day": EVENTS, "night": {**EVENTS, "synaptic_ops": 0}}))
    report = energy(capfd, "--counts", "c.json")
    assert "total_pj" not in report
    assert report["phases"]["night"]["total_pj"] == pytest.approx(41_710 - 23_600)
    assert set(report["range_pj"]) == {"day", "night"}


def test_unknown_profile_lists_the_known_ones(capfd: Capture, counts: str) -> None:
    message = refused(capfd, "energy", "--counts", counts, "--hardware", "abacus")
    assert "'abacus' is unknown; known: digital-45nm-fp32, digital-45nm-int32, loihi1-davies2018" in message


def test_a_users_profile(capfd: Capture, counts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine.toml").write_text(MINE)
    by_path = energy(capfd, "--counts", counts, "--hardware", folder / "mine.toml")
    monkeypatch.setenv("LAVAPRUNE_PROFILES", str(folder))
    by_name = energy(capfd, "--counts", counts, "--hardware", "mine")
    assert by_path == by_name
    assert by_name["total_pj"] == 1500.0
    assert set(by_name["range_pj"]["counts"]["profiles"]) == {"loihi1-davies2018", "loihi1-sanafe", "mine"}
    assert "neuron_updates_active" in by_name["range_pj"]["counts"]["lacking"]["mine"]
    assert by_name["range_pj"]["counts"]["low"] == pytest.approx(41_710.0)  # it lacks too much to be a lower limit
    (folder / "mine.toml").write_text(MINE.replace("1.5", "-1.5"))
    assert "mine.toml: energy_pj.synaptic_ops.value is -1.5" in refused(capfd, "energy", "--counts", counts)


def test_update_factor_and_static_power(capfd: Capture, counts: str) -> None:
    report = energy(capfd, "--counts", counts, "--update-factor", "2.5")
    assert report["total_pj"] == pytest.approx(41_710 + 1.5 * 12_000)
    assert report["range_pj"]["counts"]["high"] == pytest.approx(55_094.4 + 1.5 * 12_000)
    assert report["update_factor"] == 2.5
    assert "priced 2.5 times the published one (assumed)" in said(
        capfd, "energy", "--counts", counts, "--update-factor", "2.5"
    )
    report = energy(capfd, "--counts", counts, "--step-time-us", "10")
    # 104 mW x 350 x 10 us
    assert report["components_pj"]["static_power"] == pytest.approx(364e6)
    assert report["total_pj"] == pytest.approx(364e6 + 41_710)
    assert report["label"] == "event-model dynamic energy and static power"
    assert report["static_power"] == {"mw": 104.0, "time": "given: 10 us a step"}
    report = energy(capfd, "--counts", counts, "--static-power")
    assert report["static_power"]["time"].startswith("published latencies")
    assert energy(capfd, "--counts", counts)["static_power"] is None
    assert "update factor is -1.0" in refused(capfd, "energy", "--counts", counts, "--update-factor", "-1")
    assert "step time is 0.0 us" in refused(capfd, "energy", "--counts", counts, "--step-time-us", "0")
    without = refused(capfd, "energy", "--counts", counts, "--hardware", "odin", "--static-power")
    assert "odin: states no static power" in without


@pytest.mark.parametrize("option", [("--overhead",), ("--effective",), ("--unpruned", "r")])
def test_counts_have_no_run(capfd: Capture, counts: str, option: tuple[str, ...]) -> None:
    assert "with an option of runs" in refused(capfd, "energy", "--counts", counts, *option)


def test_picture(capfd: Capture, counts: str, tmp_path: Path) -> None:
    assert energy(capfd, "--counts", counts, "--picture", "e.png")["picture"] == "e.png"
    assert imread("e.png").shape[2] == 4
    before = sorted(tmp_path.iterdir())
    assert "name ends in '.gif'; allowed: .png" in refused(capfd, "energy", "--counts", counts, "--picture", "e.gif")
    assert "cannot be written" in refused(capfd, "energy", "--counts", counts, "--picture", "no/e.png")
    assert sorted(tmp_path.iterdir()) == before


# runs


def test_pruned_beside_unpruned(capfd: Capture, runs: dict[str, Path]) -> None:
    report = energy(capfd, runs["pruned"], "--unpruned", runs["unpruned"], "--overhead", "--picture", "both.png")
    assert list(report["phases"]) == ["unpruned, training", "training", "unpruned, inference", "inference"]
    result = {name: RunFolder.open(path).read_result() or {} for name, path in runs.items()}
    sops = report["sops"]
    for phase in ("training", "inference"):
        pruned, unpruned = (result[name]["sops"][f"{phase}_per_image"] for name in ("pruned", "unpruned"))
        assert sops[f"{phase}_per_image"] == pruned
        assert sops[f"{phase}_normalised"] == pytest.approx(pruned / unpruned)
        assert pruned < unpruned
    loss = 100 * (result["unpruned"]["accuracy"] - result["pruned"]["accuracy"])
    assert sops["accuracy_loss_points"] == pytest.approx(loss)
    assert sops["figure_of_merit"] == pytest.approx(loss * sops["total_normalised"])
    counted = result["pruned"]["counts"]["training"]
    training = report["phases"]["training"]
    assert training["components_pj"]["synaptic_updates"] == pytest.approx(
        120 * (counted["depression_updates"] + counted["potentiation_updates"])
    )
    assert report["phases"]["unpruned, training"]["total_pj"] > training["total_pj"]
    # 64 inputs, 10 neurons; events at 60, 90 and 120 of 120 images
    overhead = report["overhead"]
    assert (overhead["inputs"], overhead["neurons"], overhead["events"]) == (64, 10, 3)
    assert overhead["operations"]["total"] == 4 * 10 + 10 + 10 * 20 // 2 + 2 * 640
    conventional = {each["profile"]: each for each in report["conventional"]}
    assert conventional["digital-45nm-int32"]["total_pj"] == pytest.approx(640 * 3.2 + (640 + 64 + 10) * 5)
    assert imread("both.png").size


def test_neurobench_of_a_run(capfd: Capture, runs: dict[str, Path]) -> None:
    """Effective ACs against the network's own spikes: each that arrives meets its row's weights that are not 0."""
    run = RunFolder.open(runs["unpruned"])
    metrics = energy(capfd, run.path, "--effective")["neurobench"]
    data = load_dataset("digits")
    checkpoint = run.load_checkpoint(data.n_inputs)
    weights = checkpoint.weights
    assert metrics["connection_sparsity"] == round(np.count_nonzero(weights == 0) / weights.size, 4)
    assert metrics["connection_sparsity"] > 0  # else existing and effective would not differ
    assert metrics["footprint_bytes"] == 640 + 4 * 10
    assert metrics["dense_input_acs"] == 640 * 60
    result = run.read_result()
    assert result is not None
    counts = EventCounts(**result["counts"]["inference"])
    assert metrics["existing_acs"] == counts.accumulations / 40
    assert metrics["activation_sparsity"] == pytest.approx(
        1 - (counts.exc_spikes + counts.inh_spikes) / (2 * 10 * 60 * 40)
    )
    assert metrics["effective_acs"] == pytest.approx(counts.accumulations / 40 - missed(run, 40) / 40)


def missed(run: RunFolder, n_images: int) -> int:
    """Accumulations of test images that meet a weight of 0, from the graph's own record of the input spikes."""
    data = load_dataset("digits")
    state = run.load_checkpoint(data.n_inputs).network_state()
    zeros = np.count_nonzero(state.weights == 0, axis=1)
    parameters = run.settings.network_parameters(data.n_inputs)
    total = 0
    for k in range(n_images):
        raster = record_image(parameters, state, data.test_images[k], k)
        total += int(raster.inputs[0, :-1].sum(axis=0) @ zeros)  # spikes of the last step do not arrive
    return total


def test_runs_that_do_not_belong_together(capfd: Capture, runs: dict[str, Path], tmp_path: Path) -> None:
    settings = build_settings(preset="digits", assignments=[*SMALL, "neurons=6", "train_images=4", "test_images=2"])
    train(settings, None, tmp_path / "other")
    message = refused(capfd, "energy", runs["pruned"], "--unpruned", tmp_path / "other")
    assert "unpruned run has 64 x 6 synapses on digits; allowed: 64 x 10 on digits" in message
    assert "no such folder" in refused(capfd, "energy", runs["pruned"], "--unpruned", "nowhere")


# overhead


def test_overhead_of_the_paper(capfd: Capture) -> None:
    assert main(["overhead", "--batch", "100", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["cycles"]["total"] == 80_520
    assert report["operations"]["total"] == 158_300
    assert round(report["operations"]["per_image"]) == 794
    assert report["gates"]["nand"] == 8_284
    printed = report["printed_for_100_neurons_and_batch_100"]
    assert (printed["energy_nj_by_the_text"], round(printed["energy_nj_by_its_own_numbers"], 2)) == (3.4, 0.40)
    text = said(capfd, "overhead", "--neurons", "800", "--groups", "5")
    assert "784 inputs, 800 neurons, 5 groups; 7 events in 60,000 images" in text
    assert "The paper's text prints 3.4 nJ" in text
    assert "0.40 nJ" in text


@pytest.mark.parametrize("option", ["--inputs", "--neurons", "--batch", "--start", "--images"])
@pytest.mark.parametrize("value", ["0", "-1", "1000000001"])
def test_overhead_refused(capfd: Capture, option: str, value: str) -> None:
    message = refused(capfd, "overhead", option, value)
    assert f"overhead: {option[2:]} is {value}; allowed: 1 .. 1,000,000,000" in message


def test_overhead_without_groups(capfd: Capture) -> None:
    assert main(["overhead", "--groups", "0", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["operations"]["total"] == 2 * 78_400
    assert "groups is -1; allowed: 0 .." in refused(capfd, "overhead", "--groups", "-1")
