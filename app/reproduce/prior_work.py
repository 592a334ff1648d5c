"""Figures 13 and 14: pruning whole neurons, and soft pruning, which freezes weights instead of removing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import compare_larger, compare_number
from lavaprune.reproduce.curves import advantage
from lavaprune.reproduce.drawing import NOTE, PHASES_NOTE, draw_curve, draw_level, draw_paper, finish, note, panels
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import QUICK_PRESET, Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Runs
from lavaprune.settings import Settings

_WEIGHT_METHODS = ("constant", "aptn")
_SOFT_METHODS = ("constant", "aptn", "soft", "soft-lowest")
_COMMON = (5.0, 60.0)  # % connectivity


def _curves(runs: Runs, grids: Grids, keys: Sequence[str]) -> dict[str, Curve]:
    have = grids.methods(QUICK_PRESET)
    return {key: curve_of(runs, grids.curve(QUICK_PRESET, key)) for key in keys if key in have}


def _fig13_configurations(grids: Grids) -> list[Settings]:
    series = [*grids.figure("fig13"), *(grids.curve(QUICK_PRESET, key) for key in _WEIGHT_METHODS)]
    return [settings for each in series for settings in each.settings()]


def _fig13(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    neuron = [curve_of(runs, series) for series in grids.figure("fig13")]
    weights = _curves(runs, grids, _WEIGHT_METHODS)
    outcome = Outcome(
        "Fig. 13: neuron pruning",
        "Removing whole neurons, by three strategies, against removing weights: accuracy, and SOPs per image; "
        "MNIST, N = 100.",
        {"": neurons_figure(neuron, weights, grids)},
        notes=[
            "The exact laws of the paper's neuron pruning (its reference Guo et al., 2020) are not public; ours are "
            "stated in `pruning/neuron_method.py`."
        ],
    )
    for curve in (*neuron, *weights.values()):
        outcome.rows += [point_row("neuron pruning", curve.series.label, point) for point in curve.points]
    aptn = weights["aptn"].points
    for curve in neuron:
        label = curve.series.label
        lead = advantage(aptn, curve.points, *_COMMON)
        outcome.comparisons.append(
            compare_larger(f"APTN is better than neuron pruning ({label}) at {lead.where} % connectivity", lead.values)
        )
        for phase in ("training", "inference"):
            lead = advantage(curve.points, aptn, *_COMMON, quantity=f"{phase}_saved")
            outcome.comparisons.append(
                compare_larger(
                    f"neuron pruning ({label}) saves more {phase} SOPs than APTN at {lead.where} % connectivity",
                    lead.values,
                )
            )
    return outcome


@styled
def neurons_figure(neuron: Sequence[Curve], weights: Mapping[str, Curve], grids: Grids) -> Figure:
    """Left: accuracy. Right: SOPs per image, training solid and inference dashed."""
    figure, (left, right) = panels(1, 2, 4.6, 3.6)
    drawn = [(curve, grids.method_order.index(key)) for key, curve in weights.items()]
    drawn += [(curve, len(grids.method_order) + i) for i, curve in enumerate(neuron)]
    for curve, index in drawn:
        name = curve.series.label if curve.series.key in weights else f"neurons: {curve.series.label}"
        draw_curve(left, curve.points, "accuracy", label=name, index=index)
        draw_curve(right, curve.points, "training", index=index)
        draw_curve(right, curve.points, "inference", index=index, style="--")
    for key, index in [("neuron", drawn[-1][1])] + [(k, grids.method_order.index(k)) for k in weights]:
        _draw_paper_at_10_percent(left, right, key, index)
    draw_level(left, weights["aptn"].points)
    finish(left, "Accuracy", "connectivity", "accuracy", "lower right")
    finish(right, "Synaptic operations", "connectivity", "total")
    note(figure, f"{NOTE} {PHASES_NOTE}")
    return figure


def _fig14_configurations(grids: Grids) -> list[Settings]:
    keys = [key for key in _SOFT_METHODS if key in grids.methods(QUICK_PRESET)]
    return [settings for key in keys for settings in grids.curve(QUICK_PRESET, key).settings()]


def _fig14(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    curves = _curves(runs, grids, _SOFT_METHODS)
    outcome = Outcome(
        "Fig. 14: soft pruning",
        "Weights frozen at their current value (they still conduct), or at 0, against weights removed: accuracy and "
        "SOPs per image over the share of weights that still learn; MNIST, N = 100.",
        {"": soft_figure(curves, grids)},
        notes=["Freezing at the lowest value, 0, is the constant method: a weight of 0 adds nothing."],
    )
    for curve in curves.values():
        outcome.rows += [point_row("soft pruning", curve.series.label, point) for point in curve.points]
    soft, constant, aptn = (curves[key].points for key in ("soft", "constant", "aptn"))
    for statement, first, second, low, high, quantity in (
        ("soft pruning is better than the constant method", soft, constant, 2.0, 10.0, "accuracy"),
        ("APTN is better than soft pruning", aptn, soft, 5.0, 20.0, "accuracy"),
        ("soft pruning is better than APTN", soft, aptn, 0.5, 5.0, "accuracy"),
        ("APTN saves more training SOPs than soft pruning", aptn, soft, 5.0, 20.0, "training_saved"),
        ("the constant method saves more training SOPs than APTN", constant, aptn, 5.0, 20.0, "training_saved"),
    ):
        lead = advantage(first, second, low, high, quantity, "unpruned")
        outcome.comparisons.append(compare_larger(f"{statement} at {lead.where} % unpruned weights", lead.values))
    for point in soft:
        outcome.comparisons.append(
            compare_number(
                f"soft pruning saves no inference SOPs ({point.mean('unpruned'):.1f} % unpruned weights)",
                point.values["inference_saved"],
                0.0,
                "%",
            )
        )
    return outcome


@styled
def soft_figure(curves: Mapping[str, Curve], grids: Grids) -> Figure:
    """Left: accuracy. Right: SOPs per image, training solid and inference dashed."""
    figure, (left, right) = panels(1, 2, 4.6, 3.6)
    for key, curve in curves.items():
        index = grids.method_order.index(key)
        style = ":" if key == "soft-lowest" else "-"
        draw_curve(left, curve.points, "accuracy", "unpruned", curve.series.label, index, style)
        if key != "soft-lowest":
            draw_curve(right, curve.points, "training", "unpruned", index=index)
            draw_curve(right, curve.points, "inference", "unpruned", index=index, style="--")
        if key in paper.AT_10_PERCENT[QUICK_PRESET]:
            _draw_paper_at_10_percent(left, right, key, index)
    draw_level(left, curves["aptn"].points)
    finish(left, "Accuracy", "unpruned", "accuracy", "lower right")
    finish(right, "Synaptic operations", "unpruned", "total")
    note(figure, f"{NOTE} {PHASES_NOTE}")
    return figure


def _draw_paper_at_10_percent(left: Axes, right: Axes, key: str, index: int) -> None:
    """The paper's points of a method: accuracy on the left, SOPs on the right."""
    entry = paper.AT_10_PERCENT[QUICK_PRESET][key]
    draw_paper(left, 10.0, paper.UNPRUNED_ACCURACY[QUICK_PRESET] - entry.loss, index)
    draw_paper(right, 10.0, 100 - entry.training_saved, index)
    draw_paper(right, 10.0, 100 - entry.inference_saved, index)


EXPERIMENTS = {
    "fig13": Experiment("Fig. 13: neuron pruning", _fig13_configurations, _fig13),
    "fig14": Experiment("Fig. 14: soft pruning", _fig14_configurations, _fig14),
}
