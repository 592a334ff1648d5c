"""What a meter has counted, and what it costs, as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from lavaprune.energy.estimator import EnergyEstimate
from lavaprune.energy.placement import Messages
from lavaprune.energy.table import energy_table
from lavaprune.energy_report import Pricing
from lavaprune.meter.counts import MeterCounts

_WIDTH = 100


def meter_table(
    counts: MeterCounts, pricing: Pricing, messages: Messages | None = None, *, stored: bool = False
) -> str:
    """Lay out connections, populations and the energy of both, and say what is missing.

    Parameters
    ----------
    counts : MeterCounts
    pricing : Pricing
        A profile and the others of its chip.
    messages, stored
        As for `MeterCounts.events`.
    """
    events = counts.events(messages, stored=stored)
    connections = [["connection", "spikes", "synaptic ops", "zeros stored", "updates", "pJ"]]
    for c in counts.connections:
        part = pricing.estimate(c.events(stored=stored, is_placed=messages is not None))
        numbers = (c.spikes, c.synaptic_ops, c.stored_synaptic_ops - c.synaptic_ops, c.synaptic_updates)
        connections.append([c.name, *(f"{number:,}" for number in numbers), _pj(part)])
    populations = [["neurons", "spikes", "active updates", "inactive", "pJ"]]
    for p in counts.populations:
        part = pricing.estimate(p.events())
        updates = (p.updates_active, p.updates_inactive)
        populations.append([p.name, f"{p.spikes:,}", *(f"{number:,}" for number in updates), _pj(part)])

    lines = [f"Counted in {counts.steps:,} steps", *_columns(connections), *_columns(populations)]
    if stored:
        lines.append("  Stored weights of zero are priced as synaptic operations.")
    if messages is not None:
        lines.append("  Spikes are priced as the messages that a placement makes of them, in the network as a whole.")
    lines += ["", energy_table({"network": pricing.estimate(events)}, spreads={"network": pricing.spread(events)})]
    normalisation = sum(c.normalisation_ops for c in counts.connections)
    if normalisation:
        lines += _wrapped(f"Without a price: {normalisation:,} operations of weight normalisation.")
    if counts.off_chip:
        lines += _wrapped(f"Input, output and host, of which only spikes count: {', '.join(counts.off_chip)}.")
    for name, reason in counts.not_counted.items():
        lines += _wrapped(f"NOT COUNTED: {name}: {reason}.")
    return "\n".join(lines)


def _pj(part: EnergyEstimate) -> str:
    """The energy of a row; where nothing that happened has a price, that there is none."""
    return "-" if part.unpriced_events and not part.total_pj else f"{part.total_pj:,.1f}"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right; nothing for a heading alone."""
    if len(rows) == 1:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *(t.rjust(w) for t, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
