"""Figure 10: weight maps before and after pruning."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from lavaprune.datasets.loader import load_dataset
from lavaprune.plots.style import styled
from lavaprune.plots.weight_maps import draw_weight_maps
from lavaprune.reproduce.compare import compare_exact, compare_larger
from lavaprune.reproduce.drawing import note, panels
from lavaprune.reproduce.experiment import Context, Experiment
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import Outcome
from lavaprune.reproduce.own_runs import Arrays, kept, trained_maps
from lavaprune.reproduce.runs import Runs, unpruned
from lavaprune.settings import Settings
from lavaprune.training.result import weights_sha256

METHOD = "aptn"


def _pairs(grids: Grids) -> dict[str, tuple[Settings, ...]]:
    """N = 100 presets -> APTN's configuration at 10 %, one for each seed."""
    presets = [p for p in grids.presets if p.endswith("-100") and METHOD in grids.methods(p)]
    found = {preset: grids.at(preset, METHOD, 10) for preset in presets}
    return {preset: settings for preset, settings in found.items() if settings}


def _configurations(grids: Grids) -> list[Settings]:
    return [settings for each in _pairs(grids).values() for settings in each]


def _draw(context: Context, runs: Runs) -> Outcome:
    maps: dict[str, tuple[Arrays, Arrays]] = {}
    shapes: dict[str, tuple[int, int]] = {}
    points = {preset: runs.point(settings) for preset, settings in _pairs(context.grids).items()}
    outcome = Outcome(
        "Fig. 10: weight maps before and after pruning",
        "Receptive fields of the first seed's neurons after training without pruning (left) and with APTN to 10 % "
        "connectivity (right); N = 100.",
        notes=["The paper shows maps only; compared is the statement that MNIST's are sparser than Fashion-MNIST's."],
    )
    for preset, point in points.items():
        data = load_dataset(point.settings.dataset, context.data_dir)
        shapes[preset] = data.shape
        both = []
        for settings in (unpruned(point.settings), point.settings):
            arrays = kept(context.out, "maps", settings, data, partial(trained_maps, settings, data))
            same = weights_sha256(arrays["weights"]) == runs.row(settings)["weights_sha256"]
            title = f"{context.grids.title(preset)}, {settings.pruning.method}"
            outcome.comparisons.append(
                compare_exact(f"{title}: the weights drawn are those of the sweep's run (1: yes)", float(same), 1.0)
            )
            both.append(arrays)
        maps[preset] = (both[0], both[1])
        base = [runs.row(unpruned(settings)) for settings in _pairs(context.grids)[preset]]
        for name, rows in (("before", base), ("after", point.rows)):
            row = {"panel": context.grids.title(preset), "when": name, "n": point.n}
            row["seeds"] = " ".join(str(seed) for seed in point.seeds)
            for column in ("connectivity", "nonzero_weights", "accuracy"):
                row[f"{column}_mean"] = sum(float(each[column]) for each in rows) / len(rows)
            outcome.rows.append(row)
    outcome.figures[""] = maps_figure({context.grids.title(p): pair for p, pair in maps.items()}, list(shapes.values()))
    if {"mnist-100", "fashion-100"} <= set(points):
        nonzero = {
            preset: [100 * runs.row(unpruned(s))["nonzero_weights"] for s in settings]
            for preset, settings in _pairs(context.grids).items()
        }
        pairs = zip(nonzero["fashion-100"], nonzero["mnist-100"], strict=False)
        outcome.comparisons.append(
            compare_larger(
                "trained weights are sparser on MNIST than on Fashion-MNIST (non-zero weights, difference)",
                [fashion - mnist for fashion, mnist in pairs],
                "%",
            )
        )
    return outcome


@styled
def maps_figure(maps: dict[str, tuple[Arrays, Arrays]], shapes: list[tuple[int, int]]) -> Figure:
    """Before and after, side by side, one row for each data set."""
    figure, axes = panels(len(maps), 2, 5.2, 5.4)
    for row, ((title, pair), shape) in enumerate(zip(maps.items(), shapes, strict=True)):
        for panel, arrays, when in zip(axes[2 * row : 2 * row + 2], pair, ("before", "after"), strict=True):
            draw_weight_maps(panel, arrays["weights"], shape, arrays["labels"], arrays["conducts"])
            panel.images[0].set_clim(0, max(1, *(int(each["weights"].max()) for each in pair)))
            share = 100 * float(arrays["conducts"].mean())
            panel.set_title(f"{title}, {when}: {share:.1f} % connected")
            panel.set_title("", loc="right")
    note(figure, "Tinted: pruned. One colour scale in each row; the first seed.")
    return figure


EXPERIMENTS = {"fig10": Experiment("Fig. 10: weight maps", _configurations, _draw)}
