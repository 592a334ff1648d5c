"""Suites of deep runs: what they train, and their table against numbers worked by hand."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from lavaprune.cli import main
from lavaprune.deep.suite_table import RunOutcome, suite_rows, write_suite
from lavaprune.deep.suites import Suite, SuiteRun, load_suites
from lavaprune.errors import InputError
from lavaprune.reproduce.compare import statistics


def suite(**changes: object) -> Suite:
    values = {
        "title": "Two networks",
        "preset": "digits",
        "seeds": [1, 2],
        "reference": "dense",
        "settings": {"epochs": 3},
        "variants": {"dense": {"pruning.method": "none"}, "half": {"pruning.rate_fc": 0.5, "pruning.adaptive": False}},
    }
    return Suite.model_validate(values | changes)


def outcome(run: SuiteRun, accuracy: float, connectivity: float = 1.0, sops: float = 1000.0) -> RunOutcome:
    return RunOutcome(run, accuracy, 100, connectivity, {"conv2": 1.0, "fc1": connectivity}, 7, sops, 60.0)


def test_runs_of_a_suite() -> None:
    runs = suite().runs()
    assert [run.name for run in runs] == ["dense-seed1", "half-seed1", "dense-seed2", "half-seed2"]
    assert [run.settings.pruning.method for run in runs] == ["none", "sdsnn"] * 2
    assert runs[3].settings.pruning.rate_fc == 0.5
    assert not runs[3].settings.pruning.adaptive
    assert {run.settings.epochs for run in runs} == {3}
    assert [run.settings.seed for run in runs] == [1, 1, 2, 2]
    folded = suite(folds=2, seeds=[4]).runs()
    assert [run.name for run in folded] == [
        "dense-seed4-fold0",
        "half-seed4-fold0",
        "dense-seed4-fold1",
        "half-seed4-fold1",
    ]
    assert [(run.settings.folds, run.settings.fold) for run in folded] == [(2, 0), (2, 0), (2, 1), (2, 1)]


def test_every_suite_of_the_package_can_be_run() -> None:
    for name, each in load_suites().items():
        names = [run.name for run in each.runs()]
        assert len(set(names)) == len(names), name


def test_a_table_by_hand() -> None:
    """Losses 98 - 97 and 99 - 96 points: mean 2, spread 2/sqrt(2), error 1; the third has no partner."""
    dense1, half1, _, half2, dense3, half3 = suite(seeds=[1, 2, 3]).runs()
    found = suite_rows(
        suite(seeds=[1, 2, 3]),
        [
            outcome(dense1, 0.98),
            outcome(half1, 0.97, 0.4, 500.0),
            outcome(half2, 0.95, 0.6, 700.0),
            outcome(dense3, 0.99),
            outcome(half3, 0.96, 0.5, 600.0),
        ],
    )
    dense, half = found
    assert (dense["runs"], half["runs"]) == (2, 3)
    assert dense["accuracy"] == pytest.approx(98.5)
    assert dense["loss"] == 0.0
    assert half["accuracy"] == pytest.approx(96.0)
    assert half["accuracy_error"] == pytest.approx(1 / math.sqrt(3))
    assert half["loss"] == pytest.approx(2.0)
    assert half["loss_error"] == pytest.approx(1.0)
    assert half["connectivity"] == pytest.approx(50.0)
    assert half["sops_per_image"] == pytest.approx(600.0)


def test_mean_and_error_of_one_value() -> None:
    mean, _, error, _ = statistics([3.0])
    assert mean == 3.0
    assert math.isnan(error)


def test_what_is_written(tmp_path: Path) -> None:
    runs = suite().runs()
    outcomes = [outcome(runs[0], 0.98), outcome(runs[1], 0.97, 0.4, 250.0)]
    write_suite("two", suite(), outcomes, tmp_path)
    text = (tmp_path / "deep-two.md").read_text()
    assert "| half | 1 | 97.00 | 1.00 | 40.00 | 100.0 | 40.0 | 7 | 0 (-75 %) | 60 |" in text
    assert "**2 runs are missing.**" in text
    rows = list(csv.DictReader((tmp_path / "deep-two.csv").read_text().splitlines()))
    assert [(row["variant"], float(row["accuracy"])) for row in rows] == [("dense", 98.0), ("half", 97.0)]


def test_a_suite_end_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained, interrupted, gone on with, and refused where a folder holds another run."""
    pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep import reproduction

    few = suite(seeds=[1], settings={"epochs": 2, "train_images": 60, "validation_images": 0, "test_images": 50})
    monkeypatch.setattr(reproduction, "find_suite", lambda name: few)
    trained: list[str] = []

    def train_here(runs: list[SuiteRun], folder: Path, data_dir: Path | None, workers: int | None) -> None:
        for run in runs:
            trained.append(run.name)
            reproduction._train_one(run.settings.to_dict(), None, str(folder / run.name))

    monkeypatch.setattr(reproduction, "_train", train_here)
    first = reproduction.reproduce_suite("two", tmp_path)
    assert (first["runs"], first["missing"]) == (2, 0)
    assert json.loads(json.dumps(first, allow_nan=False))["rows"][0]["accuracy_error"] is None  # one run has no error
    assert trained == ["dense-seed1", "half-seed1"]
    result = tmp_path / "two" / "half-seed1" / "result.json"
    before = json.loads(result.read_text())
    result.unlink()
    second = reproduction.reproduce_suite("two", tmp_path, table_only=True)
    assert (second["runs"], second["missing"]) == (1, 1)
    assert second["rows"][0]["accuracy_error"] is None
    json.dumps(second, allow_nan=False)
    third = reproduction.reproduce_suite("two", tmp_path)
    assert trained == ["dense-seed1", "half-seed1", "half-seed1"]
    assert json.loads(result.read_text())["weights_sha256"] == before["weights_sha256"]
    for row in (*first["rows"], *third["rows"]):
        row.pop("train_seconds")
    assert third["rows"] == first["rows"]
    (result.parent / "metrics.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"half-seed1: its result or metrics are damaged \(KeyError\('regrown'\)\)"):
        reproduction.reproduce_suite("two", tmp_path)
    other = suite(seeds=[1], settings={"epochs": 1, "train_images": 60, "validation_images": 0, "test_images": 50})
    monkeypatch.setattr(reproduction, "find_suite", lambda name: other)
    with pytest.raises(InputError, match="setting 'epochs' is 2 there and 1 in the suite"):
        reproduction.reproduce_suite("two", tmp_path)


def test_an_unknown_suite(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deep", "reproduce", "nothing"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "suite is 'nothing'; allowed: " in error
