"""Figures 13 and 14: pruning whole neurons, and soft pruning, which freezes weights instead of removing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import Comparison, compare_larger, compare_number
from lavaprune.reproduce.curves import advantage
from lavaprune.reproduce.drawing import (
    NOTE,
    PHASES_NOTE,
    PICTURES_ONLY,
    draw_curve,
    draw_level,
    draw_paper,
    finish,
    note,
    panels,
)
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Runs
from lavaprune.settings import Settings

_WEIGHT_METHODS = ("constant", "aptn")
_SOFT_METHODS = ("constant", "aptn", "soft", "soft-lowest")
_COMMON = (5.0, 60.0)  # % connectivity


def _curves(runs: Runs, grids: Grids, preset: str, keys: Sequence[str]) -> dict[str, Curve]:
    have = grids.methods(preset)
    return {key: curve_of(runs, grids.curve(preset, key)) for key in keys if key in have}


def _fig13_configurations(grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in grids.of_figure("fig13")
        for series in (*grids.figure("fig13", preset), *(grids.curve(preset, key) for key in _WEIGHT_METHODS))
        for settings in series.settings()
    ]


def _fig13(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    presets = grids.of_figure("fig13")
    neuron = {preset: [curve_of(runs, series) for series in grids.figure("fig13", preset)] for preset in presets}
    weights = {preset: _curves(runs, grids, preset, _WEIGHT_METHODS) for preset in presets}
    outcome = Outcome(
        "Fig. 13: neuron pruning",
        "Removing whole neurons, by three strategies, against removing weights: accuracy, and SOPs per image; "
        f"{grids.titles(presets)}.",
        {"": neurons_figure(neuron, weights, grids)},
        notes=[
            PICTURES_ONLY,
            "The exact laws of the paper's neuron pruning (its reference Guo et al., 2020) are not public; ours are "
            "stated in `pruning/neuron_method.py`.",
        ],
    )
    for preset in presets:
        for curve in (*neuron[preset], *weights[preset].values()):
            outcome.rows += [point_row(grids.title(preset), curve.series.label, point) for point in curve.points]
        aptn = weights[preset]["aptn"]
        for curve in neuron[preset]:
            outcome.comparisons += _against_aptn(grids.title(preset), curve, aptn)
    return outcome


def _against_aptn(title: str, neuron: Curve, aptn: Curve) -> list[Comparison]:
    label = neuron.series.label
    lead = advantage(aptn.points, neuron.points, *_COMMON)
    statement = f"{title}: APTN is better than neuron pruning ({label}) at {lead.where} % connectivity"
    found = [compare_larger(statement, lead.values)]
    for phase in ("training", "inference"):
        lead = advantage(neuron.points, aptn.points, *_COMMON, quantity=f"{phase}_saved")
        found.append(
            compare_larger(
                f"{title}: neuron pruning ({label}) saves more {phase} SOPs than APTN at {lead.where} % connectivity",
                lead.values,
            )
        )
    return found


@styled
def neurons_figure(
    neuron: Mapping[str, Sequence[Curve]], weights: Mapping[str, Mapping[str, Curve]], grids: Grids
) -> Figure:
    """A row for each preset. Left: accuracy. Right: SOPs per image, training solid and inference dashed."""
    figure, axes = panels(len(neuron), 2, 4.6, 3.6)
    for row, preset in enumerate(neuron):
        left, right = axes[2 * row : 2 * row + 2]
        drawn = [(curve, grids.method_order.index(key)) for key, curve in weights[preset].items()]
        # colours of their own: those of the methods begin anew after their last
        drawn += [(curve, len(grids.method_order) + 1 + i) for i, curve in enumerate(neuron[preset])]
        for curve, index in drawn:
            name = curve.series.label if curve.series.key in weights[preset] else f"neurons: {curve.series.label}"
            draw_curve(left, curve.points, "accuracy", label=name, index=index)
            draw_curve(right, curve.points, "training", index=index)
            draw_curve(right, curve.points, "inference", index=index, style="--")
        for key, index in [("neuron", drawn[-1][1])] + [(k, grids.method_order.index(k)) for k in weights[preset]]:
            _draw_paper_at_10_percent(left, right, preset, key, index)
        draw_level(left, weights[preset]["aptn"].points)
        finish(left, f"{grids.title(preset)}: accuracy", "connectivity", "accuracy", "lower right")
        finish(right, f"{grids.title(preset)}: synaptic operations", "connectivity", "total")
    note(figure, f"{NOTE} {PHASES_NOTE}")
    return figure


def _fig14_configurations(grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in grids.of_figure("fig14")
        for key in _SOFT_METHODS
        if key in grids.methods(preset)
        for settings in grids.curve(preset, key).settings()
    ]


def _fig14(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    curves = {preset: _curves(runs, grids, preset, _SOFT_METHODS) for preset in grids.of_figure("fig14")}
    outcome = Outcome(
        "Fig. 14: soft pruning",
        "Weights frozen at their current value (they still conduct), or at 0, against weights removed: accuracy and "
        f"SOPs per image over the share of weights that still learn; {grids.titles(tuple(curves))}.",
        {"": soft_figure(curves, grids)},
        notes=[
            PICTURES_ONLY,
            "Freezing at the lowest value, 0, is the constant method: a weight of 0 adds nothing.",
        ],
    )
    for preset, of_preset in curves.items():
        title = grids.title(preset)
        for curve in of_preset.values():
            outcome.rows += [point_row(title, curve.series.label, point) for point in curve.points]
        outcome.comparisons += _soft_statements(title, of_preset)
    return outcome


def _soft_statements(title: str, curves: Mapping[str, Curve]) -> list[Comparison]:
    soft, constant, aptn = (curves[key].points for key in ("soft", "constant", "aptn"))
    found = []
    for statement, first, second, low, high, quantity in (
        ("soft pruning is better than the constant method", soft, constant, 2.0, 10.0, "accuracy"),
        ("APTN is better than soft pruning", aptn, soft, 5.0, 20.0, "accuracy"),
        ("soft pruning is better than APTN", soft, aptn, 0.5, 5.0, "accuracy"),
        ("APTN saves more training SOPs than soft pruning", aptn, soft, 5.0, 20.0, "training_saved"),
        ("the constant method saves more training SOPs than APTN", constant, aptn, 5.0, 20.0, "training_saved"),
    ):
        lead = advantage(first, second, low, high, quantity, "unpruned")
        found.append(compare_larger(f"{title}: {statement} at {lead.where} % unpruned weights", lead.values))
    for point in soft:
        share = f"{point.mean('unpruned'):.1f} % unpruned weights"
        statement = f"{title}: soft pruning saves no inference SOPs ({share})"
        found.append(compare_number(statement, point.values["inference_saved"], 0.0, "%"))
    return found


@styled
def soft_figure(curves: Mapping[str, Mapping[str, Curve]], grids: Grids) -> Figure:
    """A row for each preset. Left: accuracy. Right: SOPs per image, training solid and inference dashed."""
    figure, axes = panels(len(curves), 2, 4.6, 3.6)
    for row, (preset, of_preset) in enumerate(curves.items()):
        left, right = axes[2 * row : 2 * row + 2]
        for key, curve in of_preset.items():
            index = grids.method_order.index(key)
            style = ":" if key == "soft-lowest" else "-"
            draw_curve(left, curve.points, "accuracy", "unpruned", curve.series.label, index, style)
            if key != "soft-lowest":
                draw_curve(right, curve.points, "training", "unpruned", index=index)
                draw_curve(right, curve.points, "inference", "unpruned", index=index, style="--")
            if key in paper.AT_10_PERCENT[preset]:
                _draw_paper_at_10_percent(left, right, preset, key, index)
        draw_level(left, of_preset["aptn"].points)
        finish(left, f"{grids.title(preset)}: accuracy", "unpruned", "accuracy", "lower right")
        finish(right, f"{grids.title(preset)}: synaptic operations", "unpruned", "total")
    note(figure, f"{NOTE} {PHASES_NOTE}")
    return figure


def _draw_paper_at_10_percent(left: Axes, right: Axes, preset: str, key: str, index: int) -> None:
    """The paper's points of a method: accuracy on the left, SOPs on the right."""
    entry = paper.AT_10_PERCENT[preset][key]
    draw_paper(left, 10.0, paper.UNPRUNED_ACCURACY[preset] - entry.loss, index)
    draw_paper(right, 10.0, 100 - entry.training_saved, index)
    draw_paper(right, 10.0, 100 - entry.inference_saved, index)


EXPERIMENTS = {
    "fig13": Experiment("Fig. 13: neuron pruning", _fig13_configurations, _fig13),
    "fig14": Experiment("Fig. 14: soft pruning", _fig14_configurations, _fig14),
}
