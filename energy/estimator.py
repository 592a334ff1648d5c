"""Event counts times cited energies: the event-model dynamic energy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.profile import HardwareProfile

ENERGY_LABEL = "event-model dynamic energy"
"""What every number of this module is; printed with it."""


@dataclass(frozen=True)
class EnergyEstimate:
    """Energy of some events on one piece of hardware.

    Attributes
    ----------
    profile : HardwareProfile
        Whose prices were used.
    components_pj : dict of str to float
        Energy by event, in pJ: every event that the profile prices, in a fixed order.
    unpriced_events : dict of str to int
        Counts above 0 that the profile has no price for, and that the total therefore lacks.
    """

    profile: HardwareProfile
    components_pj: dict[str, float]
    unpriced_events: dict[str, int]

    @property
    def total_pj(self) -> float:
        """Sum of the components in pJ, rounded once."""
        return math.fsum(self.components_pj.values())

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output holds: what it is, profile, total, components, and what is missing."""
        return {
            "label": ENERGY_LABEL,
            "profile": self.profile.name,
            "chip": self.profile.chip,
            "qualities": list(self.profile.qualities),
            "total_pj": self.total_pj,
            "components_pj": dict(self.components_pj),
            "unpriced_events": dict(self.unpriced_events),
        }


def estimate_energy(events: HardwareEvents, profile: HardwareProfile) -> EnergyEstimate:
    """Price events: each component is its count times the profile's energy per event.

    The estimate is linear in the counts: no events cost 0 pJ, and the energies of two sets of events add up.

    Parameters
    ----------
    events : HardwareEvents
        Counts of one phase, of one image, of a whole run: of anything.
    profile : HardwareProfile
        Cited energies.

    Returns
    -------
    EnergyEstimate
        In pJ.
    """
    counts = events.to_dict()
    components_pj = {key: counts[key] * price.value_pj for key, price in profile.prices.items()}
    # Time steps are no event of their own: unless a profile prices them (a barrier, say) nothing is missing.
    unpriced = {key: n for key, n in counts.items() if n and key not in profile.prices and key != "steps"}
    return EnergyEstimate(profile, components_pj, unpriced)
