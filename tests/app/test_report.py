"""The report: one page that holds everything, asks nothing of anybody, and believes nothing it reads."""

from __future__ import annotations

import json
import re
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.checkpoint import Checkpoint, load_checkpoint
from lavaprune.cli import main
from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.counts import COUNTER_NAMES
from lavaprune.processes.state import NetworkState
from lavaprune.report.charts import line_path, nice_ticks, thinned, x_scale, y_scale
from lavaprune.report.contents import read_contents
from lavaprune.report.costs import energy_text
from lavaprune.report.history import history_charts
from lavaprune.report.maps import class_rows, draw_sprite, indexed_png, shown_neurons
from lavaprune.report.page import write_report
from lavaprune.report.provenance import rerun_command
from lavaprune.runs import BEFORE_PRUNING, RunFolder
from lavaprune.settings import Settings
from lavaprune.training.offline import train_offline
from lavaprune.training.result import build_result
from lavaprune.training.run import train

sys.path.append(str(Path(__file__).parent / "toys"))

from html_page import CHROMIUM, Page, browser_widths, refused

N, SHAPE = 5, (8, 8)
DATA = "ab" * 32
SECTIONS = ("summary", "learned", "history", "errors", "costs", "settings", "provenance")
SETTINGS = [f"neurons={N}", "pruning.method=aptn", "pruning.start=300", "pruning.batch=100", "pictures=false"]


def state(seed: int, whole: bool = False) -> NetworkState:
    rng = np.random.default_rng(seed)
    conducts = np.ones((64, N), np.uint8) if whole else rng.integers(0, 2, (64, N)).astype(np.uint8)
    return NetworkState(
        weights=rng.integers(0, 256, (64, N)).astype(np.uint8) * conducts,
        conducts=conducts,
        plastic=conducts,
        theta=rng.integers(2**19, 2**21, N).astype(np.int32),
        batch_counts=np.zeros(N, np.int64),
        column_targets=np.zeros(N, np.int64),
        counters=rng.integers(1, 10**6, (2, len(COUNTER_NAMES))),
    )


def checkpoint(network: NetworkState, next_sample: int) -> Checkpoint:
    return Checkpoint(
        next_sample=next_sample,
        weights=network.weights,
        conducts=network.conducts,
        plastic=network.plastic,
        theta=network.theta,
        batch_spike_counts=network.batch_counts,
        column_targets=network.column_targets,
        counters=network.counters,
        extras={"image_shape": np.array(SHAPE)},
    )


def metrics_line(sample: int) -> dict[str, Any]:
    return {
        "sample": sample,
        "accuracy_estimate": None if sample == 100 else 0.001 * sample,
        "spikes_per_image": 12.5,
        "active_neurons": N,
        "theta_mean_mv": 10.0,
        "theta_max_mv": 20.0,
        "spikes_quantiles": [0.0, 0.1, 0.2, 0.3, 0.4],
        "theta_quantiles_mv": [5.0, 8.0, 10.0, 12.0, 20.0],
        "connectivity": 1.0 if sample < 300 else 0.5,
        "nonzero_weights": 0.5,
        "seconds": 1.0,
    }


def make_run(path: Path, settings: Settings | None = None, before: bool = True) -> RunFolder:
    """A RUN folder as `train` leaves it, without training."""
    settings = settings or build_settings(preset="digits", assignments=SETTINGS)
    run = RunFolder.create(path, settings)
    after = state(1)
    run.save_checkpoint(checkpoint(after, 600), DATA)
    if before:
        run.save_checkpoint(checkpoint(state(2, whole=True), 299), DATA, BEFORE_PRUNING)
    confusion = np.eye(10, dtype=np.int64) * 8
    confusion[3, 8] = 5
    result = build_result(
        settings,
        after,
        accuracy=80 / 85,
        confusion=confusion,
        neuron_labels=np.array([3, -1, 0, 3, 9]),
        test_counters=after.counters[1],
        images={"train_images": 600, "label_images": 100, "test_images": 85},
        seconds={"train": 2.0, "label": 0.5, "test": 0.25},
    )
    run.write_result(result)
    for sample in range(100, 601, 100):
        run.append_metrics(metrics_line(sample))
    return run


def change_result(run: RunFolder, change: Callable[[dict[str, Any]], Any]) -> None:
    result = run.read_result()
    assert result is not None
    change(result)
    (run.path / "result.json").write_text(json.dumps(result))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "run")


def test_page_is_whole_and_has_every_section(run: RunFolder, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run.path), "--json"]) == 0
    answer = json.loads(capfd.readouterr().out)
    text = (run.path / "report.html").read_text("utf-8")
    assert answer["report"] == str(run.path / "report.html")
    assert answer["bytes"] == len(text.encode()) < 2_000_000
    assert answer["connectivity"] == state(1).connectivity
    page = Page(text)
    assert set(SECTIONS) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert [tag for tag, _ in page.tags].count("h1") == 1
    targets = [attrs["href"][1:] for tag, attrs in page.tags if tag == "a" and attrs["href"]]
    assert targets
    assert set(targets) <= set(page.ids)
    result = run.read_result()
    assert result is not None
    for shown in (
        "Digits, 5 neurons, pruned by APTN",
        "94.1 %",
        f"{result['sops']['training_per_image']:,.0f}",
        "event-model dynamic energy",
        "loihi1-davies2018",
        "over 2 profile(s) of loihi1 (loihi1-davies2018, loihi1-sanafe): ",
        "23 uJ per time step",
        "Before pruning",
        "After 299 training images",
        "3 taken for 8",
        result["weights_sha256"],
        run.settings.sha256(),
        "lavaprune train --preset digits --set",
    ):
        assert shown in page.text, shown


def test_a_single_value_is_visible() -> None:
    # half of 48 .. 366 and of 196 .. 12; a path of one point alone would draw nothing
    assert line_path([(5.0, 0.5)], x_scale(0, 10), y_scale(0, 1)) == "M207 104m-3 0h6"
    assert line_path([], x_scale(0, 10), y_scale(0, 1)) == ""


def test_page_asks_nothing_of_anybody(run: RunFolder) -> None:
    write_report(run.path)
    text = (run.path / "report.html").read_text("utf-8")
    plain = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "data:", text)
    assert not re.findall(r"https?:|//[a-z]|@import|url\((?!data:)", plain)
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "object", "embed", "base", "form"}
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on")], tag
        for name in ("src", "href", "srcset", "xlink:href"):
            assert (attrs.get(name) or "#").startswith(("#", "data:")), (tag, attrs)


def test_every_picture_says_what_it_shows(run: RunFolder) -> None:
    write_report(run.path)
    page = Page((run.path / "report.html").read_text("utf-8"))
    pictures = [attrs for tag, attrs in page.tags if attrs.get("role") == "img"]
    assert len(pictures) == 2 + 6
    for attrs in pictures:
        named = (attrs.get("aria-labelledby") or "").split()
        assert attrs.get("aria-label") or (len(named) == 2 and set(named) <= set(page.ids))
    charts = {chart.key: chart for chart in history_charts(read_contents(run.path))}
    assert charts["accuracy"].description.startswith("Accuracy estimate: 20.0\N{NO-BREAK SPACE}% at image 200, ")
    assert "pruned 4 times, first after image 300" in charts["accuracy"].description
    for tag, attrs in page.tags:
        if tag == "div" and "scroll" in (attrs.get("class") or "").split():
            assert attrs["tabindex"] == "0"
            assert attrs["aria-label"]


def test_the_same_run_gives_the_same_page(run: RunFolder, tmp_path: Path) -> None:
    write_report(run.path)
    other = tmp_path / "page.html"
    assert main(["report", str(run.path), "--out", str(other)]) == 0
    assert other.read_bytes() == (run.path / "report.html").read_bytes()
    assert str(tmp_path) not in other.read_text("utf-8")  # nobody learns where it was made


def test_nothing_in_a_file_becomes_html(tmp_path: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    settings = build_settings(preset="digits", assignments=SETTINGS).model_copy(update={"preset": evil})
    run = make_run(tmp_path / "<script>alert(3)<b>", settings)

    def poison(result: dict[str, Any]) -> None:
        result.update(version=evil, dataset=evil, preset=evil, engine=evil, pruning=evil)

    change_result(run, poison)
    with open(run.path / "metrics.jsonl", "a") as stream:
        stream.write(json.dumps({"sample": 580, evil: evil, "accuracy_estimate": evil}) + "\n")
    write_report(run.path)
    text = (run.path / "report.html").read_text("utf-8")
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert "<script" not in text
    assert "<img" not in text
    assert "lavaprune train config.toml" in page.text  # no preset of that name to start from
    assert evil.replace('"', "") in page.text.replace('"', "")  # shown as the text that it is


def test_metrics_that_make_no_sense_are_left_out(run: RunFolder) -> None:
    lines = [
        {"sample": -5},
        {"sample": 10**30, "connectivity": 1.0},
        {"sample": 50, "connectivity": "many", "spikes_per_image": [1], "theta_quantiles_mv": [1, 2]},
        {**metrics_line(60), "spikes_quantiles": [None] * 5, "accuracy_estimate": True, "theta_max_mv": 10**400},
    ]
    (run.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"sample": 70')
    write_report(run.path)
    Page((run.path / "report.html").read_text("utf-8"))
    assert [line["sample"] for line in read_contents(run.path).metrics] == [50, 60]
    (run.path / "metrics.jsonl").unlink()
    write_report(run.path)
    assert "This run left no metrics." in (run.path / "report.html").read_text("utf-8")


def test_older_runs_lack_quantiles_and_weights_before_pruning(tmp_path: Path) -> None:
    run = make_run(tmp_path / "old", before=False)
    for key in ("spikes_quantiles", "theta_quantiles_mv"):
        lines = [{k: v for k, v in line.items() if k != key} for line in run.read_metrics()]
        (run.path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_report(run.path)
    text = Page((run.path / "report.html").read_text("utf-8")).text
    assert "At the start" in text
    assert "this run kept none from just before pruning" in text
    assert "This run noted no quantiles" in text


def test_unpruned_run_shows_what_it_started_from(tmp_path: Path) -> None:
    settings = build_settings(preset="digits", assignments=[f"neurons={N}", "pictures=false"])
    run = make_run(tmp_path / "run", settings, before=False)
    write_report(run.path)
    text = Page((run.path / "report.html").read_text("utf-8")).text
    assert "Digits, 5 neurons, unpruned" in text
    assert "Before learning" in text
    assert "pruning event" not in text


def test_frozen_synapses_are_told_from_those_that_learn(tmp_path: Path) -> None:
    settings = build_settings(preset="digits", assignments=[*SETTINGS[:1], "pruning.method=soft", "pruning.start=300"])
    run = make_run(tmp_path / "run", settings)
    change_result(run, lambda result: result.update(plastic_share=0.125))
    write_report(run.path)
    text = Page((run.path / "report.html").read_text("utf-8")).text
    assert "Digits, 5 neurons, pruning method soft" in text
    assert "; 12.5 % still learn" in text


def test_refuses_what_is_no_finished_run(run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "no such folder" in refused(capfd, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "not a run of lavaprune" in refused(capfd, tmp_path / "empty")
    unfinished = RunFolder.create(tmp_path / "unfinished", run.settings)
    assert "has no result.json yet; allowed: a finished run" in refused(capfd, unfinished.path)
    assert not (unfinished.path / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.pop("accuracy"), "accuracy is"),
        (lambda r: r.update(accuracy=1.5), "accuracy is 1.5"),
        (lambda r: r.update(accuracy=float("nan")), "accuracy is nan"),
        (lambda r: r.update(sops="<b>none"), "sops is '<b>none'"),
        (lambda r: r["sops"]["training"].update(input=10**400), "sops.training.input is 1000"),
        (lambda r: r.update(train_images=0), "train_images is 0"),
        (lambda r: r["confusion"].pop(), "confusion has 9 rows of other lengths"),
        (lambda r: r["confusion"][0].__setitem__(0, -1), "confusion.0.0 is -1"),
        (lambda r: r["neuron_labels"].pop(), "neuron_labels has 4 entries; allowed: 5"),
        (lambda r: r["neuron_labels"].__setitem__(0, 10), "neuron_labels has 10; allowed: -1 .. 9"),
        (lambda r: r["counts"].pop("training"), "no usable counts of training"),
        (lambda r: r.update(weights_sha256="0" * 64), "its weights are not those of result.json"),
    ],
)
def test_refuses_a_damaged_result(
    run: RunFolder, change: Callable[[dict[str, Any]], Any], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    change_result(run, change)
    assert message in refused(capfd, run.path)
    assert not (run.path / "report.html").exists()


def test_refuses_damaged_files(run: RunFolder, capfd: pytest.CaptureFixture[str]) -> None:
    good = (run.path / "result.json").read_bytes()
    (run.path / "result.json").write_bytes(good[:50])
    assert "not a result of lavaprune" in refused(capfd, run.path)
    (run.path / "result.json").write_bytes(good)
    for name in ("before_pruning.npz", "checkpoint.npz"):
        (run.path / name).write_bytes(b"PK" + b"\0" * 50)
        assert f"{name}: checkpoint is damaged" in refused(capfd, run.path)


def test_refuses_a_file_that_cannot_be_the_page(
    run: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert "name ends in '.json'; allowed: .html | .htm" in refused(capfd, run.path, "--out", run.path / "result.json")
    assert "cannot be written" in refused(capfd, run.path, "--out", tmp_path / "no" / "page.html")
    (tmp_path / "folder.html").mkdir()
    assert "cannot be written" in refused(capfd, run.path, "--out", tmp_path / "folder.html")
    assert not list(tmp_path.glob(".*.tmp"))


def test_command_makes_the_same_settings() -> None:
    settings = build_settings(preset="digits", assignments=[*SETTINGS, "learning.mu_post=0.031", "network.gain_exc=4"])
    command = rerun_command(settings).split()
    assert command[:4] == ["lavaprune", "train", "--preset", "digits"]
    assignments = [command[k + 1] for k, word in enumerate(command) if word == "--set"]
    assert build_settings(preset="digits", assignments=assignments) == settings
    assert rerun_command(build_settings(preset="mnist-100")) == "lavaprune train --preset mnist-100 --data-dir DATA"


def test_maps_stand_where_the_page_cuts_them_out() -> None:
    network = state(1)
    labels = np.array([3, -1, 0, 3, 9])
    neurons = shown_neurons(labels, network.theta)
    assert labels[neurons].tolist() == [0, 3, 3, 9, -1]
    assert network.theta[neurons[1]] >= network.theta[neurons[2]]
    sprite = draw_sprite(network.weights, network.conducts, SHAPE, neurons, 255)
    assert (sprite.columns, sprite.rows) == (3, 2)
    rows = class_rows(neurons, labels, network.conducts, sprite.columns, [f"class {k}" for k in range(10)])
    assert [row.name for row in rows] == ["class 0", "class 3", "class 9", "none"]
    assert [(c.column, c.row) for row in rows for c in row.cells] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)]
    kept = int(network.conducts[:, neurons[0]].sum())
    assert rows[0].cells[0].title == f"neuron {neurons[0]}: {kept} of 64 synapses"
    many = shown_neurons(np.arange(2000) % 10, np.arange(2000))
    assert len(set(many.tolist())) == 800


def test_png_is_one() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    data = indexed_png(pixels, np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, rest = {}, data[8:]
    while rest:
        (size,) = struct.unpack(">I", rest[:4])
        kind, content = rest[4:8], rest[8 : 8 + size]
        assert struct.unpack(">I", rest[8 + size : 12 + size]) == (zlib.crc32(kind + content),)
        chunks[kind], rest = content, rest[12 + size :]
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (4, 3)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(3, 5)
    assert np.array_equal(lines[:, 1:], pixels)


def test_ticks_thinning_and_units() -> None:
    assert nice_ticks(0, 60_000) == [0, 20_000, 40_000, 60_000]
    assert nice_ticks(0, 1) == [0, 0.25, 0.5, 0.75, 1.0]
    assert nice_ticks(3, 3) == [3]
    assert thinned(5, 10) == [0, 1, 2, 3, 4]
    assert thinned(1000, 3)[0::2] == [0, 999]
    assert x_scale(0, 0)(0) == x_scale(0, 10)(0)
    assert (energy_text(12.34), energy_text(5e3), energy_text(6.87e6)) == ("12.3 pJ", "5 nJ", "6.87 µJ")


def test_many_neurons_and_lines_stay_small(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with open(run.path / "metrics.jsonl", "w") as stream:
        stream.writelines(json.dumps(metrics_line(sample)) + "\n" for sample in range(1, 601))
    assert write_report(run.path)["bytes"] < 400_000


def test_training_keeps_the_weights_from_before_the_first_event(tmp_path: Path) -> None:
    settings = build_settings(
        preset="digits",
        assignments=[
            "passes=1", "train_images=120", "label_images=40", "test_images=20", "steps=40", "neurons=12",
            "metrics_images=40", "pruning.method=aptn", "pruning.start=81", "pruning.batch=30", "pictures=false",
        ],
    )  # fmt: skip
    result = train(settings, None, tmp_path / "run")
    kept = load_checkpoint(tmp_path / "run" / BEFORE_PRUNING, 64, 12, settings.sha256())
    data = load_dataset("digits", None)
    engine = train_offline(settings, data, 120, last=80)
    assert kept.next_sample == 80
    assert np.array_equal(kept.network_state().weights, engine.synapses()[0])
    whole = train_offline(settings, data, 120)
    assert float(np.mean(whole.synapses()[1])) == result["connectivity"] < 1
    lines = RunFolder.open(tmp_path / "run").read_metrics()
    for line in lines:
        spikes, theta = line["spikes_quantiles"], line["theta_quantiles_mv"]
        assert spikes == sorted(spikes)
        assert theta == sorted(theta)
        assert theta[-1] == line["theta_max_mv"]
        assert spikes[0] <= line["spikes_per_image"] / 12 <= spikes[-1]
    write_report(tmp_path / "run")
    assert "After 80 training images, before the first" in (tmp_path / "run" / "report.html").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_page_fits_the_width_of_a_browser(run: RunFolder, tmp_path: Path, width: int) -> None:
    write_report(run.path)
    scroll, client = browser_widths(run.path / "report.html", tmp_path, width)
    assert scroll <= client <= width
