"""`lavaprune report` on deep runs: whole, self-contained, and believing nothing that it reads."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from lavaprune.cli import main

torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")
pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")

from lavaprune.deep.configuration import build_deep_settings  # noqa: E402
from lavaprune.deep.settings import DatasetName  # noqa: E402
from lavaprune.report.deep_contents import read_deep_contents  # noqa: E402
from lavaprune.report.deep_history import deep_history_charts, weight_charts  # noqa: E402
from lavaprune.report.deep_page import _DATASETS  # noqa: E402
from lavaprune.report.page import write_report  # noqa: E402
from lavaprune.report.provenance import rerun_command  # noqa: E402

sys.path.append(str(Path(__file__).parents[1] / "toys"))

from html_page import CHROMIUM, Page, browser_widths, refused  # noqa: E402

SECTIONS = ("summary", "learned", "history", "errors", "costs", "settings", "provenance")


@pytest.fixture
def run(deep_runs: dict[str, Path], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(deep_runs["pruned"], tmp_path / "run"))


def change_result(run: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    result = json.loads((run / "result.json").read_text())
    change(result)
    (run / "result.json").write_text(json.dumps(result))


def test_page_is_whole_and_asks_nothing_of_anybody(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    result = json.loads((run / "result.json").read_text())
    text = (run / "report.html").read_text("utf-8")
    assert answer["bytes"] == len(text.encode()) < 500_000
    assert (answer["accuracy"], answer["training_sops_per_image"]) == (result["accuracy"], None)
    page = Page(text)
    assert set(SECTIONS) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    targets = [attrs["href"][1:] for tag, attrs in page.tags if tag == "a" and attrs["href"]]
    assert set(targets) <= set(page.ids)
    for shown in (
        "Digits, 8x8-8C3-16C3-AP2-64FC-10, pruned by SD-SNN",
        f"{100 * result['accuracy']:.1f} %",
        f"{result['sops_per_image']:,.0f}",
        f"{result['sops_per_image_per_layer']['conv2']:,.0f}",
        "over 2 profile(s) of loihi1 (loihi1-davies2018, loihi1-sanafe): ",
        "Training is not priced: a deep network learns on the host, by backpropagation.",
        "Confusion matrix",
        result["weights_sha256"],
        "lavaprune deep train --preset digits --set epochs=3",
    ):
        assert shown in page.text, shown
    assert not re.findall(r"https?:|//[a-z]|@import|url\((?!data:)", text)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "base", "form", "img"}
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
    pictures = [attrs for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert len(pictures) == 4 + 5  # layers; accuracy, connectivity, changes, rates, operations
    for attrs in pictures:
        assert set((attrs.get("aria-labelledby") or "-").split()) <= set(page.ids)
    # the same run gives the same page, wherever it is written
    write_report(run, run.parent / "other.html")
    assert (run.parent / "other.html").read_text("utf-8") == text
    assert str(run.parent) not in text


def test_charts_say_what_the_metrics_hold(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    contents = read_deep_contents(run)
    charts = {chart.key: chart for chart in deep_history_charts(contents)}
    assert [dot.text for dot in charts["sops"].dots] == [
        f"epoch {k + 1}:  {line['sops_per_image']:,.0f}" for k, line in enumerate(lines)
    ]
    assert [dot.text for dot in charts["changes"].dots] == [
        f"epoch {k + 1}: regrown {sum(line['regrown'].values()):.4g}" for k, line in enumerate(lines)
    ]
    assert {shape.name for shape in charts["connectivity"].shapes} >= {"fc1", "all layers"}
    assert charts["accuracy"].shapes[-1].name == "validation images"


def test_histograms_are_of_the_weights_that_are_left(run: Path) -> None:
    contents = read_deep_contents(run)
    sizes = {"conv1": 72, "conv2": 1152, "fc1": 64 * 256, "out": 640}
    shares = contents.result.connectivity_per_layer
    for layer, chart in zip(contents.weights, weight_charts(contents), strict=True):
        assert len(layer.before) == sizes[layer.name]
        assert len(layer.after) == round(shares[layer.name] * sizes[layer.name])
        assert f"{len(layer.after):,} of {sizes[layer.name]:,} weights are left" in chart.note
        bound = {"conv1": 9, "conv2": 72, "fc1": 256, "out": 64}[layer.name] ** -0.5
        assert 0.9 * bound < np.abs(layer.before).max() <= bound  # torch's first weights
    assert shares["fc1"] < 1


def test_dense_runs_have_no_pruning_to_show(deep_runs: dict[str, Path], tmp_path: Path) -> None:
    write_report(deep_runs["dense"], tmp_path / "page.html")
    text = Page((tmp_path / "page.html").read_text("utf-8")).text
    assert "Digits, 8x8-8C3-16C3-AP2-64FC-10, dense" in text
    assert "regrown at the end" not in text


def test_every_data_set_has_a_name_on_the_page() -> None:
    assert set(_DATASETS) == set(get_args(DatasetName))


def test_pruned_layers_leave_the_command_on_one_line() -> None:
    settings = build_deep_settings("digits", ['pruning.layers=["conv2", "fc1"]'])
    command = rerun_command(settings, build_deep_settings, "lavaprune deep train")
    assert command == """lavaprune deep train --preset digits --set 'pruning.layers=["conv2", "fc1"]'"""


def test_nothing_in_a_file_becomes_html(run: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    change_result(run, lambda result: result.update(version=evil, device=evil, dataset=evil))
    with open(run / "metrics.jsonl", "a") as stream:
        stream.write(json.dumps({"sample": 590, "pruned": evil, "connectivity_per_layer": {"fc1": evil}}) + "\n")
        stream.write(json.dumps({"sample": 600, "rates": [1], "accuracy": evil, evil: evil}) + "\n")
    lines = (run / "metrics.jsonl").read_text().splitlines()
    (run / "metrics.jsonl").write_text("\n".join([*lines[:2], *lines[3:]]) + "\n")
    write_report(run)
    text = (run / "report.html").read_text("utf-8")
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert evil.replace('"', "") in page.text.replace('"', "")
    (run / "metrics.jsonl").unlink()
    write_report(run)
    assert "This run left no metrics." in (run / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(accuracy=1.5), "accuracy is 1.5"),
        (lambda r: r.update(epochs=0), "epochs is 0"),
        (lambda r: r["confusion"].pop(), "confusion has 9 rows of other lengths"),
        (lambda r: r["connectivity_per_layer"].update(fc1="much"), "connectivity_per_layer.fc1 is 'much'"),
        (lambda r: r.update(weights_sha256="0" * 64), "its weights are not those of result.json"),
        (lambda r: r.pop("counts"), "has no counts (an older version wrote it)"),
    ],
)
def test_refuses_a_damaged_result(
    run: Path, change: Callable[[dict[str, Any]], Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    change_result(run, change)
    assert message in refused(capfd, run)
    assert not (run / "report.html").exists()


def test_refuses_an_unfinished_run(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (run / "result.json").unlink()
    assert "has no result.json yet; allowed: a finished run" in refused(capfd, run)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_page_fits_the_width_of_a_browser(run: Path, tmp_path: Path, width: int) -> None:
    write_report(run)
    scroll, client = browser_widths(run / "report.html", tmp_path, width)
    assert scroll <= client <= width
