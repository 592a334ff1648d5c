"""Event counts times cited energies: the event-model dynamic energy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.hardware_profile import HardwareProfile
from lavaprune.energy.static_power import StaticPower

ENERGY_LABEL = "event-model dynamic energy"
"""What every number of this module is; printed with it."""

STATIC_POWER = "static_power"
"""Component that is there only where static power over time was asked for."""


@dataclass(frozen=True)
class EnergyEstimate:
    """Energy of some events on one piece of hardware.

    Attributes
    ----------
    profile : HardwareProfile
        Whose prices were used.
    components_pj : dict of str to float
        Energy by event, in pJ: every event that the profile prices, in a fixed order; last, if asked for,
        `STATIC_POWER`.
    unpriced_events : dict of str to int
        Counts above 0 that the profile has no price for, and that the total therefore lacks. Those whose energy is
        within another price (`HardwareProfile.included`) are not among them.
    """

    profile: HardwareProfile
    components_pj: dict[str, float]
    unpriced_events: dict[str, int]

    @property
    def label(self) -> str:
        """What the total is."""
        return f"{ENERGY_LABEL} and static power" if STATIC_POWER in self.components_pj else ENERGY_LABEL

    @property
    def total_pj(self) -> float:
        """Sum of the components in pJ, rounded once."""
        return math.fsum(self.components_pj.values())

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output holds: what it is, profile, total, components, and what is missing."""
        return {
            "label": self.label,
            "profile": self.profile.name,
            "chip": self.profile.chip,
            "qualities": list(self.profile.qualities),
            "total_pj": self.total_pj,
            "components_pj": dict(self.components_pj),
            "unpriced_events": dict(self.unpriced_events),
        }


def estimate_energy(
    events: HardwareEvents, profile: HardwareProfile, static: StaticPower | None = None
) -> EnergyEstimate:
    """Price events: each component is its count times the profile's energy per event.

    The estimate is linear in the counts: no events cost 0 pJ, and the energies of two sets of events add up.

    Parameters
    ----------
    events : HardwareEvents
        Counts of one phase, of one image, of a whole run: of anything.
    profile : HardwareProfile
        Cited energies.
    static : StaticPower, optional
        By default static power is left out, as event models do.

    Returns
    -------
    EnergyEstimate
        In pJ.

    Raises
    ------
    ProfileError
        If static power is asked for and the profile does not state it.
    """
    counts = events.to_dict()
    components_pj = {key: counts[key] * price.value_pj for key, price in profile.prices.items()}
    if static is not None:
        components_pj[STATIC_POWER] = static.energy_pj(events, profile)
    # Time steps are no event of their own: unless a profile prices them (a barrier, say) nothing is missing.
    covered = {*profile.prices, *profile.included, "steps"}
    unpriced = {key: n for key, n in counts.items() if n and key not in covered}
    return EnergyEstimate(profile, components_pj, unpriced)
