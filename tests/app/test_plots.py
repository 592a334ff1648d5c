"""What the pictures show: read back from the figures, and from the files."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from lavaprune.checkpoint import Checkpoint
from lavaprune.configuration import build_settings
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.estimator import STATIC_POWER, EnergyEstimate, estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.profile import load_profile, profiles_of_chip
from lavaprune.energy.spread import spread_over
from lavaprune.errors import InputError
from lavaprune.plots.confusion import confusion_figure
from lavaprune.plots.demo_picture import write_demo_picture
from lavaprune.plots.energy_bars import COMPONENT_NAMES, energy_figure
from lavaprune.plots.history import history_figure, pruning_images
from lavaprune.plots.mosaic import arrange
from lavaprune.plots.raster import raster_figure, record_image
from lavaprune.plots.run_pictures import PICTURES, write_run_pictures
from lavaprune.plots.saving import save_figure
from lavaprune.plots.style import new_figure
from lavaprune.plots.weight_maps import weight_maps_figure
from lavaprune.proc_models.fused_engine import Recording
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_TEST
from lavaprune.processes.state import NetworkState
from lavaprune.runs import RunFolder
from lavaprune.settings import Settings
from lavaprune.training.offline import respond, train_offline
from lavaprune.training.result import build_result

SHAPE = (3, 4)
N_INPUTS = 12


def some_weights(n_neurons: int) -> np.ndarray:
    """Weights (12, N) that differ everywhere nearby, the largest of them 255."""
    weights = (np.arange(N_INPUTS * n_neurons).reshape(n_neurons, N_INPUTS).T % 255).astype(np.uint8)
    weights[0, 0] = 255
    return weights


def titles(figure: Figure) -> list[str]:
    return [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center", "right")]


# --- weight maps


def test_each_map_stands_in_its_cell() -> None:
    weights = some_weights(7)
    figure = weight_maps_figure(weights, SHAPE, labels=[2, 0, -1, 1, 0, 2, 1])
    canvas = figure.axes[0].images[0].get_array()
    mosaic = arrange(7, SHAPE, [2, 0, -1, 1, 0, 2, 1])
    assert mosaic.neurons.tolist() == [1, 4, 3, 6, 0, 5, 2]  # by label; without one last
    drawn = np.zeros(canvas.shape, bool)
    for k, neuron in enumerate(mosaic.neurons):
        assert np.array_equal(canvas[mosaic.cell(k)], weights[:, neuron].reshape(SHAPE))
        assert not drawn[mosaic.cell(k)].any()
        drawn[mosaic.cell(k)] = True
    assert np.array_equal(np.ma.getmaskarray(canvas), ~drawn)
    captions = [text.get_text() for text in figure.axes[0].texts]
    assert captions == ["0", "0", "1", "1", "2", "2", "–"]
    assert figure.axes[0].images[0].get_clim() == (0, 255)


def test_pruned_synapses_are_tinted() -> None:
    weights = some_weights(2)
    conducts = np.ones_like(weights)
    conducts[3, 1] = conducts[11, 0] = 0
    figure = weight_maps_figure(weights, SHAPE, conducts=conducts)
    tint = figure.axes[0].images[1].get_array()
    mosaic = arrange(2, SHAPE)
    for k in range(2):
        assert np.array_equal(tint[mosaic.cell(k)][..., 3] == 1, conducts[:, k].reshape(SHAPE) == 0)
    assert "tinted: pruned" in titles(figure)
    assert "tinted: pruned" not in titles(weight_maps_figure(weights, SHAPE, conducts=np.ones_like(weights)))


def test_many_neurons_stand_in_rows_by_label() -> None:
    labels = np.arange(800) % 10
    labels[5] = -1
    figure = weight_maps_figure(some_weights(800), SHAPE, labels)
    axes = figure.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [*"0123456789", "none"]
    assert not axes.texts
    mosaic = arrange(800, SHAPE, labels)
    for row in range(mosaic.n_rows):
        assert len(set(labels[mosaic.neurons[mosaic.rows == row]])) == 1


@given(
    n=st.integers(1, 400),
    max_maps=st.integers(1, 300),
    n_classes=st.integers(0, 12),
    shape=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    data=st.data(),
)
def test_maps_never_overlap(n: int, max_maps: int, n_classes: int, shape: tuple[int, int], data: Any) -> None:
    labels = None
    if n_classes:
        seed = data.draw(st.integers(0, 2**32 - 1))
        labels = np.random.default_rng(seed).integers(-1, n_classes, n)
    mosaic = arrange(n, shape, labels, max_maps=max_maps)
    assert len(set(mosaic.neurons.tolist())) == len(mosaic.neurons) == min(n, max_maps)
    used = np.zeros(mosaic.canvas_shape, np.int64)
    for k in range(len(mosaic.neurons)):
        used[mosaic.cell(k)] += 1
    assert used.max() == 1
    assert used.sum() == len(mosaic.neurons) * shape[0] * shape[1]  # none reaches beyond the canvas


def test_the_smallest_network_can_be_drawn() -> None:
    figure = weight_maps_figure(np.zeros((1, 1), np.uint8), (1, 1), [0])
    assert np.ma.compressed(figure.axes[0].images[0].get_array()).tolist() == [0]


def test_the_most_active_are_drawn() -> None:
    activity = np.array([5, 9, 1, 7, 3])
    assert arrange(5, SHAPE, activity=activity, max_maps=2).neurons.tolist() == [1, 3]
    assert arrange(5, SHAPE, labels=[0, 1, 0, 0, 0], activity=activity, max_maps=3).neurons.tolist() == [3, 0, 1]
    assert arrange(5, SHAPE, max_maps=2).neurons.tolist() == [0, 1]
    figure = weight_maps_figure(some_weights(5), SHAPE, activity=activity, max_maps=2)
    assert "Receptive fields: 2 of 5 neurons" in titles(figure)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (3, 5)}, r"shape is \(3, 5\) for 12 inputs"),
        ({"labels": [1, 2]}, r"labels has shape \(2,\); allowed: \(3,\)"),
        ({"activity": np.zeros(4)}, r"activity has shape \(4,\)"),
        ({"conducts": np.ones((12, 2), np.uint8)}, r"conducts has shape \(12, 2\); allowed: \(12, 3\)"),
        ({"max_maps": 0}, "max_maps is 0; allowed: at least 1"),
    ],
)
def test_wrong_weight_maps(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        weight_maps_figure(some_weights(3), **{"shape": SHAPE, **arguments})


# --- raster


def some_recording(with_interneurons: bool = True) -> Recording:
    rng = np.random.default_rng(3)
    inputs = (rng.random((2, 30, N_INPUTS)) < 0.2).astype(np.uint8)
    exc = (rng.random((2, 30, 5)) < 0.1).astype(np.uint8)
    inh = np.roll(exc, 1, axis=1) if with_interneurons else np.zeros_like(exc)
    return Recording(exc, inputs, inh)


def marks(figure: Figure, ylabel: str) -> set[tuple[float, float]]:
    (axes,) = (axes for axes in figure.axes if axes.get_ylabel().startswith(ylabel))
    line = axes.lines[0] if axes.lines[0].get_linestyle() == "None" else axes.lines[-1]
    return set(zip(line.get_xdata(), line.get_ydata(), strict=True))  # type: ignore[arg-type]


def test_raster_marks_every_spike() -> None:
    recording = some_recording()
    labels = np.array([1, 0, -1, 1, 0])
    figure = raster_figure(recording, sample=1, labels=labels, shape=SHAPE)
    place = {neuron: row for row, neuron in enumerate([1, 4, 0, 3, 2])}
    assert marks(figure, "input") == set(zip(*np.nonzero(recording.inputs[1]), strict=True))
    for name, spikes in (("excitatory", recording.exc), ("inhibitory", recording.inh)):
        assert marks(figure, name) == {(t, place[i]) for t, i in zip(*np.nonzero(spikes[1]), strict=True)}
    assert f"{np.count_nonzero(recording.exc[1])} spikes" in titles(figure)
    (image,) = (axes.images[0] for axes in figure.axes if axes.images)
    assert np.array_equal(image.get_array(), recording.inputs[1].sum(axis=0).reshape(SHAPE))
    (bars,) = (axes for axes in figure.axes if axes.patches)
    counts = recording.exc[1].sum(axis=0)[[1, 4, 0, 3, 2]]
    assert [bar.get_width() for bar in bars.patches] == counts.tolist()  # type: ignore[attr-defined]


def test_raster_without_interneurons_has_no_panel_for_them() -> None:
    figure = raster_figure(some_recording(with_interneurons=False))
    assert not [axes for axes in figure.axes if axes.get_ylabel().startswith("inhibitory")]


def test_raster_of_silence() -> None:
    silent = Recording(*(np.zeros((1, 10, n), np.uint8) for n in (3, 4, 3)))
    assert "0 spikes" in titles(raster_figure(silent, labels=[0, 0, 1]))


def test_wrong_raster() -> None:
    with pytest.raises(ValueError, match=r"sample is 2; allowed: 0 \.\. 1"):
        raster_figure(some_recording(), sample=2)
    with pytest.raises(ValueError, match=r"labels have shape \(4,\); allowed: \(5,\)"):
        raster_figure(some_recording(), labels=np.zeros(4))
    with pytest.raises(ValueError, match=r"shape is \(2, 2\) for 12 inputs"):
        raster_figure(some_recording(), shape=(2, 2))


# --- history


def some_metrics() -> list[dict[str, Any]]:
    return [
        {
            "sample": sample,
            "accuracy_estimate": None if sample == 100 else sample / 1000,
            "spikes_per_image": 10.0 + sample / 100,
            "active_neurons": 5,
            "theta_mean_mv": sample / 50,
            "theta_max_mv": sample / 25,
            "connectivity": 1.0 if sample < 300 else 0.4,
            "nonzero_weights": 0.3,
            "seconds": 1.5,
        }
        for sample in (100, 200, 300)
    ]


def test_history_draws_the_lines_of_metrics() -> None:
    figure = history_figure(some_metrics(), pruning_images=[300], n_neurons=5)
    curves = {
        tuple(line.get_ydata()): tuple(line.get_xdata())  # type: ignore[arg-type]
        for axes in figure.axes
        for line in axes.lines
        if len(line.get_xdata()) > 1 and len(set(line.get_xdata())) > 1  # type: ignore[arg-type]
    }
    assert curves.pop((0.2, 0.3)) == (200, 300)  # the first interval has no estimate
    assert set(curves) == {
        (11.0, 12.0, 13.0),
        (5, 5, 5),
        (2.0, 4.0, 6.0),
        (4.0, 8.0, 12.0),
        (1.0, 1.0, 0.4),
        (0.3, 0.3, 0.3),
    }
    assert set(curves.values()) == {(100, 200, 300)}
    events = [line for axes in figure.axes for line in axes.lines if set(line.get_xdata()) == {300}]  # type: ignore[arg-type]
    assert len(events) == 4


def test_history_of_one_interval_has_no_estimate_yet() -> None:
    figure = history_figure(some_metrics()[:1])
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [0]  # type: ignore[arg-type]


def test_history_needs_a_line() -> None:
    with pytest.raises(ValueError, match="0 lines of metrics; allowed: at least 1"):
        history_figure([])


def test_pruning_images_are_the_schedule_s() -> None:
    settings = build_settings(
        preset="none", assignments=["pruning.start=50", "pruning.batch=20", "pruning.method=constant"]
    )
    assert pruning_images(settings, 100) == (50, 70, 90)
    assert pruning_images(build_settings(preset="none", assignments=["pruning.start=50"]), 100) == ()


# --- confusion matrix


def test_confusion_matrix() -> None:
    counts = np.array([[5, 1, 0], [0, 4, 0], [2, 0, 0]])
    figure = confusion_figure(counts, ["a", "b", "c"])
    (axes,) = figure.axes
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "5", (1, 0): "1", (1, 1): "4", (0, 2): "2"}  # (answer, true class)
    assert np.allclose(axes.images[0].get_array(), [[5 / 6, 1 / 6, 0], [0, 1, 0], [1, 0, 0]])
    assert axes.get_title("left") == "75.0% of 12 test images right"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]


def test_confusion_of_many_classes_names_some() -> None:
    (axes,) = confusion_figure(np.eye(100, dtype=int)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [str(label) for label in range(0, 100, 5)]
    assert not axes.texts


@pytest.mark.parametrize(
    ("counts", "names", "message"),
    [
        (np.zeros((2, 3), int), None, r"shape is \(2, 3\)"),
        ([[1, -1], [0, 1]], None, "a count is -1; allowed: at least 0"),
        ([[1, 0], [0, 1]], ["a"], "1 class names for 2 classes"),
    ],
)
def test_wrong_confusion_matrix(counts: Any, names: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        confusion_figure(counts, names)


# --- energy


def some_estimate(synaptic_ops: int = 1000, controller_ops: int = 0) -> EnergyEstimate:
    events = HardwareEvents(
        steps=10,
        synaptic_ops=synaptic_ops,
        synaptic_updates=200,
        neuron_updates_active=30,
        neuron_updates_inactive=40,
        spikes_within_tile=50,
        hops_ew=0,
        hops_ns=0,
        controller_ops=controller_ops,
    )
    return estimate_energy(events, load_profile())


def test_energy_bars_add_up() -> None:
    estimates = {"training": some_estimate(10_000), "inference": some_estimate(100)}
    figure = energy_figure(estimates, {"training": 4, "inference": 1})
    (axes,) = figure.axes
    drawn = {container.get_label(): [bar.get_width() for bar in container] for container in axes.containers}  # type: ignore[attr-defined]
    totals_nj = [estimates["training"].total_pj / 4e3, estimates["inference"].total_pj / 1e3]
    assert np.allclose(np.sum(list(drawn.values()), axis=0), totals_nj)
    price = load_profile().prices["synaptic_ops"].value_pj
    assert np.allclose(drawn[COMPONENT_NAMES["synaptic_ops"]], [10_000 * price / 4e3, 100 * price / 1e3])
    assert COMPONENT_NAMES["hops_ew"] not in drawn  # there are none
    assert axes.get_xlabel() == "nJ per image"
    written = [float(text.get_text().split()[0]) for text in axes.texts]
    assert written == pytest.approx(totals_nj, rel=0.01)


def test_every_component_has_a_name() -> None:
    assert set(COMPONENT_NAMES) == {*EVENT_KEYS, STATIC_POWER}


def test_energy_of_nothing() -> None:
    nothing = estimate_energy(HardwareEvents(1, 0, 0, 0, 0, 0, 0, 0), load_profile())
    assert energy_figure({"idle": nothing}).axes[0].texts[0].get_text().split() == ["0.00", "pJ"]


def test_what_has_no_price_is_named() -> None:
    estimate = some_estimate()
    lacking = EnergyEstimate(estimate.profile, estimate.components_pj, {"controller_ops": 3})
    (note,) = (text.get_text() for text in energy_figure({"run": lacking}).texts if text.get_text())
    assert "left out: pruning controller" in " ".join(note.split())


def test_range_over_the_chips_profiles() -> None:
    events = HardwareEvents(10, 1000, 0, 0, 0, 50, 0, 0)
    spread = spread_over(events, profiles_of_chip("loihi1"))
    figure = energy_figure({"run": estimate_energy(events, load_profile())}, {"run": 2}, {"run": spread})
    (line,) = figure.axes[0].lines
    # 1000 x 23.6 + 50 x 1.7 and 1000 x 35.5 + 50 x 180.3 pJ, in nJ, of two images
    assert line.get_xdata() == pytest.approx([23.685 / 2, 44.515 / 2])
    assert line.get_label() == "range over 2 profile(s) of loihi1"
    assert figure.axes[0].get_xlim()[1] > 44.515 / 2


def test_wrong_energy_bars() -> None:
    with pytest.raises(ValueError, match="allowed: of one profile"):
        energy_figure({})
    with pytest.raises(ValueError, match="divisor of 'run' is 0; allowed: at least 1"):
        energy_figure({"run": some_estimate()}, {"run": 0})


# --- files


def png_chunks(path: Path) -> list[bytes]:
    content, position, found = path.read_bytes(), 8, []
    while position < len(content):
        (length,) = struct.unpack(">I", content[position : position + 4])
        found.append(content[position + 4 : position + 8])
        position += length + 12
    return found


def test_same_figure_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_figure(weight_maps_figure(some_weights(9), SHAPE, np.arange(9)), tmp_path / name)
    with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 50, "axes.edgecolor": "red", "lines.linewidth": 9}):
        save_figure(weight_maps_figure(some_weights(9), SHAPE, np.arange(9)), tmp_path / "c.png")
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 3
    assert len(contents) == 1
    chunks = png_chunks(tmp_path / "a.png")
    assert chunks[0] == b"IHDR"
    assert not {b"tIME", b"tEXt", b"iTXt", b"zTXt"} & set(chunks)  # no date, no version


def test_other_weights_other_bytes(tmp_path: Path) -> None:
    changed = some_weights(9)
    changed[4, 4] += 60
    for name, weights in (("a.png", some_weights(9)), ("b.png", changed)):
        save_figure(weight_maps_figure(weights, SHAPE), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()


def test_failed_picture_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    figure = new_figure(2, 2)
    figure.text(0.5, 0.5, "$\\nosuchcommand$")
    with pytest.raises(ValueError, match="nosuchcommand"):
        save_figure(figure, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_only_png(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"name ends in '\.jpg'; allowed: '\.png'"):
        save_figure(new_figure(2, 2), tmp_path / "a.jpg")


def test_the_style_stays_ours() -> None:
    before = dict(matplotlib.rcParams)
    confusion_figure([[1]])
    assert dict(matplotlib.rcParams) == before


# --- whole runs


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits", None)


def tiny_settings(*assignments: str) -> Settings:
    return build_settings(
        preset="none",
        assignments=["neurons=12", "steps=40", "train_images=60", "pruning.start=30", "pruning.batch=10", *assignments],
    )


def tiny_run(settings: Settings, digits: Dataset) -> tuple[NetworkState, dict[str, Any]]:
    engine = train_offline(settings, digits, 60)
    state = engine.state()
    result = build_result(
        settings,
        state,
        accuracy=0.5,
        confusion=np.eye(10, dtype=np.int64),
        neuron_labels=np.arange(12) % 10,
        test_counters=state.counters[0] // 4,
        images={"train_images": 60, "label_images": 60, "test_images": 10},
        seconds={"train": 1.0, "label": 1.0, "test": 1.0},
    )
    return state, result


def test_recorded_image_is_the_tested_one(digits: Dataset) -> None:
    settings = tiny_settings()
    parameters = settings.network_parameters(digits.n_inputs)
    engine = train_offline(settings, digits, 60)
    state = engine.state()
    recording = record_image(parameters, state, digits.test_images[1], sample=1)
    assert np.array_equal(recording.exc[0].sum(axis=0), respond(engine, digits.test_images[:2], PHASE_TEST)[1])
    assert recording.inputs.sum() > 0
    assert np.array_equal(state.theta, engine.theta)
    assert np.array_equal(state.weights, engine.weights)


def test_run_pictures(tmp_path: Path, digits: Dataset) -> None:
    settings = tiny_settings("pruning.method=constant")
    parameters = settings.network_parameters(digits.n_inputs)
    state, result = tiny_run(settings, digits)
    raster = record_image(parameters, state, digits.test_images[0])
    labels = np.array(result["neuron_labels"])
    write_run_pictures(tmp_path, settings, state, result, some_metrics(), labels, raster, digits.shape)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PICTURES)
    for path in tmp_path.iterdir():
        pixels = matplotlib.image.imread(path)
        assert min(pixels.shape[:2]) > 250
        assert 0.01 < np.mean(pixels[..., :3].min(axis=2) < 0.9) < 0.9  # neither empty nor full
    once = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write_run_pictures(tmp_path, settings, state, result, some_metrics(), labels, raster)  # a square by itself
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == once


def finished_run(folder: Path, settings: Settings, digits: Dataset) -> Path:
    state, result = tiny_run(settings, digits)
    run = RunFolder.create(folder, settings)
    checkpoint = Checkpoint(
        next_sample=60,
        weights=state.weights,
        conducts=state.conducts,
        plastic=state.plastic,
        theta=state.theta,
        batch_spike_counts=state.batch_counts,
        column_targets=state.column_targets,
        counters=state.counters,
        extras={},
    )
    run.save_checkpoint(checkpoint, digits.sha256())
    for line in some_metrics():
        run.append_metrics(line)
    run.write_result(result)
    return folder


def test_demo_picture_of_two_runs(tmp_path: Path, digits: Dataset) -> None:
    folders = {
        "unpruned": finished_run(tmp_path / "a", tiny_settings(), digits),
        "pruned": finished_run(tmp_path / "b", tiny_settings("pruning.method=constant"), digits),
    }
    write_demo_picture(tmp_path / "demo.png", folders)
    both = matplotlib.image.imread(tmp_path / "demo.png")
    assert both.shape[1] > 1500
    write_demo_picture(tmp_path / "one.png", {"unpruned": tmp_path / "a"})
    assert not np.array_equal(both, matplotlib.image.imread(tmp_path / "one.png"))


def test_demo_picture_needs_finished_runs(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(ValueError, match="0 runs given; allowed: at least 1"):
        write_demo_picture(tmp_path / "demo.png", {})
    RunFolder.create(tmp_path / "a", tiny_settings())
    with pytest.raises(InputError, match=r"has no result\.json yet"):
        write_demo_picture(tmp_path / "demo.png", {"a": tmp_path / "a"})
    assert not (tmp_path / "demo.png").exists()


def test_pictures_need_no_display_and_no_pyplot(tmp_path: Path) -> None:
    """Runs draw in processes of their own: nothing there may ask for a window."""
    script = (
        "import sys, lavaprune.plots.run_pictures, lavaprune.plots.weight_maps as w, numpy as np;"
        "w.weight_maps_figure(np.ones((4, 2), np.uint8), (2, 2));"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_initial_state_can_be_drawn() -> None:
    state = initial_state(tiny_settings().network_parameters(64))
    figure = weight_maps_figure(state.weights, (8, 8), conducts=state.conducts)
    assert len(figure.axes[0].images) == 1  # nothing is pruned
