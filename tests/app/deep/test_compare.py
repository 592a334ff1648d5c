"""`lavaprune compare`: runs of both kinds in one table, seeds together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lavaprune.cli import main
from lavaprune.comparison import error_text, standard_error, three_digits
from lavaprune.configuration import build_settings
from lavaprune.training.run import train

pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")

Capture = pytest.CaptureFixture[str]
SMALL = [
    "passes=1", "train_images=60", "label_images=30", "test_images=20", "steps=40", "neurons=10", "pictures=false",
    "pruning.start=30", "pruning.batch=15",
]  # fmt: skip


@pytest.fixture(scope="module")
def stdp_runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two seeds without pruning and one with."""
    folder = tmp_path_factory.mktemp("stdp")
    for name, changes in (
        ("a", ["seed=1"]),
        ("b", ["seed=2", "metrics_images=10"]),
        ("c", ["seed=1", "pruning.method=contrast"]),
    ):
        train(build_settings(preset="digits", assignments=[*SMALL, *changes]), None, folder / name)
    return [folder / name for name in "abc"]


def result_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "result.json").read_text())
    return found


def answer(capfd: Capture, *arguments: str | Path) -> dict[str, Any]:
    assert main([*map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_rows_hold_what_each_run_holds(stdp_runs: list[Path], deep_runs: dict[str, Path], capfd: Capture) -> None:
    """Any order of folders; every number as `energy` and `fit` say it of one run, or its mean over two seeds."""
    a, b, c = stdp_runs
    found = answer(capfd, "compare", deep_runs["pruned"], b, c, deep_runs["dense"], a)
    assert [(g["kind"], g["network"], g["seeds"], g["runs"]) for g in found["groups"]] == [
        ("stdp", "64-10, unpruned", [1, 2], ["a", "b"]),
        ("stdp", "64-10, contrast", [1], ["c"]),
        ("deep", "8x8-8C3-16C3-AP2-64FC-10, dense", [0], ["dense"]),
        ("deep", "8x8-8C3-16C3-AP2-64FC-10, SD-SNN", [0], ["pruned"]),
    ]
    both = found["groups"][0]
    first, second = result_of(a), result_of(b)
    mean = (first["accuracy"] + second["accuracy"]) / 2
    assert both["mean"]["accuracy"] == pytest.approx(mean)
    # of two values the standard error is half their distance
    assert both["standard_error"]["accuracy"] == pytest.approx(abs(first["accuracy"] - second["accuracy"]) / 2)
    assert both["mean"]["weights_left"] == 640
    for group, run in zip(found["groups"][1:], (c, deep_runs["dense"], deep_runs["pruned"]), strict=True):
        result, energy, fit = result_of(run), answer(capfd, "energy", run), answer(capfd, "fit", run)
        phase, spread = energy["phases"]["inference"], energy["range_pj"]["inference"]
        assert set(group["standard_error"].values()) == {None}
        assert group["mean"]["accuracy"] == result["accuracy"]
        assert group["mean"]["connectivity"] == pytest.approx(result["connectivity"])
        assert group["mean"]["sops_per_image"] == pytest.approx(energy["sops"]["inference_per_image"])
        assert group["mean"]["pj_per_image"] == pytest.approx(phase["pj_per_image"])
        images = phase["images"]
        assert group["range_pj_per_image"] == pytest.approx(
            {"low": spread["low"] / images, "high": spread["high"] / images}
        )
        assert group["mean"]["cores"] == fit["cores"]
        assert group["mean"]["chip_synapses"] == sum(each["synapses"] for each in fit["connections"])
        size = 640 if group["kind"] == "stdp" else 72 + 1152 + 64 * 256 + 640
        assert group["mean"]["weights_left"] == pytest.approx(result["connectivity"] * size)


def test_digits_and_standard_errors() -> None:
    assert [three_digits(value) for value in (0.01234, 5, 42.94, 99.96, 123.4, 98765.4)] == [
        "0.0123", "5.00", "42.9", "100", "123", "98,765",
    ]  # fmt: skip
    assert [error_text(value) for value in (0.0, 0.0123, 4.72, 99.4, 99.5, 1234.5)] == [
        "0", "0.012", "4.7", "99", "100", "1,234",
    ]  # fmt: skip
    assert standard_error([1.0]) is None
    assert standard_error([1.0, 2.0, 6.0]) == pytest.approx((7 / 3) ** 0.5)  # variance (4 + 1 + 9) / 2 = 7, over 3


def test_page_and_table(
    stdp_runs: list[Path], deep_runs: dict[str, Path], tmp_path: Path, capfd: Capture
) -> None:
    page = tmp_path / "both.md"
    code = main(["compare", *map(str, stdp_runs), str(deep_runs["pruned"]), "--out", str(page), "--chip", "loihi2"])
    assert code == 0
    table = capfd.readouterr().out.strip()
    text = page.read_text()
    assert text.endswith(table + "\n")
    rows = [line.split(" | ") for line in table.splitlines()]
    assert len({len(row) for row in rows if not row[0].startswith(("|---", "| **"))}) == 1
    assert "cores, loihi2" in table
    assert "+- is the standard error over the runs of a row" in text
    assert "64-10, unpruned on digits: 40 steps, 20 test images, seeds 1, 2; " in text
    assert str(tmp_path) not in text
    assert str(stdp_runs[0].parent) not in text


def test_refusals(stdp_runs: list[Path], deep_runs: dict[str, Path], tmp_path: Path, capfd: Capture) -> None:
    run = stdp_runs[0]
    again = shutil.copytree(run, tmp_path / "again")
    unfinished = shutil.copytree(deep_runs["dense"], tmp_path / "unfinished")
    (unfinished / "result.json").unlink()
    for arguments, message in (
        ([run, again], "is the run of a once more (seed 1); allowed: each run once"),
        ([run, tmp_path / "nothing"], "no such folder"),
        ([unfinished], "has no result.json yet; allowed: a finished run"),
        ([run, "--out", tmp_path / "page.html"], "allowed: a name that ends in .md"),
        ([run, "--out", tmp_path / "none" / "page.md"], "cannot be written"),
        ([run, "--chip", "loihi3"], "chip 'loihi3' is unknown"),
        ([run, "--hardware", "abacus"], "abacus"),
    ):
        assert main(["compare", *map(str, arguments)]) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
