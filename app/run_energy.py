"""A finished run of either kind, as ``lavaprune energy RUN`` prices it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lavaprune.deep.run_folder import is_deep_run
from lavaprune.energy_report import PhaseEvents, events_of_run
from lavaprune.errors import InputError
from lavaprune.overhead_report import overhead_report, overhead_text
from lavaprune.run_costs import costs_report, costs_text, overhead_of_run, read_run_costs
from lavaprune.runs import CHECKPOINT


@dataclass(frozen=True)
class PricedRun:
    """What is priced, and what stands beside it.

    Attributes
    ----------
    phases : dict of str to PhaseEvents
    beside : dict
        Keys of the JSON beside the energy.
    lines : list of str
        The same for people.
    """

    phases: dict[str, PhaseEvents]
    beside: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)


def price_run(
    run: Path,
    *,
    unpruned: Path | None = None,
    overhead: bool = False,
    effective: bool = False,
    data_dir: Path | None = None,
) -> PricedRun:
    """Read a RUN folder, and that of the unpruned network where there is one.

    Parameters
    ----------
    run : Path
    unpruned : Path, optional
        A run of the same kind without pruning.
    overhead : bool
        Add the pruning controller.
    effective : bool
        Show the test images again for effective ACs; a deep run's are in its counts already.
    data_dir : Path, optional
        For that.

    Raises
    ------
    InputError
        A folder is no finished run, the two cannot be compared, or a deep run is asked for a controller.
    """
    is_deep = is_deep_run(run)
    if unpruned is not None and is_deep_run(unpruned) != is_deep:
        raise InputError(f"runs {run} and {unpruned}: one is of lavaprune deep; allowed: both or none")
    if is_deep:
        return _deep(run, unpruned, overhead)
    phases = events_of_run(run)
    if not (overhead or effective or unpruned is not None or (run / CHECKPOINT).exists()):
        return PricedRun(phases)
    costs = read_run_costs(run)
    replayed = None
    if effective:
        from lavaprune.training.effective import count_effective

        replayed = count_effective(run, data_dir)
    base = read_run_costs(unpruned) if unpruned is not None else None
    beside = costs_report(costs, base, replayed)
    lines = [costs_text(beside, costs.size)]
    if overhead:
        needed = overhead_of_run(costs)
        beside["overhead"] = overhead_report(needed)
        lines.append(overhead_text(needed))
    return PricedRun(_side_by_side(phases, None if unpruned is None else events_of_run(unpruned)), beside, lines)


def _deep(run: Path, unpruned: Path | None, overhead: bool) -> PricedRun:
    from lavaprune.deep.costs import TRAINED_ON_HOST, deep_costs_report, read_deep_costs

    if overhead:
        raise InputError(
            f"run folder {run}: --overhead is of the controller that prunes on a chip, and a deep network is pruned on "
            "the host; allowed: a run of lavaprune train"
        )
    costs = read_deep_costs(run)
    base = read_deep_costs(unpruned) if unpruned is not None else None
    beside = deep_costs_report(costs, base)
    phases = _side_by_side(costs.phases(), None if base is None else base.phases())
    return PricedRun(phases, beside, [costs_text(beside, costs.size), TRAINED_ON_HOST])


def _side_by_side(
    phases: Mapping[str, PhaseEvents], before: Mapping[str, PhaseEvents] | None
) -> dict[str, PhaseEvents]:
    """Every phase after the unpruned network's."""
    if before is None:
        return dict(phases)
    pairs = [((f"unpruned, {name}", before[name]), (name, phase)) for name, phase in phases.items()]
    return {name: phase for pair in pairs for name, phase in pair}
