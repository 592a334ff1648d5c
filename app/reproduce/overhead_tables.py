"""Tables 4 and 5: what the pruning controller itself costs in cycles, operations, energy and gates."""

from __future__ import annotations

import dataclasses

import numpy as np
from matplotlib.figure import Figure

from lavaprune.plots.style import BLUE, ORANGE, light_grid, styled
from lavaprune.pruning.controller_cost import PhaseCost
from lavaprune.pruning.controller_overhead import OPERATION_PJ, ControllerOverhead, controller_overhead
from lavaprune.pruning.schedule import PruningSchedule
from lavaprune.reproduce import paper
from lavaprune.reproduce.compare import compare_at_most, compare_exact, compare_number, not_compared
from lavaprune.reproduce.drawing import panels
from lavaprune.reproduce.experiment import Context, Experiment, no_runs
from lavaprune.reproduce.grids import QUICK_PRESET, Grids
from lavaprune.reproduce.outcome import Outcome
from lavaprune.reproduce.runs import Runs
from lavaprune.settings import Settings

_INPUTS, _NEURONS, _IMAGES = 784, 100, 60_000
_PHASES = ("grouping", "adapting", "weight_pruning")


def _table4_configurations(grids: Grids) -> list[Settings]:
    return list(grids.at(QUICK_PRESET, "aptn", 10) or ())


def paper_overhead(batch: int) -> ControllerOverhead:
    """Overhead by our formulas, for the paper's network, 20 groups and its schedule with that batch."""
    schedule = PruningSchedule(paper.PRUNING_START, batch, _IMAGES)
    return controller_overhead(_INPUTS, _NEURONS, paper.TABLE_4_GROUPS, schedule)


def paper_costs() -> dict[str, PhaseCost]:
    """Cycles and operations of one event, which no batch changes."""
    overhead = paper_overhead(1)
    return {"cycles": overhead.cycles, "operations": overhead.operations}


def _table4(context: Context, runs: Runs) -> Outcome:
    costs = paper_costs()
    outcome = Outcome(
        "Table 4: cycles and operations of the pruning controller",
        "One pruning event by phase (formulas of `pruning/controller_cost.py`, 784 inputs, 100 neurons, 20 groups), "
        "and averages per training image, which divide by all 60,000.",
        {"": costs_figure(costs)},
    )
    rows = [["", *(phase.replace("_", " ") for phase in _PHASES), "per image, batch 100", "per image, batch 5,000"]]
    for what, cost in costs.items():
        line = [what]
        for phase in _PHASES:
            ours, printed = dataclasses.asdict(cost)[phase], paper.TABLE_4[what][phase]
            outcome.comparisons.append(compare_exact(f"{what} of {phase.replace('_', ' ')}", ours, printed))
            outcome.rows.append({"quantity": f"{what}, {phase}", "ours": ours, "paper": printed, "n": 1, "seeds": ""})
            line.append(f"{ours:,} ({printed:,})")
        for batch, printed in paper.TABLE_4_PER_IMAGE[what].items():
            overhead = paper_overhead(batch)
            events, ours = overhead.schedule.n_events, overhead.per_image(cost)
            outcome.comparisons.append(
                compare_exact(f"{what} per image, batch {batch:,} ({events} events)", ours, printed)
            )
            outcome.rows.append(
                {"quantity": f"{what} per image, batch {batch}", "ours": ours, "paper": printed, "n": 1, "seeds": ""}
            )
            line.append(f"{ours:.1f} ({printed:,})")
        rows.append(line)
    outcome.table = rows
    _energy(outcome)
    _measured(outcome, context, runs)
    return outcome


def _energy(outcome: Outcome) -> None:
    """What the text makes of the operations, in energy."""
    operations = paper.TABLE_4_PER_IMAGE["operations"][100]
    sop_uj = paper.TRAINING_SOPS * paper.SOP_PJ / 1e6
    pruning_nj = operations * OPERATION_PJ / 1e3
    outcome.comparisons += [
        compare_number(
            f"energy of {paper.TRAINING_SOPS:,} SOPs of {paper.SOP_PJ} pJ", [sop_uj], paper.SOP_ENERGY_UJ, "uJ", 0.05
        ),
        compare_number(
            f"energy of {operations} pruning operations of {OPERATION_PJ} pJ (batch 100)",
            [pruning_nj],
            paper.PRUNING_ENERGY_NJ,
            "nJ",
            0.05,
        ),
    ]
    outcome.notes.append(
        f"794 x 0.5 pJ are {pruning_nj:.2f} nJ, {100 * pruning_nj / (1000 * sop_uj):.3f} % of the SOPs' energy; the "
        "text prints 3.4 nJ and 0.1 %."
    )


def _measured(outcome: Outcome, context: Context, runs: Runs) -> None:
    """What our controller counted in APTN's runs at 10 % connectivity."""
    settings = context.grids.at(QUICK_PRESET, "aptn", 10)
    if not settings:
        return
    point = runs.point(settings)
    per_event = np.array([row["training_controller"] / max(1, len(row["event_images"])) for row in point.rows])
    per_image = np.array([row["training_controller"] / row["train_images"] for row in point.rows])
    share = 100 * per_image / point.values["training_sops"]
    for name, values in (("per event", per_event), ("per image", per_image), ("% of training SOPs", share)):
        outcome.rows.append(
            {
                "quantity": f"our controller's operations, {name}",
                "ours": float(values.mean()),
                "std": float(values.std(ddof=1)) if len(values) > 1 else None,
                "n": point.n,
                "seeds": " ".join(str(seed) for seed in point.seeds),
            }
        )
    printed = 100 * paper.TABLE_4_PER_IMAGE["operations"][5_000] / paper.TRAINING_SOPS
    statement = "our controller's operations (APTN), % of training SOPs: negligible"
    outcome.comparisons.append(
        not_compared(statement, "quick run", printed, "%")
        if context.grids.quick
        else compare_at_most(statement, share, printed, "%")
    )
    outcome.notes.append(
        f"Our controller (APTN at 10 % connectivity, with the groups that there were) took {per_event.mean():,.0f} "
        f"operations an event, {per_image.mean():.1f} an image."
    )


@styled
def costs_figure(costs: dict[str, PhaseCost]) -> Figure:
    """Cycles and operations by phase, ours and the paper's side by side, on a logarithmic scale."""
    figure, axes = panels(1, len(costs), 4.0, 2.8)
    for panel, (what, cost) in zip(axes, costs.items(), strict=True):
        place = np.arange(len(_PHASES))
        ours = [dataclasses.asdict(cost)[phase] for phase in _PHASES]
        panel.bar(place - 0.2, ours, 0.38, color=BLUE, label="ours")
        printed = [paper.TABLE_4[what][phase] for phase in _PHASES]
        panel.bar(place + 0.2, printed, 0.38, fill=False, edgecolor=ORANGE, label="paper")
        panel.set_yscale("log")
        panel.set_xticks(place, [phase.replace("_", " ") for phase in _PHASES])
        panel.set_title(f"{what.capitalize()} of one event")
        light_grid(panel)
        panel.legend(loc="upper left")
    return figure


def _table5(context: Context, runs: Runs) -> Outcome:
    del context, runs
    needed = paper_overhead(1).gates
    gates, total = needed.nand_by_part, needed.nand
    share = 100 * total / paper.NAND_NETWORK
    outcome = Outcome(
        "Table 5: gates of the pruning controller",
        "Equivalent NAND gates: 4 adders of 144, 18 comparators of 256 and 620 register bits of 5.",
        {"": gates_figure(gates)},
        comparisons=[
            compare_exact("NAND gates of the pruning unit", total, paper.NAND_PRUNING),
            compare_number("share of the network's NAND gates", [share], paper.NAND_SHARE, "%", 0.05),
        ],
        notes=["The gates of each part are those that solve the printed total; the paper does not list them."],
    )
    outcome.rows += [{"part": part, "nand_gates": value, "n": 1, "seeds": ""} for part, value in gates.items()]
    outcome.rows.append({"part": "total", "nand_gates": total, "n": 1, "seeds": "", "paper": paper.NAND_PRUNING})
    return outcome


@styled
def gates_figure(gates: dict[str, int]) -> Figure:
    """NAND gates by part."""
    figure, (axes,) = panels(1, 1, 4.4, 2.6)
    bars = axes.bar(list(gates), list(gates.values()), 0.5, color=BLUE)
    axes.bar_label(bars, fmt="{:,.0f}")
    axes.set_title(f"NAND gates: {sum(gates.values()):,} (paper: {paper.NAND_PRUNING:,})")
    light_grid(axes)
    return figure


EXPERIMENTS = {
    "table4": Experiment("Table 4: cycles and operations", _table4_configurations, _table4, measured=False),
    "table5": Experiment("Table 5: gates", no_runs, _table5, measured=False),
}
