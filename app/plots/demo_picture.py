"""Runs of the same network, unpruned and pruned, in one picture: what it learned, how, how well, at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.estimator import ENERGY_LABEL
from lavaprune.energy_report import PHASES, pricing_of
from lavaprune.plots.confusion import draw_confusion
from lavaprune.plots.energy_bars import draw_energy
from lavaprune.plots.finished_run import FinishedRun, read_finished_run
from lavaprune.plots.history import draw_line, finish_panel, percent
from lavaprune.plots.saving import save_figure
from lavaprune.plots.style import BLUE, CATEGORICAL, MUTED, new_figure, styled
from lavaprune.plots.weight_maps import draw_weight_maps
from lavaprune.runs import RunFolder


def write_demo_picture(path: Path, folders: Mapping[str, Path], data_dir: Path | None = None) -> None:
    """Write a PNG of some finished runs of one data set; parameters as of `demo_figure`.

    Parameters
    ----------
    path : Path
        The picture, replaced atomically.
    folders : mapping of str to Path
        Name of a run -> its RUN folder; the last one is drawn in detail.
    data_dir : Path, optional
        Root of the data sets, which tell the images' height and width.

    Raises
    ------
    InputError
        If a folder is no finished run.
    ValueError
        If there is none, or they differ in size.
    """
    if not folders:
        raise ValueError("demo picture: 0 runs given; allowed: at least 1")
    data = load_dataset(RunFolder.open(next(iter(folders.values()))).settings.dataset, data_dir)
    runs = {name: read_finished_run(folder, data.n_inputs) for name, folder in folders.items()}
    save_figure(demo_figure(runs, data.shape), path)


@styled
def demo_figure(runs: Mapping[str, FinishedRun], shape: tuple[int, int]) -> Figure:
    """Draw receptive fields, accuracy and connectivity over time, confusion matrix and energy side by side.

    Parameters
    ----------
    runs : mapping of str to FinishedRun
        Of one data set, by name; fields and confusion matrix are those of the last one.
    shape : (int, int)
        Height and width of an image.

    Raises
    ------
    ValueError
        As the panels' own functions.
    """
    last_name, last = list(runs.items())[-1]
    figure = new_figure(13.0, 7.4)
    halves = figure.add_gridspec(1, 2, width_ratios=(1.0, 1.25))
    maps = figure.add_subplot(halves[0])
    draw_weight_maps(
        maps,
        last.state.weights,
        shape,
        last.result["neuron_labels"],
        last.state.conducts,
        last.state.theta,
        max_maps=144,
    )
    maps.set_title("What each neuron has learned, and its label")
    maps.set_anchor("NW")
    grid = halves[1].subgridspec(2, 2, height_ratios=(1.25, 1.0), width_ratios=(1.0, 1.12))
    times = grid[0, 0].subgridspec(2, 1)
    accuracy = figure.add_subplot(times[0])
    _draw_histories(accuracy, runs, "accuracy_estimate", "Accuracy while it learns", has_names=False)
    accuracy.set_xlabel("")
    accuracy.tick_params(labelbottom=False)
    synapses = figure.add_subplot(times[1], sharex=accuracy)
    _draw_histories(synapses, runs, "connectivity", "Synapses left", has_names=len(runs) > 1)
    if last.pruning_images:
        synapses.set_title("red lines: pruning", loc="right", fontsize=8, fontweight="normal", color=MUTED)
    confusion = figure.add_subplot(grid[0, 1])
    draw_confusion(confusion, last.result["confusion"])
    confusion.set_title(f"{last_name}: {confusion.get_title('left')}" if len(runs) > 1 else confusion.get_title("left"))
    _draw_energies(figure.add_subplot(grid[1, :]), runs)
    figure.suptitle(_title(runs), x=0.008, ha="left")
    return figure


def _draw_histories(axes: Axes, runs: Mapping[str, FinishedRun], key: str, title: str, has_names: bool) -> None:
    colors = [BLUE] if len(runs) == 1 else [MUTED, BLUE, *CATEGORICAL[1:]]
    for color, (name, run) in zip(colors, runs.items(), strict=False):
        draw_line(axes, run.metrics, key, color, name if has_names else None)
    last = list(runs.values())[-1]
    finish_panel(axes, title, last.metrics, last.pruning_images)
    percent(axes)
    if has_names:
        axes.legend(loc="lower left", handlelength=1.2)


def _draw_energies(axes: Axes, runs: Mapping[str, FinishedRun]) -> None:
    pricing = pricing_of()
    estimates, divide_by, spreads = {}, {}, {}
    for phase in PHASES:
        for name, run in runs.items():
            bar = phase if len(runs) == 1 else f"{phase}\n{name}"
            estimates[bar], divide_by[bar] = run.energy_per_phase(pricing.profile)[phase]
            spreads[bar] = pricing.spread(run.phases[phase].events)
    draw_energy(axes, estimates, divide_by, spreads)
    axes.legend(loc="lower right", handlelength=1.0)  # the bars of inference are short
    note = f"{ENERGY_LABEL}, {pricing.profile.name}: {pricing.profile.title}"
    axes.set_title(note, loc="right", fontsize=7, fontweight="normal", color=MUTED)


def _title(runs: Mapping[str, FinishedRun]) -> str:
    settings = next(iter(runs.values())).settings
    parts: list[str] = []
    for run in runs.values():
        share, accuracy = run.result["connectivity"], run.result["accuracy"]
        right = "right with" if not parts else "with"
        kept = "all synapses" if share == 1 else f"{share:.0%} of them" if parts else f"{share:.0%} of the synapses"
        parts.append(f"{accuracy:.1%} {right} {kept}")
    return f"{settings.neurons} spiking neurons learn {settings.dataset} without labels: {', '.join(parts)}"
