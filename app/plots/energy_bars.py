"""Where the energy goes: estimates by component as stacked bars."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from lavaprune.energy.estimator import STATIC_POWER, EnergyEstimate
from lavaprune.energy.spread import Spread
from lavaprune.energy_report import PhaseEvents, Pricing, estimates_of
from lavaprune.errors import InputError
from lavaprune.plots.saving import save_figure
from lavaprune.plots.style import BLUE, CATEGORICAL, GREEN, INK, MUTED, ORANGE, SKY, light_grid, new_figure, styled

COMPONENT_NAMES = {
    "steps": "time steps",
    "synaptic_ops": "synaptic operations",
    "synaptic_updates": "learning (weight updates)",
    "neuron_updates_active": "active neuron updates",
    "neuron_updates_inactive": "idle neuron updates",
    "spikes_within_tile": "spike messages",
    "hops_ew": "hops east-west",
    "hops_ns": "hops north-south",
    "controller_ops": "pruning controller",
    STATIC_POWER: "static power",
}
"""What the components of an estimate (`EVENT_KEYS`, and static power) are called in pictures."""

_COLORS = {
    "synaptic_ops": BLUE,
    "synaptic_updates": ORANGE,
    "neuron_updates_active": GREEN,
    "neuron_updates_inactive": "#a8dccb",
    "spikes_within_tile": SKY,
}
_UNITS = ((1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


@styled
def energy_figure(
    estimates: Mapping[str, EnergyEstimate],
    divide_by: Mapping[str, int] | None = None,
    spreads: Mapping[str, Spread] | None = None,
) -> Figure:
    """Draw estimates as horizontal bars, one segment per component.

    Parameters
    ----------
    estimates : mapping of str to EnergyEstimate
        Name of the bar -> estimate; all of one profile.
    divide_by : mapping of str to int, optional
        Name of the bar -> number of images that it covers, at least 1; then the bars are per image.
    spreads : mapping of str to Spread, optional
        Name of the bar -> totals by all profiles of the chip, drawn as a line from the lowest to the highest.

    Raises
    ------
    ValueError
        If there is no estimate, the profiles differ, or a divisor is below 1.
    """
    _one_profile(estimates)
    note = textwrap.fill(_note(estimates), 135)
    height = 1.75 + 0.45 * len(estimates) + 0.14 * (note.count("\n") + 1)
    figure = new_figure(7.6, height)
    axes = figure.add_subplot()
    draw_energy(axes, estimates, divide_by, spreads)
    if axes.get_legend_handles_labels()[0]:
        below = axes.transAxes + ScaledTranslation(0, -0.42, figure.dpi_scale_trans)  # inches: clear of the axis
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.46, 0), bbox_transform=below, ncols=3, handlelength=1.0, borderpad=0
        )
    figure.supxlabel(note, x=0.01, ha="left", fontsize=6.5, color=MUTED)
    return figure


def _note(estimates: Mapping[str, EnergyEstimate]) -> str:
    """What the numbers are and lack."""
    first = next(iter(estimates.values()))
    profile = first.profile
    note = f"{first.label[0].upper()}{first.label[1:]}; {profile.name}: {profile.title}. "
    note += f"{profile.unpriced} {profile.caveat}"
    missing = {key for estimate in estimates.values() for key in estimate.unpriced_events}
    if missing:
        note += f" Without a price, and left out: {', '.join(COMPONENT_NAMES[key] for key in sorted(missing))}."
    return note


def write_energy_picture(path: Path, phases: Mapping[str, PhaseEvents], pricing: Pricing) -> None:
    """Write `energy_figure` of phases as PNG, per image where their images are known; a file there is replaced.

    Raises
    ------
    InputError
        If the name does not end in ``.png`` or the file cannot be written.
    """
    if path.suffix != ".png":
        raise InputError(f"picture {path}: name ends in {path.suffix!r}; allowed: .png")
    estimates, divisors = estimates_of(phases, pricing)
    are_images = any(phase.images > 1 for phase in phases.values())
    spreads = {bar: pricing.spread(phase.events) for bar, phase in zip(estimates, phases.values(), strict=True)}
    figure = energy_figure(estimates, divisors if are_images else None, spreads)
    try:
        save_figure(figure, path)
    except OSError as error:
        raise InputError(f"picture {path}: cannot be written ({error.strerror or error})") from None


def draw_energy(
    axes: Axes,
    estimates: Mapping[str, EnergyEstimate],
    divide_by: Mapping[str, int] | None = None,
    spreads: Mapping[str, Spread] | None = None,
) -> None:
    """Draw into ``axes``, without the legend; parameters and errors as of `energy_figure`."""
    _one_profile(estimates)
    divisors = {name: (divide_by or {}).get(name, 1) for name in estimates}
    for name, divisor in divisors.items():
        if divisor < 1:
            raise ValueError(f"energy bars: divisor of {name!r} is {divisor}; allowed: at least 1")
    names = list(estimates)
    keys = estimates[names[0]].components_pj
    components = [key for key in keys if any(e.components_pj[key] for e in estimates.values())]
    values_pj = np.array([[estimates[n].components_pj[key] / divisors[n] for key in components] for n in names])
    totals_pj = np.array([estimates[n].total_pj / divisors[n] for n in names])
    largest_pj = float(totals_pj.max())
    factor, unit = next((f, u) for f, u in _UNITS if largest_pj >= f or f == 1.0)
    left = np.zeros(len(names))
    spare = [color for color in CATEGORICAL if color not in _COLORS.values()]
    for column, key in enumerate(components):
        color = _COLORS.get(key) or spare.pop(0)
        width = values_pj[:, column] / factor
        axes.barh(names, width, left=left, height=0.62, color=color, label=COMPONENT_NAMES[key], edgecolor="white")
        left += width
    ends = totals_pj / factor
    for row, name in enumerate(names):
        if spreads:
            spread = spreads[name]
            low, high = spread.low_pj / divisors[name] / factor, spread.high_pj / divisors[name] / factor
            label = f"range over {len(spread.compared)} profile(s) of {spread.chip}" if row == 0 else None
            axes.plot([low, high], [row, row], color=INK, linewidth=1.2, marker="|", markersize=9, label=label)
            ends[row] = max(ends[row], high)
    for row, total in enumerate(totals_pj / factor):
        digits = f"{total:#.3g}".rstrip(".")
        axes.text(ends[row], row, f"  {digits} {unit}", va="center", fontweight="bold")
    axes.invert_yaxis()
    axes.set_xlim(0, max(float(ends.max()), 1e-12) * 1.16)
    axes.set_xlabel(f"{unit} per image" if divide_by else unit)
    axes.set_title("Energy by component")
    axes.tick_params(axis="y", length=0)
    light_grid(axes, "x")
    axes.spines["left"].set_visible(False)


def _one_profile(estimates: Mapping[str, EnergyEstimate]) -> None:
    if len({estimate.profile.name for estimate in estimates.values()}) != 1:
        raise ValueError(f"energy bars: {len(estimates)} estimates of several or no profiles; allowed: of one profile")
