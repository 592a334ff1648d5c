"""Figures 4, 6 and 7: three threshold functions with several factors, over time (APT) and over neurons (APN)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import Comparison, compare_at_most, compare_larger, compare_similar
from lavaprune.reproduce.curves import advantage, threshold_difference
from lavaprune.reproduce.drawing import BARS_NOTE, PICTURES_ONLY, draw_curve, draw_level, finish, note, panels
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Point, Runs
from lavaprune.settings import Settings

FUNCTIONS = ("f1", "f2", "f3")
SPARSE = (3.0, paper.F2_LARGEST_CONNECTIVITY)  # % connectivity: where the paper sees functions differ
DENSE = (paper.F2_LARGEST_CONNECTIVITY, 40.0)
_NAMES = {"fig4": "APT, adaptation over time", "fig6": "APN, adaptation over neurons"}


def _configurations(name: str, grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in grids.of_figure(name)
        for series in (*grids.figure(name, preset), grids.curve(preset, "constant"))
        for settings in series.settings()
    ]


def _draw(name: str, context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    outcome = Outcome(
        f"Fig. {name[3:]}: {_NAMES[name]}",
        "Left: connectivity against the initial threshold. Right: accuracy against connectivity. One row for each "
        f"threshold function, one curve for each factor; {grids.titles(grids.of_figure(name))}, a picture for each.",
        notes=[PICTURES_ONLY],
    )
    for preset in grids.of_figure(name):
        title = grids.title(preset)
        constant = curve_of(runs, grids.curve(preset, "constant"))
        curves = [curve_of(runs, series) for series in grids.figure(name, preset)]
        ending = f"-{preset}" if outcome.figures else ""
        outcome.figures[ending] = adaptation_figure(curves, constant, title)
        for curve in (*curves, constant):
            panel = f"{title}: {curve.series.panel}".removesuffix(": ")
            outcome.rows += [point_row(panel, curve.series.label, point) for point in curve.points]
        for function in FUNCTIONS:
            of_function = [curve for curve in curves if curve.series.panel == function]
            where = f"{title}, {function}"
            outcome.comparisons += _statements(where, of_function, constant)
            if name == "fig4" and function == "f2":
                outcome.comparisons += _f2_leaves_little(where, of_function)
    if name == "fig6":
        outcome.notes.append(
            "The paper's factors go with its own spike counts and SI = 30; our neurons fire more over a batch: groups "
            "of as many neurons need a larger interval, and as many groups smaller factors."
        )
    return outcome


@styled
def adaptation_figure(curves: Sequence[Curve], constant: Curve, title: str) -> Figure:
    """Two panels for each threshold function: connectivity over the threshold, accuracy over the connectivity."""
    figure, axes = panels(len(FUNCTIONS), 2)
    for row, function in enumerate(FUNCTIONS):
        left, right = axes[2 * row : 2 * row + 2]
        for index, curve in enumerate([constant, *(c for c in curves if c.series.panel == function)]):
            draw_curve(left, curve.points, "connectivity", "threshold", curve.series.label, index)
            draw_curve(right, curve.points, "accuracy", "connectivity", curve.series.label, index)
        draw_level(right, constant.points)
        finish(left, f"{function}: connectivity", "threshold", "connectivity", "upper right")
        finish(right, f"{function}: accuracy", "connectivity", "accuracy", "lower right")
    note(figure, f"{title}. {BARS_NOTE}")
    return figure


def _statements(where: str, curves: Sequence[Curve], constant: Curve) -> list[Comparison]:
    found = [
        compare_at_most(
            f"{where}: the higher the initial threshold, the fewer weights are left (largest rise)",
            np.max([_largest_rise(curve.points) for curve in curves], axis=0) if curves else [],
            0.0,
        )
    ]
    for smaller, larger in zip(curves, curves[1:], strict=False):
        found.append(
            compare_larger(
                f"{where}: {larger.series.label} needs a smaller threshold than {smaller.series.label} "
                "for the same connectivity (threshold, difference)",
                threshold_difference(smaller.points, larger.points),
                "% of w_max",
            )
        )
    for best in (curve for curve in curves if curve.series.best):
        lead = advantage(best.points, constant.points, *SPARSE)
        found.append(
            compare_larger(
                f"{where}: adapting ({best.series.label}) beats the constant threshold at {lead.where} % "
                "connectivity",
                lead.values,
            )
        )
    for chosen in (curve for curve in curves if curve.series.paper):
        for other in curves:
            if other is not chosen:
                lead = advantage(chosen.points, other.points, SPARSE[0], DENSE[1])
                found.append(
                    compare_larger(
                        f"{where}: {chosen.series.label}, the paper's choice, is better than {other.series.label} "
                        f"at {lead.where} % connectivity",
                        lead.values,
                    )
                )
    return found


def _f2_leaves_little(where: str, curves: Sequence[Curve]) -> list[Comparison]:
    found = []
    for curve in curves:
        lowest = min(curve.points, key=lambda point: point.values["threshold"][0])
        found.append(
            compare_at_most(
                f"{where}, {curve.series.label}: connectivity below 15 % even from a very low threshold "
                f"({lowest.values['threshold'][0]:g})",
                lowest.values["connectivity"],
                paper.F2_LARGEST_CONNECTIVITY,
                "%",
            )
        )
    return found


def _largest_rise(points: Sequence[Point]) -> np.ndarray:
    """Largest increase of connectivity from one threshold to the next, per seed; at least 0."""
    ordered = sorted(points, key=lambda point: point.values["threshold"][0])
    connectivity = np.stack([point.values["connectivity"] for point in ordered])
    return np.diff(connectivity, axis=0, prepend=connectivity[:1]).max(axis=0)


def _fig7_configurations(grids: Grids) -> list[Settings]:
    return [*_configurations("fig4", grids), *_configurations("fig6", grids)]


def _fig7(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    presets = [preset for preset in grids.of_figure("fig4") if preset in grids.of_figure("fig6")]
    parts = {
        (preset, name): [curve_of(runs, series) for series in grids.figure(name, preset) if series.best]
        for preset in presets
        for name in _NAMES
    }
    constants = {preset: curve_of(runs, grids.curve(preset, "constant")) for preset in presets}
    outcome = Outcome(
        "Fig. 7: the three threshold functions compared",
        "Accuracy against connectivity with each function's best factor (chosen on validation images), for APT and "
        f"APN; {grids.titles(presets)}.",
        {"": functions_figure(parts, constants, grids)} if parts else {},
        notes=[PICTURES_ONLY],
    )
    for (preset, name), curves in parts.items():
        panel = f"{grids.title(preset)}: {_NAMES[name]}"
        for curve in (*curves, constants[preset]):
            label = f"{curve.series.panel} {curve.series.label}".strip()
            outcome.rows += [point_row(panel, label, point) for point in curve.points]
        outcome.comparisons += _functions_compared(
            f"{grids.title(preset)}, {_NAMES[name].partition(',')[0]}", curves, constants[preset]
        )
    return outcome


def _functions_compared(where: str, curves: Sequence[Curve], constant: Curve) -> list[Comparison]:
    found: list[Comparison] = []
    first = next((curve for curve in curves if curve.series.panel == "f1"), None)
    for other in (*curves, constant):
        if first is None or other is first:
            continue
        label = other.series.panel or "the constant threshold"
        lead = advantage(first.points, other.points, *SPARSE)
        found.append(compare_larger(f"{where}: f1 is better than {label} at {lead.where} % connectivity", lead.values))
        if other is not constant:
            lead = advantage(first.points, other.points, *DENSE)
            found.append(compare_similar(f"{where}: f1 is like {label} at {lead.where} % connectivity", lead.values))
    return found


@styled
def functions_figure(
    parts: Mapping[tuple[str, str], Sequence[Curve]], constants: Mapping[str, Curve], grids: Grids
) -> Figure:
    """One panel for each preset and each of APT and APN: a curve for each function, and the constant threshold."""
    figure, axes = panels(len(constants), len(_NAMES), 4.2, 3.4)
    for panel, ((preset, name), curves) in zip(axes, parts.items(), strict=True):
        for index, curve in enumerate([constants[preset], *curves]):
            label = f"{curve.series.panel}: {curve.series.label}" if curve.series.panel else curve.series.label
            draw_curve(panel, curve.points, "accuracy", label=label, index=index)
        draw_level(panel, constants[preset].points)
        method = _NAMES[name].partition(",")[0]
        finish(panel, f"{grids.title(preset)}: {method}", "connectivity", "accuracy", "lower right")
    note(figure, BARS_NOTE)
    return figure


EXPERIMENTS = {
    "fig4": Experiment(
        "Fig. 4: APT", lambda grids: _configurations("fig4", grids), lambda context, runs: _draw("fig4", context, runs)
    ),
    "fig6": Experiment(
        "Fig. 6: APN", lambda grids: _configurations("fig6", grids), lambda context, runs: _draw("fig6", context, runs)
    ),
    "fig7": Experiment("Fig. 7: threshold functions", _fig7_configurations, _fig7),
}
