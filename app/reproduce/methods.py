"""Figure 9: the methods compared, on both data sets and with both sizes."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import Comparison, compare_at_least, compare_larger, compare_number
from lavaprune.reproduce.curves import advantage, lowest_within
from lavaprune.reproduce.drawing import draw_curve, draw_level, draw_paper, finish, note, panels, shared_legend
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Runs
from lavaprune.settings import Settings

SPARSE = (3.0, 10.0)  # % connectivity: where the paper sees methods differ
OF_THE_PAPER = ("constant", "post", "apt", "apn", "aptn")


def _configurations(grids: Grids) -> list[Settings]:
    return [
        settings
        for preset in grids.presets
        for key in grids.listed("fig9", preset)
        for settings in grids.curve(preset, key).settings()
    ]


def _draw(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    curves = {
        preset: {key: curve_of(runs, grids.curve(preset, key)) for key in grids.listed("fig9", preset)}
        for preset in grids.presets
    }
    outcome = Outcome(
        "Fig. 9: pruning methods compared",
        "Accuracy against connectivity for all methods that remove weights by a threshold, on both data sets and with "
        "both sizes. Dashed: the unpruned network.",
        {"": methods_figure(curves, grids)},
        notes=["Hollow markers: the paper's accuracy at 10 % connectivity, its unpruned one less Tables 2 and 3."],
    )
    for preset, of_preset in curves.items():
        for key, curve in of_preset.items():
            for point in curve.points:
                is_named = point.settings == (grids.at(preset, key, 10) or (None,))[0]
                outcome.rows.append(
                    point_row(
                        grids.title(preset),
                        curve.series.label,
                        point,
                        accuracy=paper.accuracy_at_10_percent(preset, key) if is_named else None,
                    )
                )
        outcome.comparisons += compare_methods(grids.title(preset), preset, of_preset)
    return outcome


def compare_methods(title: str, preset: str, curves: Mapping[str, Curve]) -> list[Comparison]:
    """The paper's statements about one panel of its Fig. 9."""
    found = []
    some = next((curve.points for curve in curves.values() if curve.points), ())
    if some:
        accuracy = some[0].values["accuracy"] + some[0].values["loss"]
        found.append(
            compare_number(
                f"{title}: accuracy of the unpruned network",
                accuracy,
                paper.UNPRUNED_ACCURACY[preset],
                "%",
                better="higher",
            )
        )
    for key in OF_THE_PAPER:
        if key in curves:
            share = paper.WITHIN_ONE_POINT[preset.partition("-")[0]]
            found.append(
                compare_at_least(
                    f"{title}: {curves[key].series.label} removes up to {share:g} % of the weights with less than "
                    "1 point of loss",
                    100 - lowest_within(curves[key].points),
                    share,
                    "% of weights",
                )
            )
    for other in ("constant", "post", "apt", "apn"):
        found += _ahead(title, curves, "aptn", other)
    return found + _ahead(title, curves, "post", "constant")


def _ahead(title: str, curves: Mapping[str, Curve], first: str, second: str) -> list[Comparison]:
    if first not in curves or second not in curves:
        return []
    lead = advantage(curves[first].points, curves[second].points, *SPARSE)
    names = f"{curves[first].series.label} is better than {curves[second].series.label}"
    return [compare_larger(f"{title}: {names} at {lead.where} % connectivity", lead.values)]


@styled
def methods_figure(curves: Mapping[str, Mapping[str, Curve]], grids: Grids) -> Figure:
    """One panel for each preset, one curve for each method."""
    columns = min(2, len(curves))
    figure, axes = panels(-(-len(curves) // columns), columns, 4.4, 3.3)
    for panel, (preset, of_preset) in zip(axes, curves.items(), strict=False):
        for key, curve in of_preset.items():
            index = grids.method_order.index(key)
            draw_curve(panel, curve.points, "accuracy", label=curve.series.label, index=index)
            draw_paper(panel, 10.0, paper.accuracy_at_10_percent(preset, key), index)
        for curve in list(of_preset.values())[:1]:
            draw_level(panel, curve.points)
        finish(panel, grids.title(preset), "connectivity", "accuracy")
    shared_legend(figure, axes)
    note(figure)
    return figure


EXPERIMENTS = {"fig9": Experiment("Fig. 9: methods compared", _configurations, _draw)}
