"""One table of finished runs of both kinds: accuracy, synapses, operations, energy and cores, seeds together."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from lavaprune.compared_runs import DEEP, STDP, ComparedRun
from lavaprune.energy.estimator import ENERGY_LABEL
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy_report import PhaseEvents, Pricing

HEADINGS = {STDP: "Learned by STDP (Guo et al. 2020)", DEEP: "Deep (SD-SNN, Han et al. 2022)"}


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed or fold alone, in the order of these; at least one."""

    runs: tuple[ComparedRun, ...]

    @property
    def together(self) -> PhaseEvents:
        """Events and images of all runs."""
        events: HardwareEvents = reduce(add, (run.inference.events for run in self.runs))
        return PhaseEvents(events, sum(run.inference.images for run in self.runs))

    def values(self, of: Callable[[ComparedRun], float]) -> list[float]:
        """One number of each run."""
        return [of(run) for run in self.runs]


def group_runs(runs: Sequence[ComparedRun]) -> list[Group]:
    """Group by everything but seed and fold; STDP first, small networks before large ones, whole ones first."""
    found: dict[tuple[str, ...], list[ComparedRun]] = {}
    for run in runs:
        found.setdefault(run.key, []).append(run)
    groups = [Group(tuple(sorted(members, key=lambda run: (run.seed, run.fold)))) for members in found.values()]

    def place(group: Group) -> tuple[Any, ...]:
        first = group.runs[0]
        connectivity = round(statistics.mean(group.values(_connectivity)), 2)
        return first.kind != STDP, first.dataset, first.weights, -connectivity, first.network

    return sorted(groups, key=place)


def comparison_report(groups: Sequence[Group], pricing: Pricing) -> dict[str, Any]:
    """Return the JSON object of ``lavaprune compare``.

    Keys: ``profile``, ``chip`` (of the energy) and ``cores_on``, ``groups``: for each ``kind``, ``network``,
    ``dataset``, ``steps``, ``test_images``, ``seeds``, ``runs`` (folders' names); ``mean`` and ``standard_error`` (null
    with one run) of ``accuracy``, ``connectivity``, ``weights_left``, ``chip_synapses``, ``sops_per_image``,
    ``pj_per_image`` and ``cores``; ``range_pj_per_image`` over the profiles of the chip; ``placeable``.
    """
    return {
        "profile": pricing.profile.name,
        "chip": pricing.profile.chip,
        "caveat": pricing.profile.caveat,
        "cores_on": groups[0].runs[0].fit.chip.name,
        "groups": [_group_report(group, pricing) for group in groups],
    }


def _group_report(group: Group, pricing: Pricing) -> dict[str, Any]:
    first = group.runs[0]
    columns: dict[str, Callable[[ComparedRun], float]] = {
        "accuracy": lambda run: run.accuracy,
        "connectivity": _connectivity,
        "weights_left": lambda run: run.weights_left,
        "chip_synapses": lambda run: run.chip_synapses,
        "sops_per_image": lambda run: run.sops,
        "pj_per_image": lambda run: pricing.estimate(run.inference.events).total_pj / run.inference.images,
        "cores": lambda run: run.fit.cores,
    }
    values = {name: group.values(column) for name, column in columns.items()}
    together = group.together
    spread = pricing.spread(together.events)
    return {
        "kind": first.kind,
        "network": first.network,
        "dataset": first.dataset,
        "steps": first.steps,
        "test_images": first.test_images,
        "seeds": [run.seed for run in group.runs],
        "runs": [run.name for run in group.runs],
        "mean": {name: statistics.mean(each) for name, each in values.items()},
        "standard_error": {name: standard_error(each) for name, each in values.items()},
        "range_pj_per_image": {"low": spread.low_pj / together.images, "high": spread.high_pj / together.images},
        "profiles": list(spread.compared),
        "placeable": not any(run.fit.exceeded for run in group.runs),
    }


def standard_error(values: Sequence[float]) -> float | None:
    """Standard error of the mean; None of a single value."""
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def comparison_table(report: dict[str, Any]) -> str:
    """Return the groups as a Markdown table."""
    titles = [
        "network", "data", "runs", "accuracy, %", "connectivity, %", "weights left", "SOPs / image",
        f"µJ / image, {report['profile']}", f"µJ / image, profiles of {report['chip']}",
        f"cores, {report['cores_on']}", "synapses there",
    ]  # fmt: skip
    lines = ["| " + " | ".join(titles) + " |", "|---|---|" + "---:|" * (len(titles) - 2)]
    kind = None
    for group in report["groups"]:
        if group["kind"] != kind:
            kind = group["kind"]
            lines.append(f"| **{HEADINGS[kind]}** |" + " |" * (len(titles) - 1))
        lines.append("| " + " | ".join(_cells(group)) + " |")
    return "\n".join(lines)


def comparison_page(report: dict[str, Any]) -> str:
    """Return the table as a page of Markdown, with what its numbers are."""
    several = max(len(group["seeds"]) for group in report["groups"]) > 1
    profiles = ", ".join(report["groups"][0]["profiles"])
    steps = "; ".join(
        f"{group['network']} on {group['dataset']}: {group['steps']} steps, {group['test_images']:,} test images, "
        f"seed{'s' if len(set(group['seeds'])) > 1 else ''} {', '.join(map(str, dict.fromkeys(group['seeds'])))}"
        for group in report["groups"]
    )
    errors = "+- is the standard error over the runs of a row. " if several else ""
    notes = [
        f"Inference only: a deep network learns on the host. {errors}Energies are {ENERGY_LABEL}: counts of events, "
        f"which were measured, times cited energies per event ({profiles}), an estimate. {report['caveat']}",
        "Connectivity and weights left are of the synapses that can be pruned, and in deep networks of the other "
        "layers too; a kernel's weights count once, lateral synapses do not. On the cores a kernel has synapses at "
        "every place, and lateral ones count. A synapse whose weight is 0 is there where it learns by STDP, and none "
        "in a deep network.",
        f"{steps}.",
    ]
    command = "```sh\nlavaprune compare RUN [RUN ...] --out FILE.md\n```"
    return "\n\n".join(["# Both papers' networks beside each other", *notes, command, comparison_table(report)]) + "\n"


def _cells(group: dict[str, Any]) -> list[str]:
    mean, error, spread = group["mean"], group["standard_error"], group["range_pj_per_image"]

    def cell(name: str, scale: float, form: Callable[[float], str]) -> str:
        text = form(mean[name] * scale)
        return text if error[name] is None else f"{text} +- {error_text(error[name] * scale)}"

    at_least = "" if group["placeable"] else "at least "
    return [
        group["network"],
        group["dataset"],
        f"{len(group['seeds'])}",
        cell("accuracy", 100, "{:.2f}".format),
        cell("connectivity", 100, "{:.1f}".format),
        format(mean["weights_left"], ",.0f"),
        format(mean["sops_per_image"], ",.0f"),
        cell("pj_per_image", 1e-6, three_digits),
        f"{three_digits(spread['low'] / 1e6)} .. {three_digits(spread['high'] / 1e6)}",
        f"{at_least}{mean['cores']:,.1f}".removesuffix(".0"),
        format(mean["chip_synapses"], ",.0f"),
    ]


def error_text(value: float) -> str:
    """Two digits that count; from 100 on all before the point, not an exponent."""
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.2g}"


def three_digits(value: float) -> str:
    """Three digits that count, more before the point; an exponent only below 0.0001."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def _connectivity(run: ComparedRun) -> float:
    return run.connectivity
