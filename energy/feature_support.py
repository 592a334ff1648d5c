"""What of a network does not map onto a chip, and why."""

from __future__ import annotations

from dataclasses import dataclass

from lavaprune.energy.chip import Chip
from lavaprune.energy.core_fit import CoreFit
from lavaprune.energy.network_description import NetworkDescription

AS_IT_IS = ("maps", "microcode")
"""Statuses of what a chip's neuron cores can do; everything else is unsupported there."""


@dataclass(frozen=True)
class Finding:
    """One feature that a network asks for: who asks, how it maps (`chip.FEATURE_STATUSES`), why, and the source."""

    feature: str
    needed_by: tuple[str, ...]
    status: str
    reason: str
    source: str

    def to_dict(self) -> dict[str, object]:
        """What JSON output holds."""
        return {
            "feature": self.feature,
            "needed_by": list(self.needed_by),
            "status": self.status,
            "reason": self.reason,
            "source": self.source,
        }


def feature_findings(network: NetworkDescription, chip: Chip) -> list[Finding]:
    """How each feature that the network asks for maps onto the chip, in the order of the chip's file."""
    needed: dict[str, list[str]] = {}
    asking = [(population.name, population.features) for population in network.populations]
    asking += [(connection.name, connection.features) for connection in network.connections]
    for name, features in (*asking, ("network", network.features)):
        for feature in features:
            needed.setdefault(feature, []).append(name)
    known = list(chip.features)
    names = sorted(needed, key=lambda name: known.index(name) if name in known else len(known))
    found = []
    for name in names:
        support = chip.support(name)
        found.append(Finding(name, tuple(needed[name]), support.status, support.reason, support.source))
    return found


def limit_findings(fit: CoreFit) -> list[Finding]:
    """Limits that the network breaks however its neurons are split, as findings."""
    cores = ", ".join(fit.cores_by_group)
    return [
        Finding(
            feature=each.resource,
            needed_by=(cores,),
            status="no",
            reason=(
                f"a core needs {each.needed:,} and has {each.limit:,}, {each.needed / each.limit - 1:.0%} too many; "
                "splitting neurons over more cores does not help, as it grows with the fan-in or fan-out of a neuron"
            ),
            source=fit.chip.numbers[
                "memory_bits_per_core" if each.resource == "synaptic_memory" else f"{each.resource}_per_core"
            ].source,
        )
        for each in fit.exceeded
    ]
