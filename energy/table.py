"""Energy estimates as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import EnergyEstimate
from lavaprune.energy.spread import Spread

_WIDTH = 100


def energy_table(
    estimates: Mapping[str, EnergyEstimate],
    *,
    divide_by: Mapping[str, int] | None = None,
    spreads: Mapping[str, Spread] | None = None,
) -> str:
    """Lay estimates out side by side, one row per component, with what the numbers are and are not.

    Parameters
    ----------
    estimates : mapping of str to EnergyEstimate
        Column heading -> estimate; all of one profile.
    divide_by : mapping of str to int, optional
        Column heading -> number (of images, say) that the column is divided by, at least 1. Default 1.
    spreads : mapping of str to Spread, optional
        Column heading -> totals of the same events by all profiles of the chip.

    Returns
    -------
    str
        Lines of pJ; headed by label and profile, followed by the profile's conditions and caveats.

    Raises
    ------
    EnergyError
        If there is no estimate, the profiles differ, or a divisor is below 1.
    """
    profiles = {estimate.profile.name: estimate.profile for estimate in estimates.values()}
    if len(profiles) != 1:
        raise EnergyError(f"energy table: {len(profiles)} profiles given; allowed: estimates of one profile")
    (profile,) = profiles.values()
    divisors = {heading: (divide_by or {}).get(heading, 1) for heading in estimates}
    for heading, divisor in divisors.items():
        if divisor < 1:
            raise EnergyError(f"energy table: divisor of {heading!r} is {divisor}; allowed: at least 1")

    rows = [["pJ", *estimates]]
    first = next(iter(estimates.values()))
    for key in first.components_pj:
        values = (e.components_pj[key] / divisors[heading] for heading, e in estimates.items())
        rows.append([key, *(f"{value:,.1f}" for value in values)])
    totals = (e.total_pj / divisors[heading] for heading, e in estimates.items())
    rows.append(["total", *(f"{value:,.1f}" for value in totals)])

    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [f"{first.label}, profile {profile.name}: {profile.title}"]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells))
    lines += _notes(estimates)
    for heading, spread in (spreads or {}).items():
        lines += _wrapped(_range(heading, spread, divisors[heading]))
    return "\n".join(lines)


def _notes(estimates: Mapping[str, EnergyEstimate]) -> list[str]:
    profile = next(iter(estimates.values())).profile
    qualities = ", ".join(
        f"{quality} ({', '.join(key for key, price in profile.prices.items() if price.quality == quality)})"
        for quality in profile.qualities
    )
    notes = [f"Conditions: {profile.conditions}. Quality: {qualities}.", profile.unpriced, profile.caveat]
    if profile.update_factor != 1:
        notes.append(f"A synaptic update is priced {profile.update_factor:g} times the published one (assumed).")
    if profile.included:
        notes.append(f"Within the price of a synaptic operation: {', '.join(profile.included)}.")
    hops = [key for key in ("hops_ew", "hops_ns") if profile.prices.get(key, None) and profile.prices[key].value_pj]
    if hops and not any(e.components_pj.get(key) for e in estimates.values() for key in hops):
        notes.append(
            "Hops between tiles are 0: the network lies on one tile, or these counts know no placement on cores."
        )
    for heading, estimate in estimates.items():
        if estimate.unpriced_events:
            missing = ", ".join(f"{count:,} {key}" for key, count in estimate.unpriced_events.items())
            notes.append(f"{heading}: {profile.name} has no price for {missing}; the total lacks them.")
    return [line for note in notes for line in _wrapped(note)]


def _range(heading: str, spread: Spread, divisor: int) -> str:
    text = (
        f"{heading}, total over {len(spread.compared)} profile(s) of {spread.chip} ({', '.join(spread.compared)}): "
        f"{spread.low_pj / divisor:,.1f} .. {spread.high_pj / divisor:,.1f} pJ."
    )
    lacking = [f"{name} has no price for {', '.join(events)}" for name, events in spread.lacking.items()]
    return f"{text} {'; '.join(lacking)}." if lacking else text


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
