"""Figure 15: runtime against connectivity, and the share of it that pruning takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from lavaprune.plots.style import BLUE, ORANGE, styled
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import compare_at_most, compare_larger, compare_number, statistics
from lavaprune.reproduce.drawing import finish, look, panels
from lavaprune.reproduce.experiment import Context, Curve, Experiment, curve_of
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome, point_row
from lavaprune.reproduce.runs import Point, Runs
from lavaprune.settings import Settings
from lavaprune.sweeps.identity import paper_factors

METHOD = "aptn"
BATCH = 5_000


def batch_settings(grids: Grids, preset: str, batch: int) -> tuple[Settings, ...]:
    """APTN at 10 % connectivity with another batch, for each seed; empty where the grids name no such point.

    The time factor is taken to the power batch / 5,000 and the spike interval scaled alike, so that thresholds and
    groups at the end of training are about the same.
    """
    chosen = grids.at(preset, METHOD, 10)
    if chosen is None:
        return ()
    table = grids.at_table(preset, METHOD, 10)
    changes: dict[str, Any] = {}
    if batch != BATCH:
        share = batch / BATCH
        interval = grids.settings(preset, table, 1).pruning.spike_interval * grids.divisor
        changes = {
            "batch": batch,
            "factor_time": round(paper_factors(chosen[0].pruning)["factor_time"] ** share, 8),
            "spike_interval": max(1, round(interval * share)),
        }
    return tuple(grids.settings(preset, {**table, **changes}, seed) for seed in grids.seeds(preset))


def _references(grids: Grids, preset: str) -> list[Settings]:
    """The unpruned network of each seed, its time taken from the same image on as that of the pruned ones.

    Learning rates are annealed, so that early images take longer than late ones.
    """
    return [
        settings.model_copy(update={"pruning": settings.pruning.model_copy(update={"method": "none"})})
        for settings in grids.curve(preset, METHOD).points[0]
    ]


def _configurations(grids: Grids) -> list[Settings]:
    found = [
        settings
        for preset in grids.presets
        if METHOD in grids.methods(preset)
        for settings in (*grids.curve(preset, METHOD).settings(), *_references(grids, preset))
    ]
    for batch in grids.batches:
        found += batch_settings(grids, grids.presets[0], batch)
    return found


def _draw(context: Context, runs: Runs) -> Outcome:
    grids = context.grids
    presets = [preset for preset in grids.presets if METHOD in grids.methods(preset)]
    curves = {preset: curve_of(runs, grids.curve(preset, METHOD)) for preset in presets}
    reference = {preset: [runs.row(settings) for settings in _references(grids, preset)] for preset in curves}
    batches = {
        batch: runs.point(settings)
        for batch in grids.batches
        if (settings := batch_settings(grids, grids.presets[0], batch))
    }
    outcome = Outcome(
        "Fig. 15: runtime",
        "Left: time per training image after the first pruning event against the final connectivity, in % of the "
        "unpruned network's. Right: the controller's share of the training time for several batches (APTN).",
        {"": runtime_figure(curves, reference, batches, grids)},
        notes=[
            "Times are those of the sweep, measured while other runs shared the machine's cores: they scatter by some "
            "percent, and by more where cores were busy.",
            "The kernels are compiled and visit existing synapses only; the paper's simulation was written in Python, "
            "so its network's time is longer and pruning's share of it smaller.",
        ],
    )
    for preset, curve in curves.items():
        base = np.array([milliseconds(row) for row in reference[preset]])
        for point in curve.points:
            row = point_row(grids.title(preset), curve.series.label, point)
            mean, deviation, _, _ = statistics([milliseconds(each) for each in point.rows])
            outcome.rows.append(row | {"ms_per_image_mean": mean, "ms_per_image_std": deviation})
        sparsest = min(curve.points, key=lambda point: point.mean("connectivity"))
        saved = 100 * (1 - np.array([milliseconds(row) for row in sparsest.rows]) / base)
        outcome.comparisons.append(
            compare_larger(
                f"{grids.title(preset)}: pruning shortens training (time saved per image after the first event, at "
                f"{sparsest.mean('connectivity'):.1f} % connectivity)",
                saved,
                "%",
            )
        )
    for batch, point in batches.items():
        shares = [controller_share(row) for row in point.rows]
        mean, deviation, _, _ = statistics(shares)
        row = point_row(f"batch {batch}", "controller's share of the runtime, %", point)
        printed = paper.CONTROLLER_SHARE.get(batch)
        outcome.rows.append(row | {"share_mean": mean, "share_std": deviation, "paper_share": printed})
        statement = f"pruning's share of the training time, batch {batch:,}"
        if batch == BATCH:
            outcome.comparisons.append(
                compare_number(statement, shares, paper.CONTROLLER_SHARE[BATCH], "%", 0.0005, better="lower")
            )
        elif printed is not None:
            outcome.comparisons.append(compare_at_most(f"{statement}: less than", shares, printed, "%"))
    return outcome


def milliseconds(row: Mapping[str, object]) -> float:
    """Milliseconds per training image after the first event; NaN where there is none."""
    images, seconds = float(row["images_after"]), float(row["seconds_train_after"])  # type: ignore[arg-type]
    return 1000 * seconds / images if images else float("nan")


def controller_share(row: Mapping[str, object]) -> float:
    """The controller's share of the whole training time, in %."""
    parts = [float(row[f"seconds_{name}"]) for name in ("controller", "train_before", "train_after")]  # type: ignore[arg-type]
    return 100 * parts[0] / sum(parts) if sum(parts) else float("nan")


@styled
def runtime_figure(
    curves: Mapping[str, Curve],
    reference: Mapping[str, Sequence[Mapping[str, object]]],
    batches: Mapping[int, Point],
    grids: Grids,
) -> Figure:
    """Left: relative time per image. Right: controller's share by batch, the paper's hollow."""
    figure, (left, right) = panels(1, 2, 4.3, 3.3)
    for index, (preset, curve) in enumerate(curves.items()):
        base = np.array([milliseconds(row) for row in reference[preset]])
        ordered = sorted(curve.points, key=lambda point: point.mean("connectivity"))
        times = [100 * np.array([milliseconds(row) for row in point.rows]) / base for point in ordered]
        color, marker = look(index)
        left.errorbar(
            [*(point.mean("connectivity") for point in ordered), 100.0],
            [*(float(each.mean()) for each in times), 100.0],
            yerr=[*(statistics(each)[1] if len(each) > 1 else 0.0 for each in times), 0.0],
            color=color,
            marker=marker,
            markersize=4.0,
            linewidth=1.3,
            elinewidth=0.8,
            label=grids.title(preset),
        )
    finish(left, "Training time", "connectivity", "time per image, % of unpruned", "lower right")
    for index, (batch, point) in enumerate(batches.items()):
        mean, deviation, _, n = statistics([controller_share(row) for row in point.rows])
        bar = deviation if n > 1 else 0.0
        right.errorbar([batch], [mean], yerr=[bar], color=BLUE, marker="o", label=None if index else "ours")
    for index, (batch, share) in enumerate(paper.CONTROLLER_SHARE.items()):
        label = None if index else "paper (about, below)"
        right.plot([batch], [share], "o", mfc="none", mec=ORANGE, markersize=8.0, label=label)
    right.set_xscale("log")
    right.set_yscale("log")
    finish(right, "Pruning's share", "batch, images", "share of the training time, %", "upper right")
    return figure


EXPERIMENTS = {"fig15": Experiment("Fig. 15: runtime", _configurations, _draw)}
