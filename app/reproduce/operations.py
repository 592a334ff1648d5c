"""Figure 12: synaptic operations against connectivity, the figure of merit, and all methods' accuracy per operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lavaprune.energy.computational_cost import figure_of_merit as merit
from lavaprune.energy.computational_cost import is_clear
from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import (
    Comparison,
    compare_at_least,
    compare_larger,
    compare_number,
    not_compared,
    statistics,
)
from lavaprune.reproduce.curves import at_level
from lavaprune.reproduce.drawing import (
    NOTE,
    PHASES_NOTE,
    draw_curve,
    draw_level,
    draw_paper,
    finish,
    look,
    note,
    panels,
    shared_legend,
)
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Point, Runs
from lavaprune.settings import Settings

_LINEAR = 0.95  # R squared of a straight line: "almost linearly"


def _configurations(grids: Grids) -> list[Settings]:
    of_curves = [
        settings
        for preset in grids.presets
        for key in grids.methods(preset)
        for settings in grids.curve(preset, key).settings()
    ]
    return of_curves + [settings for named in _at_17_percent(grids).values() for settings in named]


def _at_17_percent(grids: Grids) -> dict[tuple[str, str], tuple[Settings, ...]]:
    """Configurations at the paper's best connectivity of N = 800, by preset and method."""
    named = {(preset, key): grids.at(preset, key, 17) for preset in grids.presets for key in grids.methods(preset)}
    return {where: settings for where, settings in named.items() if settings}


def _draw(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    curves = {
        preset: {key: curve_of(runs, grids.curve(preset, key)) for key in grids.methods(preset)}
        for preset in grids.presets
    }
    aptn = {preset: curves[preset]["aptn"] for preset in curves if "aptn" in curves[preset]}
    outcome = Outcome(
        "Fig. 12: synaptic operations and the figure of merit",
        "SOPs per image of APTN, in % of the unpruned network's, against connectivity; the figure of merit (accuracy "
        "loss x normalised SOPs of training and inference); and the accuracy of all methods against their SOPs.",
        {"": operations_figure(aptn, grids), "-methods": per_operation_figure(curves, grids)},
        notes=[
            "The figure of merit is 0 wherever the loss is, so its minimum says nothing there: only points whose loss "
            "exceeds 2 standard errors take part. Loss is against our unpruned network of the same seed.",
            "SOPs include lateral ones; those without are in the CSV (`*_plain`).",
        ],
    )
    for preset, of_preset in curves.items():
        for curve in of_preset.values():
            for point in curve.points:
                row = point_row(grids.title(preset), curve.series.label, point)
                outcome.rows.append(row | {"figure_of_merit": float(figure_of_merit(point).mean())})
    for (preset, key), settings in _at_17_percent(grids).items():
        point = runs.point(settings)
        outcome.rows.append(point_row(f"{grids.title(preset)}, at 17 %", grids.label(key), point))
        if preset in paper.BEST_FOM:
            reached = f"{point.mean('connectivity'):.1f} % connectivity"
            where = f"{grids.title(preset)}, {grids.label(key)} at {reached}, against the paper's APTN:"
            outcome.comparisons += _against_paper(where, paper.BEST_FOM[preset][1], point.values)
    for preset, curve in aptn.items():
        outcome.comparisons += _linear(grids.title(preset), curve.points)
        if preset in paper.BEST_FOM:
            outcome.comparisons += _at_best(grids.title(preset), preset, curve.points)
            shifted = min(curve.points, key=lambda point: float(figure_of_merit(point, 1.0).mean()))
            outcome.notes.append(
                f"{grids.title(preset)}: with 1 point added to the loss, so that the unpruned network has 1, the "
                f"figure of merit is best at {shifted.mean('connectivity'):.1f} % connectivity."
            )
    return outcome


def figure_of_merit(point: Point, shift: float = 0.0) -> np.ndarray:
    """(Accuracy loss + `shift`) in points x normalised SOPs of training and inference (share), per seed."""
    return merit(point.values["loss"], point.values["total"] / 100, shift)


def best_connectivity(points: Sequence[Point]) -> Point | None:
    """The point with the lowest figure of merit among those whose loss is above 2 standard errors; None if none is."""
    clear = []
    for point in points:
        mean, _, error, _ = statistics(point.values["loss"])
        if is_clear(mean, error):
            clear.append(point)
    return min(clear, key=lambda point: float(figure_of_merit(point).mean()), default=None)


def _linear(title: str, points: Sequence[Point]) -> list[Comparison]:
    found = []
    connectivity = np.stack([point.values["connectivity"] for point in points])
    connectivity = np.vstack([connectivity, np.full(connectivity.shape[1], 100.0)])
    for phase in ("training", "inference"):
        sops = np.vstack([*(point.values[phase] for point in points), np.full(connectivity.shape[1], 100.0)])
        # one column for each seed: the share of variance that a straight line explains
        squares = [np.corrcoef(x, y)[0, 1] ** 2 for x, y in zip(connectivity.T, sops.T, strict=True)]
        found.append(
            compare_at_least(
                f"{title}: {phase} SOPs fall almost linearly with connectivity (R squared)", squares, _LINEAR, ""
            )
        )
    difference = np.mean([p.values["inference_saved"] - p.values["training_saved"] for p in points], axis=0)
    found.append(compare_larger(f"{title}: inference SOPs fall more than training SOPs", difference, "% of unpruned"))
    return found


def _at_best(title: str, preset: str, points: Sequence[Point]) -> list[Comparison]:
    connectivity, entry = paper.BEST_FOM[preset]
    best = best_connectivity(points)
    statement = f"{title}: connectivity with the best figure of merit"
    found = [
        not_compared(statement, "no point has a loss above the noise", connectivity, "%")
        if best is None
        else compare_number(statement, best.values["connectivity"], connectivity, "%")
    ]
    values = {name: at_level(points, name, connectivity) for name in ("loss", "training_saved", "inference_saved")}
    return found + _against_paper(f"{title}: at {connectivity:g} % connectivity (interpolated),", entry, values)


def _against_paper(where: str, entry: paper.TableEntry, values: Mapping[str, np.ndarray]) -> list[Comparison]:
    """Loss and SOPs saved, each value per seed, against the paper's."""
    found = [compare_number(f"{where} accuracy loss", values["loss"], entry.loss, better="lower")]
    for phase, saved in (("training", entry.training_saved), ("inference", entry.inference_saved)):
        name = f"{phase}_saved"
        found.append(compare_number(f"{where} {phase} SOPs saved", values[name], saved, "%", better="higher"))
    return found


@styled
def operations_figure(curves: Mapping[str, Curve], grids: Grids) -> Figure:
    """Left: SOPs per image, training solid and inference dashed. Right: figure of merit."""
    figure, (left, right) = panels(1, 2, 4.6, 3.6)
    for index, (preset, curve) in enumerate(curves.items()):
        title = grids.title(preset)
        draw_curve(left, curve.points, "training", index=index)
        draw_curve(left, curve.points, "inference", index=index, style="--")
        ordered = sorted(curve.points, key=lambda point: point.mean("connectivity"))
        color, marker = look(index)
        right.errorbar(
            [point.mean("connectivity") for point in ordered],
            [figure_of_merit(point).mean() for point in ordered],
            yerr=[figure_of_merit(point).std(ddof=1) if point.n > 1 else 0.0 for point in ordered],
            color=color,
            marker=marker,
            markersize=4.0,
            linewidth=1.3,
            elinewidth=0.8,
            label=title,
        )
        if preset in paper.BEST_FOM:
            connectivity, entry = paper.BEST_FOM[preset]
            draw_paper(left, connectivity, 100 - entry.training_saved, index)
            draw_paper(left, connectivity, 100 - entry.inference_saved, index)
    finish(left, "Synaptic operations (APTN)", "connectivity", "total")
    finish(right, "Figure of merit (APTN)", "connectivity", "loss x normalised SOPs, points", "upper right")
    note(figure, f"{NOTE} {PHASES_NOTE}")
    return figure


@styled
def per_operation_figure(curves: Mapping[str, Mapping[str, Curve]], grids: Grids) -> Figure:
    """For each preset, accuracy against training and against inference SOPs, one curve for each method."""
    figure, axes = panels(len(curves), 2, 4.6, 3.2)
    for row, (preset, of_preset) in enumerate(curves.items()):
        for panel, phase in zip(axes[2 * row : 2 * row + 2], ("training", "inference"), strict=True):
            for key, curve in of_preset.items():
                index = grids.method_order.index(key)
                draw_curve(panel, curve.points, "accuracy", phase, curve.series.label, index)
            for curve in list(of_preset.values())[:1]:
                draw_level(panel, curve.points)
            finish(panel, f"{grids.title(preset)}: {phase}", phase, "accuracy")
    shared_legend(figure, axes)
    note(figure, "Bars: standard deviation over the seeds. Left and up is better.")
    return figure


EXPERIMENTS = {"fig12": Experiment("Fig. 12: synaptic operations", _configurations, _draw)}
