"""Static power over time: how long the events take, and what the chip draws meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.hardware_profile import HardwareProfile

MAX_STEP_TIME_US = 1e9
"""Longest time step, 1000 s."""

FROM_LATENCIES = "published latencies, every event after the other, and one barrier a step"


@dataclass(frozen=True)
class StaticPower:
    """That static power is wanted, and the time of a step.

    Attributes
    ----------
    step_time_us : float or None
        In us, above 0 and up to `MAX_STEP_TIME_US`; None: the profile's own, or else from its published latencies.

    Raises
    ------
    ProfileError
        If the time is out of range.
    """

    step_time_us: float | None = None

    def __post_init__(self) -> None:
        time = self.step_time_us
        if time is not None and not 0 < time <= MAX_STEP_TIME_US:
            raise ProfileError(f"step time is {time!r} us; allowed: above 0, up to {MAX_STEP_TIME_US:g}")

    def time_us(self, events: HardwareEvents, profile: HardwareProfile) -> tuple[float, str]:
        """Return the time that the events take in us, and where it is from.

        Published latencies add up as if one core did everything, one event after the other: an upper limit for the
        busiest core, on which all cores wait. Events without a published latency take no time.

        Raises
        ------
        ProfileError
            If the time is not given and the profile has neither a time of its own nor latencies.
        """
        if self.step_time_us is not None:
            return events.steps * self.step_time_us, f"given: {self.step_time_us:g} us a step"
        if profile.step_time_us is not None:
            return events.steps * profile.step_time_us.value, profile.step_time_us.source
        times_ns = {key: price.time_ns for key, price in profile.prices.items() if price.time_ns is not None}
        if not times_ns:
            raise ProfileError(
                f"hardware profile {profile.name}: no step time, no latencies; allowed: a step time given"
            )
        counts = events.to_dict()
        barrier_ns = profile.barrier_ns.value if profile.barrier_ns is not None else 0.0
        total_ns = math.fsum([events.steps * barrier_ns, *(counts[key] * time for key, time in times_ns.items())])
        return total_ns / 1e3, FROM_LATENCIES

    def energy_pj(self, events: HardwareEvents, profile: HardwareProfile) -> float:
        """Return the profile's static power times the time of the events, in pJ; linear in the counts.

        Raises
        ------
        ProfileError
            If the profile states no static power, or for `time_us`'s reason.
        """
        power = profile.static_power_mw
        if power is None:
            raise ProfileError(f"hardware profile {profile.name}: states no static power; allowed: one that does")
        # mW us = nJ
        return power.value * self.time_us(events, profile)[0] * 1e3
