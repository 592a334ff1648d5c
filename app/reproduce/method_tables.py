"""Tables 2 and 3: every method at 10 % connectivity."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from lavaprune.plots.style import MUTED, light_grid, styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import Comparison, compare_larger, compare_number, measured, statistics
from lavaprune.reproduce.drawing import NOTE, look, note, panels
from lavaprune.reproduce.experiment import Context, Experiment
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Point, Runs
from lavaprune.settings import Settings

PERCENT = 10
_WINDOW = (9.5, 10.5)
_TABLES = {"table2": ("mnist", "Table 2: MNIST"), "table3": ("fashion", "Table 3: Fashion-MNIST")}
QUANTITIES = {
    "loss": ("accuracy loss", "points", "lower"),
    "training_saved": ("training SOPs saved", "%", "higher"),
    "inference_saved": ("inference SOPs saved", "%", "higher"),
}


def _presets(grids: Grids, dataset: str) -> list[str]:
    return [preset for preset in grids.presets if preset.startswith(dataset)]


def _configurations(dataset: str, grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in _presets(grids, dataset)
        for key in grids.methods(preset)
        for settings in grids.at(preset, key, PERCENT) or ()
    ]


def _draw(name: str, context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    dataset, title = _TABLES[name]
    points: dict[str, dict[str, Point]] = {}
    for preset in _presets(grids, dataset):
        named = {key: grids.at(preset, key, PERCENT) for key in grids.methods(preset)}
        points[preset] = {key: runs.point(settings) for key, settings in named.items() if settings}
    outcome = Outcome(
        f"{title} at {PERCENT} % connectivity",
        "Accuracy loss and reduction of SOPs per image against our own unpruned network of the same seed; the paper's "
        "numbers in brackets. Soft pruning removes nothing: its 10 % are the weights that still learn.",
        {"": table_figure(points, grids)} if any(points.values()) else {},
        notes=["SOPs include lateral ones; those without are in the CSV (`*_plain`, in % of unpruned)."],
    )
    if not points:
        outcome.notes.append("This run has nothing about this data set.")
    header = [f"{grids.title(p)}: {words}, {unit}" for words, unit, _ in QUANTITIES.values() for p in points]
    rows = [["method", *header, "connectivity, %"]]
    for key in grids.method_order:
        if any(key in of_preset for of_preset in points.values()):
            rows.append(_table_row(key, points, grids))
    outcome.table = rows if points else ()
    for preset, of_preset in points.items():
        for key, point in of_preset.items():
            entry = paper.AT_10_PERCENT[preset].get(key)
            printed = {} if entry is None else {q: float(getattr(entry, q)) for q in QUANTITIES}
            outcome.rows.append(point_row(grids.title(preset), grids.label(key), point, **printed))
            reached = point.mean(_share(key))
            if not _is_meant(reached):
                outcome.notes.append(
                    f"{grids.title(preset)}, {grids.label(key)}: {reached:.2f} % of the weights are left; "
                    f"meant: {_WINDOW[0]} .. {_WINDOW[1]} %"
                )
        outcome.comparisons += compare_table(preset, of_preset, grids)
    if name == "table2":
        outcome.notes.append(
            "The abstract says 3.33 points more accuracy and 67 % more SOPs saved than soft pruning; no table of the "
            "paper gives that (Table 2: 5.72 and 2.07 points), so it is not compared."
        )
    return outcome


def compare_table(preset: str, points: Mapping[str, Point], grids: Grids) -> list[Comparison]:
    """Every number of one preset's columns, and what the text says about their order."""
    title = grids.title(preset)
    found = []
    reached = {key: point.mean(_share(key)) for key, point in points.items()}
    off = {key: "" if _is_meant(share) else f", at {share:.1f} % instead" for key, share in reached.items()}
    for key, entry in paper.AT_10_PERCENT[preset].items():
        for quantity, (words, unit, better) in QUANTITIES.items():
            if key in points:
                found.append(
                    compare_number(
                        f"{title}, {grids.label(key)}{off[key]}: {words}",
                        points[key].values[quantity],
                        float(getattr(entry, quantity)),
                        unit,
                        better="lower" if better == "lower" else "higher",
                    )
                )
    best = "aptn" if preset.startswith("mnist") else "soft"
    for key, point in points.items():
        if best in points and key != best and key in paper.AT_10_PERCENT[preset]:
            found.append(
                compare_larger(
                    f"{title}: {grids.label(best)}{off[best]} loses less than {grids.label(key)}{off[key]}",
                    _difference_of_loss(point, points[best]),
                )
            )
    return found


def _difference_of_loss(first: Point, second: Point) -> np.ndarray:
    """Loss of the first less that of the second, over the seeds that both have."""
    pairs = [(i, second.seeds.index(seed)) for i, seed in enumerate(first.seeds) if seed in second.seeds]
    return np.array([first.values["loss"][i] - second.values["loss"][j] for i, j in pairs])


def _table_row(key: str, points: Mapping[str, Mapping[str, Point]], grids: Grids) -> list[str]:
    row = [grids.label(key)]
    for quantity in QUANTITIES:
        for preset, of_preset in points.items():
            if key not in of_preset:
                row.append("")
                continue
            mean, _, error, _ = statistics(of_preset[key].values[quantity])
            entry = paper.AT_10_PERCENT[preset].get(key)
            printed = "" if entry is None else f" ({getattr(entry, quantity):g})"
            row.append(f"{measured(mean, error)}{printed}")
    reached = [f"{of_preset[key].mean(_share(key)):.2f}" for of_preset in points.values() if key in of_preset]
    return [*row, " / ".join(reached)]


def _share(key: str) -> str:
    """What the 10 % are of: soft pruning's weights all conduct."""
    return "unpruned" if key.startswith("soft") else "connectivity"


def _is_meant(percent: float) -> bool:
    return _WINDOW[0] <= percent <= _WINDOW[1]


@styled
def table_figure(points: Mapping[str, Mapping[str, Point]], grids: Grids) -> Figure:
    """One panel for each preset and quantity: ours with its standard deviation, the paper's hollow."""
    used = [key for key in grids.method_order if any(key in of_preset for of_preset in points.values())]
    figure, axes = panels(len(points), len(QUANTITIES), 3.4, 0.9 + 0.3 * len(used))
    for row, (preset, of_preset) in enumerate(points.items()):
        for column, (quantity, (words, unit, _)) in enumerate(QUANTITIES.items()):
            panel = axes[row * len(QUANTITIES) + column]
            for place, key in enumerate(used):
                color, marker = look(grids.method_order.index(key))
                entry = paper.AT_10_PERCENT[preset].get(key)
                if key in of_preset:
                    deviation = of_preset[key].deviation(quantity)
                    bar = 0.0 if math.isnan(deviation) else deviation
                    panel.errorbar([of_preset[key].mean(quantity)], [place], xerr=[bar], color=color, marker=marker)
                if entry is not None:
                    panel.plot(
                        [getattr(entry, quantity)], [place], marker, mfc="none", mec=color, markersize=8.0, linestyle=""
                    )
            panel.axvline(0.0, color=MUTED, linewidth=0.7)
            panel.set_yticks(np.arange(len(used)), [grids.label(key) for key in used] if column == 0 else [])
            panel.set_ylim(len(used) - 0.5, -0.5)
            panel.set_title(grids.title(preset) if column == 0 else "")
            panel.set_xlabel(f"{words}, {unit}")
            light_grid(panel, "x")
    note(figure, NOTE)
    return figure


EXPERIMENTS = {
    "table2": Experiment(
        "Table 2: MNIST", lambda g: _configurations("mnist", g), lambda c, runs: _draw("table2", c, runs)
    ),
    "table3": Experiment(
        "Table 3: Fashion-MNIST", lambda g: _configurations("fashion", g), lambda c, runs: _draw("table3", c, runs)
    ),
}
