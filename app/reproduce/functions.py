"""Figure 3: how the three threshold functions rise."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lavaprune.plots.style import styled
from lavaprune.pruning.threshold_functions import THRESHOLD_FUNCTIONS
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import compare_exact, compare_larger, compare_number
from lavaprune.reproduce.drawing import finish, look, panels
from lavaprune.reproduce.experiment import Context, Experiment, no_runs
from lavaprune.reproduce.outcome import Outcome
from lavaprune.reproduce.runs import Runs

W0 = 0.1
EVENTS = 7
_CURVED = {"f1": 1.3, "f2": 1.3, "f3": 0.05}  # factors at which the shapes are plain to see


def thresholds(factors: dict[str, float]) -> dict[str, np.ndarray]:
    """Threshold of each event k = 0 .. 6 by function, share of w_max."""
    return {
        name: np.array([float(function(W0, factors[name], k)) for k in range(EVENTS)])
        for name, function in THRESHOLD_FUNCTIONS.items()
    }


def _draw(context: Context, runs: Runs) -> Outcome:
    del context, runs
    parts = {"the paper's best factors": paper.BEST_FACTORS_TIME, "larger factors": _CURVED}
    values = {name: thresholds(factors) for name, factors in parts.items()}
    outcome = Outcome(
        "Fig. 3: threshold functions",
        f"f1, f2 and f3 from an initial threshold of {W0} over the pruning events, clipped to [w0, w_max].",
        {"": functions_figure(values, parts)},
    )
    for part, of_part in values.items():
        for name, series in of_part.items():
            outcome.rows += [
                {"panel": part, "function": name, "factor": parts[part][name], "k": k, "threshold": float(value)}
                for k, value in enumerate(series)
            ]
            rises = np.diff(series)
            late, early = 100 * float(rises[-1]), 100 * float(rises[0])
            unit = "% of w_max"
            statement = f"{name}, {part}: "
            if name == "f1":
                comparison = compare_larger(f"{statement}slow at first and fast at the end", [late - early], unit)
            elif name == "f2":
                comparison = compare_larger(f"{statement}fast at first and slow at the end", [early - late], unit)
            else:
                comparison = compare_number(f"{statement}rises at one rate", [late - early], 0.0, unit, 1e-9)
            outcome.comparisons.append(comparison)
            first = 100 * float(series[0])
            outcome.comparisons.append(compare_exact(f"{statement}starts at w0 (% of w_max)", first, 100 * W0))
    return outcome


@styled
def functions_figure(values: dict[str, dict[str, np.ndarray]], factors: dict[str, dict[str, float]]) -> Figure:
    """One panel for each set of factors."""
    figure, axes = panels(1, len(values), 3.9, 3.0)
    letters = {"f1": "a", "f2": "b", "f3": "c"}
    for panel, (part, of_part) in zip(axes, values.items(), strict=True):
        for index, (name, series) in enumerate(of_part.items()):
            color, marker = look(index)
            label = f"{name}, {letters[name]} = {factors[part][name]:g}"
            panel.plot(range(EVENTS), series, color=color, marker=marker, markersize=4.0, label=label)
        finish(panel, part.capitalize(), "pruning event k", "threshold, share of w_max", "upper left")
    return figure


EXPERIMENTS = {"fig3": Experiment("Fig. 3: threshold functions", no_runs, _draw, measured=False)}
