"""Figures 8 and 11: the width of the groups of neurons, and the image at which pruning starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import Comparison, compare_larger
from lavaprune.reproduce.curves import advantage, threshold_difference
from lavaprune.reproduce.drawing import (
    BARS_NOTE,
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

_RANGE = (3.0, 20.0)  # % connectivity in which curves are compared


def _fig8_configurations(grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in grids.of_figure("fig8")
        for series in grids.figure("fig8", preset)
        for settings in series.settings()
    ]


def _fig8(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    presets = grids.of_figure("fig8")
    curves = {preset: [curve_of(runs, series) for series in grids.figure("fig8", preset)] for preset in presets}
    outcome = Outcome(
        "Fig. 8: the spike interval of the groups",
        "APN with f1: connectivity against the initial threshold, and accuracy against connectivity, for several "
        f"intervals (in spikes over a batch); {grids.titles(presets)}.",
        {"": intervals_figure(curves, grids)},
        notes=[
            PICTURES_ONLY,
            "The paper's best is SI = 30 for its own spike counts; what transfers is that there is a best one "
            "between many groups and one.",
        ],
    )
    for preset, of_preset in curves.items():
        title = grids.title(preset)
        for curve in of_preset:
            outcome.rows += [point_row(title, curve.series.label, point) for point in curve.points]
        for smaller, larger in zip(of_preset, of_preset[1:], strict=False):
            outcome.comparisons.append(
                compare_larger(
                    f"{title}: {smaller.series.label} needs a smaller threshold than {larger.series.label} for the "
                    "same connectivity (threshold, difference)",
                    threshold_difference(larger.points, smaller.points),
                    "% of w_max",
                )
            )
        outcome.comparisons += _best(title, of_preset, "is better than", "paper")
        outcome.comparisons += _best(title, of_preset, "(ours) is better than", "best")
    return outcome


def _best(title: str, curves: Sequence[Curve], words: str, flag: str) -> list[Comparison]:
    """The flagged curve against each other one."""
    found = []
    for chosen in (curve for curve in curves if getattr(curve.series, flag)):
        for other in curves:
            if other is not chosen:
                lead = advantage(chosen.points, other.points, *_RANGE)
                statement = f"{title}: {chosen.series.label} {words} {other.series.label}"
                found.append(compare_larger(f"{statement} at {lead.where} % connectivity", lead.values))
    return found


@styled
def intervals_figure(curves: Mapping[str, Sequence[Curve]], grids: Grids) -> Figure:
    """A row for each preset: connectivity over the threshold, accuracy over the connectivity, a curve an interval."""
    figure, axes = panels(len(curves), 2, 4.2, 3.4)
    for row, (preset, of_preset) in enumerate(curves.items()):
        left, right = axes[2 * row : 2 * row + 2]
        for index, curve in enumerate(of_preset):
            draw_curve(left, curve.points, "connectivity", "threshold", curve.series.label, index)
            draw_curve(right, curve.points, "accuracy", label=curve.series.label, index=index)
        if of_preset:
            draw_level(right, of_preset[0].points)
        finish(left, f"{grids.title(preset)}: connectivity", "threshold", "connectivity", "upper right")
        finish(right, f"{grids.title(preset)}: accuracy", "connectivity", "accuracy", "lower right")
    note(figure, BARS_NOTE)
    return figure


def _fig11_configurations(grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in grids.of_figure("fig11")
        for series in (*grids.figure("fig11", preset), grids.curve(preset, "post"))
        for settings in series.settings()
    ]


def _fig11(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    presets = grids.of_figure("fig11")
    curves = {preset: [curve_of(runs, series) for series in grids.figure("fig11", preset)] for preset in presets}
    post = {preset: curve_of(runs, grids.curve(preset, "post")) for preset in presets}
    outcome = Outcome(
        "Fig. 11: when pruning starts",
        "APTN started after several numbers of training images, and post-training pruning (60,000); "
        f"{grids.titles(presets)}.",
        {"": starts_figure(curves, post, grids)},
        notes=[
            PICTURES_ONLY,
            "Later starts have fewer events: the last comes at the end of training in all of them.",
        ],
    )
    for preset, of_preset in curves.items():
        title = grids.title(preset)
        for curve in (*of_preset, post[preset]):
            outcome.rows += [point_row(title, curve.series.label, point) for point in curve.points]
        for chosen in (curve for curve in of_preset if curve.series.paper):
            others = [(f"after {other.series.label}", other) for other in of_preset if other is not chosen]
            for words, other in [*others, ("post-training pruning", post[preset])]:
                lead = advantage(chosen.points, other.points, *_RANGE)
                outcome.comparisons.append(
                    compare_larger(
                        f"{title}: starting after {chosen.series.label} images is better than {words} "
                        f"at {lead.where} % connectivity",
                        lead.values,
                    )
                )
    return outcome


@styled
def starts_figure(curves: Mapping[str, Sequence[Curve]], post: Mapping[str, Curve], grids: Grids) -> Figure:
    """Accuracy over the connectivity, a panel for each preset, one curve for each start."""
    figure, axes = panels(1, len(curves), 5.0, 3.9)
    for panel, (preset, of_preset) in zip(axes, curves.items(), strict=True):
        for index, curve in enumerate(of_preset):
            draw_curve(panel, curve.points, "accuracy", label=f"after {curve.series.label}", index=index)
            if curve.series.paper:
                draw_paper(panel, 10.0, paper.accuracy_at_10_percent(preset, "aptn"), index)
        label = "after 60,000 (post-training)"
        draw_curve(panel, post[preset].points, "accuracy", label=label, index=len(of_preset), style="--")
        draw_level(panel, post[preset].points)
        finish(panel, grids.title(preset), "connectivity", "accuracy", "lower right")
    note(figure)
    return figure


EXPERIMENTS = {
    "fig8": Experiment("Fig. 8: spike interval", _fig8_configurations, _fig8),
    "fig11": Experiment("Fig. 11: start of pruning", _fig11_configurations, _fig11),
}
