"""What a run cost: synaptic operations and energy by component, per image, as rows of a table with bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lavaprune.energy.profile import DEFAULT_PROFILE
from lavaprune.energy_report import PHASES, PhaseEvents, energy_report, pricing_of
from lavaprune.plots.energy_bars import COMPONENT_NAMES
from lavaprune.report.contents import Result

_SOP_NAMES = {
    "input": "Input accumulations",
    "lateral": "Lateral accumulations",
    "depression": "Depression updates",
    "potentiation": "Potentiation updates",
}
_UNITS = ((1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


@dataclass(frozen=True)
class Row:
    """One component: a name, a text for each phase, and the shares of the largest total (for bars), 0..1."""

    name: str
    texts: list[str]
    shares: list[float]
    style: str = ""


@dataclass(frozen=True)
class CostTable:
    """Components per image, their total, and remarks.

    Attributes
    ----------
    unit : str
    rows : list of Row
    total : Row
    beside : list of Row
        What stands in no total.
    notes : list of str
    """

    unit: str
    rows: list[Row]
    total: Row
    beside: list[Row]
    notes: list[str]
    columns: tuple[str, ...] = PHASES


def sops_table(result: Result) -> CostTable:
    """Synaptic operations per image by component, as Guo et al. 2020 count them."""
    images = (result.train_images, result.test_images)
    phases = [phase.model_dump() for phase in (result.sops.training, result.sops.inference)]
    values = {key: [phase[key] / n for phase, n in zip(phases, images, strict=True)] for key in _SOP_NAMES}
    totals = [result.sops.training_per_image, result.sops.inference_per_image]
    controller = [phase["controller"] / n for phase, n in zip(phases, images, strict=True)]
    without = (result.sops.training_per_image_without_lateral, result.sops.inference_per_image_without_lateral)
    return CostTable(
        unit="SOPs per image",
        rows=_rows({_SOP_NAMES[key]: value for key, value in values.items()}, max(totals), _whole),
        total=Row("Total", [_whole(total) for total in totals], []),
        beside=[
            Row("Total without lateral", [_whole(value) for value in without], []),
            Row("Pruning controller (no SOPs)", [_tenths(value) for value in controller], []),
        ],
        notes=[
            "Synaptic operations as Guo et al. 2020 count them: accumulations, and in training the updates of "
            "plasticity too. Those of the pruning controller are in no total."
        ],
    )


@dataclass(frozen=True)
class EnergyPage:
    """The energy of a run: the table, the headline per phase, and what the numbers are."""

    table: CostTable
    per_image: dict[str, str]
    label: str
    profile: str
    title: str


def layers_table(operations: Mapping[str, float]) -> CostTable:
    """Synaptic operations per image of a deep network's layers in inference."""
    total = sum(operations.values())
    rows = {name: [value] for name, value in operations.items()}
    return CostTable(
        unit="SOPs per image",
        rows=_rows(rows, total, _whole),
        total=Row("Total", [_whole(total)], []),
        beside=[],
        notes=["Each spike times the synapses with a weight that it goes through, pooling folded into the next layer."],
        columns=("inference",),
    )


def energy_page(phases: Mapping[str, PhaseEvents], profile_name: str = DEFAULT_PROFILE) -> EnergyPage:
    """Price a run's events on a profile.

    Raises
    ------
    InputError
        See `energy_report.pricing_of`.
    """
    pricing = pricing_of(profile_name)
    report, profile = energy_report(phases, pricing), pricing.profile
    totals = [report["phases"][name]["pj_per_image"] for name in phases]
    divisor, unit = unit_of(max(totals))
    values = {
        COMPONENT_NAMES.get(key, key).capitalize(): [
            report["phases"][name]["components_pj"][key] / phases[name].images for name in phases
        ]
        for key in profile.prices
    }
    shown = {name: row for name, row in values.items() if any(row)}
    free = ", ".join(name.lower() for name in values if name not in shown)
    notes = [f"Conditions: {profile.conditions}.", profile.unpriced, profile.caveat]
    if free:
        notes.append(f"None counted: {free}.")
    notes += _without_price(report)
    notes += _range(report, {name: phases[name].images for name in phases})

    def form(value: float) -> str:
        if value == 0:
            return "0"
        return "< 0.001" if value / divisor < 0.0005 else f"{value / divisor:,.3f}"

    return EnergyPage(
        table=CostTable(
            unit=f"{unit} per image",
            rows=_rows(shown, max(totals), form),
            total=Row("Total", [form(total) for total in totals], []),
            beside=[],
            notes=notes,
            columns=tuple(phases),
        ),
        per_image={name: energy_text(total) for name, total in zip(phases, totals, strict=True)},
        label=report["label"],
        profile=report["profile"],
        title=profile.title,
    )


def unit_of(pj: float) -> tuple[float, str]:
    """The unit in which so many pJ are read best, and the pJ in one."""
    return next((factor, unit) for factor, unit in _UNITS if pj >= factor or factor == 1.0)


def energy_text(pj: float) -> str:
    """For example 4.12 µJ."""
    divisor, unit = unit_of(pj)
    return f"{pj / divisor:.3g} {unit}" if pj < 1e9 else f"{pj / divisor:,.0f} {unit}"


def _rows(values: Mapping[str, list[float]], largest: float, form: Any) -> list[Row]:
    return [
        Row(name, [form(v) for v in row], [round(v / largest, 5) if largest > 0 else 0.0 for v in row], f"k{k + 1}")
        for k, (name, row) in enumerate(values.items())
    ]


def _without_price(report: dict[str, Any]) -> list[str]:
    return [
        f"{phase.capitalize()}: the profile has no price for "
        f"{', '.join(f'{n:,} {COMPONENT_NAMES.get(key, key)}' for key, n in estimate['unpriced_events'].items())}; "
        "the total lacks them."
        for phase, estimate in report["phases"].items()
        if estimate["unpriced_events"]
    ]


def _range(report: dict[str, Any], images: Mapping[str, int]) -> list[str]:
    """Per phase the energy of a step, to hold against the caveat's, and the range over the chip's profiles."""
    notes = []
    for name, spread in report["range_pj"].items():
        step = report["phases"][name]["uj_per_step"]
        notes.append(
            f"{name.capitalize()}, total over {len(spread['profiles'])} profile(s) of {spread['chip']} "
            f"({', '.join(spread['profiles'])}): {energy_text(spread['low'] / images[name])} to "
            f"{energy_text(spread['high'] / images[name])} per image"
            + (f"; {step:.3g} µJ per time step by {report['profile']}." if step is not None else ".")
        )
    return notes


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _tenths(value: float) -> str:
    return f"{value:,.1f}" if value else "0"
