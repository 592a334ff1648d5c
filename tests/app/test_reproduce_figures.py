"""The grids, and every figure and table drawn from a table that was made up."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lavaprune.configuration import PRESETS
from lavaprune.errors import InputError, RunError
from lavaprune.pruning.registry import known_methods
from lavaprune.reproduce import dynamics, maps, paper
from lavaprune.reproduce.experiment import Context
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.method_tables import compare_table
from lavaprune.reproduce.outcome import comparison_rows, point_row, to_csv, write_index, write_outcome
from lavaprune.reproduce.reproduction import EXPERIMENTS, wanted_ids
from lavaprune.reproduce.runs import Runs, identity, unpruned, with_unpruned
from lavaprune.reproduce.runtime import batch_settings
from lavaprune.settings import Settings
from lavaprune.training.result import weights_sha256

ALL_GRIDS = [Grids(), Grids(quick=True)]


def made_up_row(settings: Settings) -> dict[str, Any]:
    """What a run might have given: fewer weights with a higher threshold, and less accuracy with fewer weights."""
    pruning = settings.pruning
    is_pruned = pruning.method != "none"
    level = pruning.threshold + pruning.spike_threshold + pruning.neurons_removed / 100
    share = float(np.exp(-8 * level)) * (1 - 0.02 * (settings.seed - 1)) if is_pruned else 1.0
    is_soft = pruning.method == "soft"
    accuracy = 0.88 - 0.002 * settings.seed - (0.01 / share - 0.01 if is_pruned else 0.0)
    live, connected = share, 1.0 if is_soft else share
    training = 1000 * (0.5 + 0.5 * live)
    return {
        "config_sha256": identity(settings),
        "accuracy": max(0.1, accuracy),
        "connectivity": connected,
        "plastic_share": live,
        "nonzero_weights": 0.3 * connected,
        "train_images": 60_000,
        "training_sops_per_image": training,
        "inference_sops_per_image": 400 * connected,
        "training_sops_per_image_without_lateral": training - 20,
        "inference_sops_per_image_without_lateral": 390 * connected,
        "training_controller": 7 * 158_300,
        "event_images": list(range(30_000, 60_001, 5_000)) if is_pruned else [],
        "images_before": 30_000,
        "images_after": 30_000,
        "seconds_train_before": 3.0,
        "seconds_train_after": 1.0 + 2.0 * connected,
        "seconds_controller": 0.002,
        "weights_sha256": weights_sha256(np.zeros((784, 100), np.uint8)),
        "method": pruning.method,
        "threshold": pruning.threshold,
    }


@pytest.fixture(scope="module")
def made_up() -> dict[bool, Runs]:
    """All runs of the full and of the quick grids."""
    found = {}
    for grids in ALL_GRIDS:
        settings = with_unpruned(s for each in EXPERIMENTS.values() for s in each.configurations(grids))
        found[grids.quick] = Runs(pa.Table.from_pylist([made_up_row(each) for each in settings]))
    return found


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arrays instead of networks for the figures that train their own."""
    rng = np.random.default_rng(1)
    arrays = {
        "images": np.arange(5_000, 60_001, 5_000),
        "counts": rng.integers(300, 1500, (12, 100)),
        "dw_mean": rng.normal(0, 1e-4, 12),
        "dw_variance": np.linspace(2e-3, 1e-3, 12),
        "dw_size": np.full(12, 0.01),
        "weights": np.zeros((784, 100), np.uint8),
        "conducts": np.ones((784, 100), np.uint8),
        "labels": np.arange(100) % 10,
    }

    class NoData:
        shape = (28, 28)

    for module in (dynamics, maps):
        monkeypatch.setattr(module, "load_dataset", lambda *_: NoData())
        monkeypatch.setattr(module, "kept", lambda *_: arrays)


def test_ids() -> None:
    assert list(EXPERIMENTS) == [f"fig{i}" for i in range(2, 16)] + [f"table{i}" for i in range(2, 6)]
    assert wanted_ids(["all"]) == list(EXPERIMENTS)
    assert wanted_ids(["table2", "fig9", "fig9"]) == ["fig9", "table2"]
    with pytest.raises(InputError, match="id is 'fig1'; allowed: fig2 .* all"):
        wanted_ids(["fig1"])


def test_grids_fit_the_methods_and_the_budget() -> None:
    grids = Grids()
    settings = with_unpruned(s for each in EXPERIMENTS.values() for s in each.configurations(grids))
    runs = Counter((each.dataset, each.neurons) for each in settings)
    assert all(runs[dataset, 100] <= 600 for dataset in ("mnist", "fashion"))
    assert all(runs[dataset, 800] <= 100 for dataset in ("mnist", "fashion"))
    known = {identity(each) for each in settings}
    assert len(known) == len(settings)
    assert {each.label_images for each in settings} == {10_000}
    assert {(each.train_images, each.test_images, each.validation_images) for each in settings} == {("all", "all", 0)}
    assert set(grids.presets) == {name for name in PRESETS if name != "digits"}
    for preset in grids.presets:
        assert len(grids.seeds(preset)) >= (3 if preset.endswith("-100") else 2)
        for key in (*paper.AT_10_PERCENT[preset], "apt", "apn", "zero"):
            curve = grids.curve(preset, key)
            assert curve.points[0][0].pruning.method in known_methods()
            if key in paper.AT_10_PERCENT[preset]:
                chosen = grids.at(preset, key, 10)
                assert chosen is not None
                assert {identity(each) for each in chosen} <= known
                by_a_table = isinstance(grids.values[preset]["curves"][key]["at_10_percent"], dict)
                assert (chosen[0] in {point[0] for point in curve.points}) is not by_a_table
    assert grids.at("mnist-800", "aptn", 17) is not None


def test_quick_grids_are_small() -> None:
    grids = Grids(quick=True)
    settings = with_unpruned(s for each in EXPERIMENTS.values() for s in each.configurations(grids))
    assert len(settings) <= 150
    assert {(s.dataset, s.neurons, s.seed, s.train_images) for s in settings} == {("mnist", 100, 1, 6_000)}
    starts = {s.pruning.start for s in settings if s.pruning.method not in ("none", "post")}
    assert starts <= {1_000, 2_000, 3_000, 4_000, 5_000}


def test_seeds_replace_the_grids_own() -> None:
    grids = Grids(seeds=[7, 8])
    assert [s.seed for s in grids.unpruned("mnist-800")] == [7, 8]


def test_wrong_grids() -> None:
    values = {"labels": {"apt": "APT"}, "mnist-100": {"curves": {"apt": {"threshold": [0.1], "factor_time": [1.1]}}}}
    with pytest.raises(InputError, match="lists for threshold and factor_time; allowed: one list"):
        Grids(values).curve("mnist-100", "apt")
    with pytest.raises(InputError, match="mnist-100 has no curve 'apn'; allowed: apt"):
        Grids(values).curve("mnist-100", "apn")


def test_a_new_method_is_a_change_of_data() -> None:
    values = {
        "labels": {"gentle": "gentle APT"},
        "mnist-100": {"seeds": [1], "curves": {"gentle": {"method": "apt", "factor_time": 1.05, "threshold": [0.1]}}},
    }
    grids = Grids(values)
    assert grids.methods("mnist-100") == ("gentle",)
    curve = grids.curve("mnist-100", "gentle")
    assert (curve.label, curve.points[0][0].pruning.method) == ("gentle APT", "apt")


def test_a_named_point_may_have_more_seeds_than_its_curve() -> None:
    apt = {"threshold": [0.1], "at_10_percent": 0.2, "seeds": {"at_10_percent": [1, 2, 3]}}
    values = {"labels": {"apt": "APT"}, "mnist-100": {"seeds": [1, 2], "curves": {"apt": apt}}}
    named = Grids(values).at("mnist-100", "apt", 10)
    assert named is not None
    assert [(s.seed, s.pruning.threshold) for s in named] == [(n, 0.2) for n in (1, 2, 3)]
    points = Grids(values).curve("mnist-100", "apt").points
    assert [[(s.seed, s.pruning.threshold) for s in point] for point in points] == [
        [(1, 0.1), (2, 0.1)],
        [(1, 0.2), (2, 0.2)],
    ]
    assert [s.seed for s in Grids(values, seeds=[7]).at("mnist-100", "apt", 10) or ()] == [7]


def test_a_point_that_other_settings_make_too_is_no_point_of_the_curve() -> None:
    apt = {"threshold": [0.1], "at_10_percent": {"threshold": 0.2, "start": 10_000}, "at_17_percent": 0.05}
    grids = Grids({"labels": {"apt": "APT"}, "mnist-100": {"seeds": [1], "curves": {"apt": apt}}})
    (named,) = grids.at("mnist-100", "apt", 10) or ()
    assert (named.pruning.threshold, named.pruning.start) == (0.2, 10_000)
    assert [point[0].pruning.threshold for point in grids.curve("mnist-100", "apt").points] == [0.1, 0.05]


def test_a_series_of_a_figure_has_its_own_points_for_each_preset() -> None:
    curve = {"factor_time": 1.1, "threshold": [0.1]}
    shared = {"label": "a = 1.3", "factor_time": 1.3, "paper": True}
    series = [
        {**shared, "mnist-100": {"threshold": [0.2, 0.3]}, "fashion-100": {"threshold": [0.4], "best": True}},
        {"label": "a = 1.5", "factor_time": 1.5, "fashion-100": {"threshold": [0.5]}},
    ]
    values = {
        "labels": {"apt": "APT"},
        "mnist-100": {"curves": {"apt": curve}},
        "fashion-100": {"curves": {"apt": curve}},
        "fig4": {"presets": ["mnist-100", "fashion-100", "mnist-800"], "method": "apt", "series": series},
    }
    grids = Grids(values)
    assert grids.of_figure("fig4") == ("mnist-100", "fashion-100")
    assert grids.of_figure("fig6") == ("mnist-100",)
    (mnist,) = grids.figure("fig4", "mnist-100")
    first, second = grids.figure("fig4", "fashion-100")
    assert (mnist.paper, mnist.best, first.paper, first.best) == (True, False, True, True)
    for found, thresholds in ((mnist, [0.2, 0.3]), (first, [0.4]), (second, [0.5])):
        assert [point[0].pruning.threshold for point in found.points] == thresholds
    assert {point[0].dataset for point in first.points} == {"fashion"}
    assert second.points[0][0].pruning.factor_time == 1.5
    assert Grids(values, quick=True).of_figure("fig4") == ("mnist-100",)


def test_losses_and_savings_are_against_the_same_seed(made_up: dict[bool, Runs]) -> None:
    settings = Grids().at("mnist-100", "constant", 10)
    assert settings is not None
    point = made_up[False].point(settings)
    row, base = (made_up[False].row(each) for each in (settings[1], unpruned(settings[1])))
    assert point.seeds == (1, 2, 3)
    assert point.values["loss"][1] == pytest.approx(100 * (base["accuracy"] - row["accuracy"]))
    saved = 100 * (1 - row["training_sops_per_image"] / base["training_sops_per_image"])
    assert point.values["training_saved"][1] == pytest.approx(saved)
    with pytest.raises(RunError, match="no run of mnist N=100 seed=9"):
        made_up[False].row(settings[0].model_copy(update={"seed": 9}))


def test_batches_scale_with_the_factors() -> None:
    grids = Grids()
    (short, *_), (usual, *_) = batch_settings(grids, "mnist-100", 100), batch_settings(grids, "mnist-100", 5_000)
    assert short.pruning.batch == 100
    assert float(short.pruning.factor_time) ** 50 == pytest.approx(float(usual.pruning.factor_time), rel=1e-5)
    assert short.pruning.spike_interval == max(1, round(usual.pruning.spike_interval / 50))


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_figure_and_table(
    name: str, quick: bool, made_up: dict[bool, Runs], tmp_path: Path, no_training: None
) -> None:
    grids = ALL_GRIDS[quick]
    outcome = EXPERIMENTS[name].draw(Context(grids, tmp_path, None), made_up[quick])
    write_outcome(tmp_path, name, outcome, quick)
    if not (name == "table3" and quick):  # a quick run has no Fashion-MNIST
        assert outcome.comparisons
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        with open(tmp_path / f"{name}.csv", newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        assert len(rows) == len(outcome.rows) > 0
    text = (tmp_path / f"{name}.md").read_text("utf-8")
    for comparison in outcome.comparisons:
        assert comparison.verdict == "agree" or comparison.verdict.startswith(("differ by ", "not compared: "))
        assert f"- {comparison.line()}" in text
    assert ("Nothing here is a result" in text) is quick


def test_tables_compare_every_number(made_up: dict[bool, Runs]) -> None:
    grids = Grids()
    points = {}
    for key in paper.AT_10_PERCENT["mnist-100"]:
        settings = grids.at("mnist-100", key, 10)
        assert settings is not None
        points[key] = made_up[False].point(settings)
    comparisons = compare_table("mnist-100", points, grids)
    assert sum(each.paper is not None for each in comparisons) == 15
    assert sum("loses less than" in each.statement for each in comparisons) == 4


def test_methods_with_different_seeds_are_compared_over_those_that_both_have(made_up: dict[bool, Runs]) -> None:
    grids = Grids()
    points = {}
    for key, seeds in (("aptn", (1, 3)), ("constant", (3, 1, 2)), ("post", (1, 2))):
        settings = grids.settings("mnist-100", grids.at_table("mnist-100", key, 10), 1)
        points[key] = made_up[False].point([settings.model_copy(update={"seed": seed}) for seed in seeds])
    loss = {key: dict(zip(point.seeds, point.values["loss"], strict=True)) for key, point in points.items()}
    lines = [each for each in compare_table("mnist-100", points, grids) if "loses less than" in each.statement]
    expected = {"online constant": (1, 3), "post-training": (1,)}
    for line, (label, seeds) in zip(lines, expected.items(), strict=True):
        key = {"online constant": "constant", "post-training": "post"}[label]
        assert f"loses less than {label}" in line.statement
        assert line.n == len(seeds)
        assert line.ours == pytest.approx(np.mean([loss[key][seed] - loss["aptn"][seed] for seed in seeds]))


def test_a_row_names_the_rare_settings_that_its_configuration_sets(made_up: dict[bool, Runs]) -> None:
    point = made_up[False].point(Grids().curve("mnist-100", "aptn").points[0])
    plain = point_row("panel", "series", point)
    set_here = {"grouping": "binned", "potentiation": 0.07, "gain": 1.1}
    usual = {"redundant": 0.0, "first_gain": 1.0}
    rare = point_row("panel", "series", replace(point, rows=({**point.rows[0], **set_here, **usual},)))
    assert not plain.keys() & {*set_here, *usual}
    assert rare == {**plain, **set_here}


def test_csv_leaves_out_what_is_not_known() -> None:
    text = to_csv([{"a": 1, "b": float("nan")}, {"a": None, "c": 0.123456789}])
    assert text == "a,b,c\n1,,\n,,0.123457\n"


def test_index_keeps_what_was_made_before(made_up: dict[bool, Runs], tmp_path: Path) -> None:
    titles = {name: each.title for name, each in EXPERIMENTS.items()}
    context = Context(Grids(), tmp_path, None)
    for name in ("table5", "fig3"):
        outcome = EXPERIMENTS[name].draw(context, made_up[False])
        write_outcome(tmp_path, name, outcome, False)
        write_index(tmp_path, False, titles, comparison_rows(name, outcome.comparisons))
    text = (tmp_path / "README.md").read_text("utf-8")
    assert text.index("fig3.md") < text.index("table5.md")
    assert "| [Table 5: gates](table5.md) | 2 | 0 | 0 |" in text
    with open(tmp_path / "comparisons.csv", newline="", encoding="utf-8") as stream:
        assert {row["id"] for row in csv.DictReader(stream)} == {"fig3", "table5"}
