"""The range of an estimate over all profiles of one chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import STATIC_POWER, estimate_energy
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.hardware_profile import HardwareProfile
from lavaprune.energy.static_power import StaticPower


@dataclass(frozen=True)
class Spread:
    """Totals of the same events by every profile of a chip.

    Attributes
    ----------
    chip : str
    totals_pj : dict of str to float
        By profile.
    lacking : dict of str to tuple of str
        Profiles that have no price for something that was counted, and for what.
    """

    chip: str
    totals_pj: dict[str, float]
    lacking: dict[str, tuple[str, ...]]

    @property
    def compared(self) -> dict[str, float]:
        """Totals that the range is made of: without those of profiles that lack more than another one does."""
        lacking = {name: set(self.lacking.get(name, ())) for name in self.totals_pj}
        return {
            name: pj
            for name, pj in self.totals_pj.items()
            if not any(other < lacking[name] for other in lacking.values())
        }

    @property
    def low_pj(self) -> float:
        """Lowest total compared."""
        return min(self.compared.values())

    @property
    def high_pj(self) -> float:
        """Highest total compared."""
        return max(self.compared.values())

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output holds."""
        return {
            "chip": self.chip,
            "low": self.low_pj,
            "high": self.high_pj,
            "profiles": dict(self.totals_pj),
            "lacking": {name: list(events) for name, events in self.lacking.items()},
        }


def spread_over(
    events: HardwareEvents, profiles: Sequence[HardwareProfile], static: StaticPower | None = None
) -> Spread:
    """Price events with several profiles of one chip.

    Parameters
    ----------
    events : HardwareEvents
    profiles : sequence of HardwareProfile
        At least one, all of the same chip.
    static : StaticPower, optional
        As of `estimate_energy`; a profile that does not state it counts as lacking it.

    Raises
    ------
    EnergyError
        If there is no profile, or they are of several chips.
    """
    chips = sorted({profile.chip for profile in profiles})
    if len(chips) != 1:
        raise EnergyError(f"range over profiles: profiles of {len(chips)} chips given; allowed: of one chip")
    totals, lacking = {}, {}
    for profile in profiles:
        wanted = static if static is not None and profile.static_power_mw is not None else None
        estimate = estimate_energy(events, profile, wanted)
        missing = (*estimate.unpriced_events, *([STATIC_POWER] if static is not None and wanted is None else []))
        totals[profile.name] = estimate.total_pj
        if missing:
            lacking[profile.name] = missing
    return Spread(chips[0], totals, lacking)
