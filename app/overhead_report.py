"""What pruning itself costs, for any network: Section "Implementation Overhead" of Guo et al. 2020."""

from __future__ import annotations

from typing import Any

from lavaprune.errors import InputError
from lavaprune.pruning.controller_overhead import OPERATION_PJ, ControllerOverhead, controller_overhead
from lavaprune.pruning.schedule import PruningSchedule
from lavaprune.reproduce import paper

GROUPS = paper.TABLE_4_GROUPS
"""Groups that the paper reckons with; it finds fewer."""

_LARGEST = 10**9  # of any size: far beyond any network, and all products stay exact


def overhead_of(inputs: int, neurons: int, groups: int, schedule: PruningSchedule) -> ControllerOverhead:
    """Compute the overhead of a network and a schedule.

    Raises
    ------
    InputError
        If a size is out of range.
    """
    for name, value, low in (("inputs", inputs, 1), ("neurons", neurons, 1), ("groups", groups, 0)):
        if not low <= value <= _LARGEST:
            raise InputError(f"overhead: {name} is {value}; allowed: {low} .. {_LARGEST:,}")
    return controller_overhead(inputs, neurons, groups, schedule)


def schedule_of(start: int, batch: int, images: int) -> PruningSchedule:
    """Return the schedule that a user gave.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    for name, value in (("start", start), ("batch", batch), ("images", images)):
        if not 1 <= value <= _LARGEST:
            raise InputError(f"overhead: {name} is {value}; allowed: 1 .. {_LARGEST:,}")
    return PruningSchedule(start, batch, images)


def overhead_report(overhead: ControllerOverhead) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune overhead``; ``printed_...``: the paper's text, and what its numbers say."""
    operations = paper.TABLE_4_PER_IMAGE["operations"][100]
    printed = {
        "operations_per_image": operations,
        "energy_nj_by_the_text": paper.PRUNING_ENERGY_NJ,
        "energy_nj_by_its_own_numbers": operations * OPERATION_PJ / 1e3,
    }
    return {**overhead.to_dict(), "printed_for_100_neurons_and_batch_100": printed}


def overhead_text(overhead: ControllerOverhead) -> str:
    """Return the same for people."""
    schedule, gates = overhead.schedule, overhead.gates
    operations = paper.TABLE_4_PER_IMAGE["operations"][100]
    lines = [
        f"pruning controller, {overhead.n_inputs:,} inputs, {overhead.n_neurons:,} neurons, {overhead.n_groups:,} "
        f"groups; {schedule.n_events:,} events in {schedule.train_images:,} images (Guo et al. 2020, Tables 4 and 5)",
        f"  {'of one event':<12}{'grouping':>14}{'adapting':>14}{'weights':>16}{'total':>16}{'per image':>14}",
    ]
    for name, cost in (("cycles", overhead.cycles), ("operations", overhead.operations)):
        lines.append(
            f"  {name:<12}{cost.grouping:>14,}{cost.adapting:>14,}{cost.weight_pruning:>16,}{cost.total:>16,}"
            f"{overhead.per_image(cost):>14,.1f}"
        )
    lines += [
        f"  energy: {overhead.energy_pj_per_image:,.1f} pJ per image, {OPERATION_PJ} pJ an operation (one SRAM access)",
        f"  gates: {gates.nand:,} NAND ({gates.adders} adders, {gates.comparators} comparators, "
        f"{gates.register_bits:,} register bits), {gates.brams} block RAMs of 18 Kbit, {gates.flag_bits:,} flag bits "
        "with the weights",
        f"  The paper's text prints {paper.PRUNING_ENERGY_NJ} nJ for {operations} operations an image (100 neurons, "
        f"batch 100); its own numbers give {operations * OPERATION_PJ / 1e3:.2f} nJ.",
        "  How gates grow with the groups is not published: comparators and register bits are taken as proportional.",
    ]
    return "\n".join(lines)
