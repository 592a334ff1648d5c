"""Figures 8 and 11: the width of the groups of neurons, and the image at which pruning starts."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import Comparison, compare_larger
from lavaprune.reproduce.curves import advantage, threshold_difference
from lavaprune.reproduce.drawing import NOTE, draw_curve, draw_level, draw_paper, finish, note, panels
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import QUICK_PRESET, Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Runs
from lavaprune.settings import Settings

_RANGE = (3.0, 20.0)  # % connectivity in which curves are compared
_PAPER_NOTE = "The paper shows its curves as pictures only: compared are the statements of its text."


def _fig8_configurations(grids: Grids) -> list[Settings]:
    return [settings for series in grids.figure("fig8") for settings in series.settings()]


def _fig8(context: Context, runs: Runs) -> Outcome:
    curves = [curve_of(runs, series) for series in context.grids.figure("fig8")]
    outcome = Outcome(
        "Fig. 8: the spike interval of the groups",
        "APN with f1: connectivity against the initial threshold, and accuracy against connectivity, for several "
        "intervals (in spikes over a batch); MNIST, N = 100.",
        {"": intervals_figure(curves)},
        notes=[
            _PAPER_NOTE,
            "The paper's best is SI = 30 for its own spike counts; what transfers is that there is a best one "
            "between many groups and one.",
        ],
    )
    for curve in curves:
        outcome.rows += [point_row("SI", curve.series.label, point) for point in curve.points]
    for smaller, larger in zip(curves, curves[1:], strict=False):
        outcome.comparisons.append(
            compare_larger(
                f"{smaller.series.label} needs a smaller threshold than {larger.series.label} for the same "
                "connectivity (threshold, difference)",
                threshold_difference(larger.points, smaller.points),
                "% of w_max",
            )
        )
    outcome.comparisons += _best(curves, "is better than", "paper") + _best(curves, "(ours) is better than", "best")
    return outcome


def _best(curves: Sequence[Curve], words: str, flag: str) -> list[Comparison]:
    """The flagged curve against each other one."""
    found = []
    for chosen in (curve for curve in curves if getattr(curve.series, flag)):
        for other in curves:
            if other is not chosen:
                lead = advantage(chosen.points, other.points, *_RANGE)
                statement = f"{chosen.series.label} {words} {other.series.label} at {lead.where} % connectivity"
                found.append(compare_larger(statement, lead.values))
    return found


@styled
def intervals_figure(curves: Sequence[Curve]) -> Figure:
    """Connectivity over the threshold, and accuracy over the connectivity, one curve for each interval."""
    figure, (left, right) = panels(1, 2, 4.2, 3.4)
    for index, curve in enumerate(curves):
        draw_curve(left, curve.points, "connectivity", "threshold", curve.series.label, index)
        draw_curve(right, curve.points, "accuracy", label=curve.series.label, index=index)
    if curves:
        draw_level(right, curves[0].points)
    finish(left, "Connectivity", "threshold", "connectivity", "upper right")
    finish(right, "Accuracy", "connectivity", "accuracy", "lower right")
    note(figure, NOTE.partition(" Hollow")[0])
    return figure


def _fig11_configurations(grids: Grids) -> list[Settings]:
    series = [*grids.figure("fig11"), grids.curve(QUICK_PRESET, "post")]
    return [settings for each in series for settings in each.settings()]


def _fig11(context: Context, runs: Runs) -> Outcome:
    curves = [curve_of(runs, series) for series in context.grids.figure("fig11")]
    post = curve_of(runs, context.grids.curve(QUICK_PRESET, "post"))
    outcome = Outcome(
        "Fig. 11: when pruning starts",
        "APTN started after several numbers of training images, and post-training pruning (60,000); MNIST, N = 100.",
        {"": starts_figure(curves, post)},
        notes=[_PAPER_NOTE, "Later starts have fewer events: the last comes at the end of training in all of them."],
    )
    for curve in (*curves, post):
        outcome.rows += [point_row("start", curve.series.label, point) for point in curve.points]
    for chosen in (curve for curve in curves if curve.series.paper):
        for other in curves:
            if other is chosen:
                continue
            lead = advantage(chosen.points, other.points, *_RANGE)
            outcome.comparisons.append(
                compare_larger(
                    f"starting after {chosen.series.label} images is better than after {other.series.label} "
                    f"at {lead.where} % connectivity",
                    lead.values,
                )
            )
        lead = advantage(chosen.points, post.points, *_RANGE)
        outcome.comparisons.append(
            compare_larger(
                f"starting after {chosen.series.label} images is better than post-training pruning "
                f"at {lead.where} % connectivity",
                lead.values,
            )
        )
    return outcome


@styled
def starts_figure(curves: Sequence[Curve], post: Curve) -> Figure:
    """Accuracy over the connectivity, one curve for each start."""
    figure, (axes,) = panels(1, 1, 6.0, 3.9)
    for index, curve in enumerate(curves):
        draw_curve(axes, curve.points, "accuracy", label=f"after {curve.series.label}", index=index)
        if curve.series.paper:
            paper_loss = paper.AT_10_PERCENT[QUICK_PRESET]["aptn"].loss
            draw_paper(axes, 10.0, paper.UNPRUNED_ACCURACY[QUICK_PRESET] - paper_loss, index)
    draw_curve(axes, post.points, "accuracy", label="after 60,000 (post-training)", index=len(curves), style="--")
    draw_level(axes, post.points)
    finish(axes, "Training images before pruning", "connectivity", "accuracy", "lower right")
    note(figure)
    return figure


EXPERIMENTS = {
    "fig8": Experiment("Fig. 8: spike interval", _fig8_configurations, _fig8),
    "fig11": Experiment("Fig. 11: start of pruning", _fig11_configurations, _fig11),
}
