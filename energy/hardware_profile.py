"""What a hardware profile holds: cited energies per event, each with its source and quality."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from lavaprune.energy.errors import ProfileError

QUALITIES: tuple[str, ...] = ("measured", "fitted", "simulated", "proxy")
"""How a number came about; `proxy` is one borrowed from something else, or put together from such numbers."""

MAX_UPDATE_FACTOR = 1e6
"""Largest factor between an update of a learning rule and the published one."""


@dataclass(frozen=True)
class Cited:
    """A number with its source: a power in mW or a time, as the attribute that holds it says.

    Attributes
    ----------
    value : float
        At least 0.
    quality : str
        One of `QUALITIES`.
    source : str
        Where the number stands.
    """

    value: float
    quality: str
    source: str


@dataclass(frozen=True)
class Price:
    """Energy of one event.

    Attributes
    ----------
    value_pj : float
        In pJ, 0 .. `profile_file.MAX_PRICE_PJ`.
    quality : str
        One of `QUALITIES`.
    source : str
        Where the number stands.
    parts_pj : mapping of str to float
        What `value_pj` is the sum of, in pJ; empty where the source gives the number itself.
    time_ns : float or None
        What the event takes by the same source, in ns.
    """

    value_pj: float
    quality: str
    source: str
    parts_pj: Mapping[str, float] = field(default_factory=dict)
    time_ns: float | None = None


@dataclass(frozen=True)
class HardwareProfile:
    """Cited energies per event of one piece of hardware.

    Attributes
    ----------
    name, chip, title : str
        Identifier, chip it describes (profiles of one chip are compared with each other), one line for people.
    conditions : str
        How the numbers were obtained (voltage, technology, simulation or measurement).
    caveat, unpriced : str
        A reality check to print near any total; what the profile leaves out.
    prices : mapping of str to Price
        By event (`EVENT_KEYS`). Events without a published price are absent.
    included : tuple of str
        Events without a price of their own because a measured price of another event contains them.
    conventional : mapping of str to Price
        ``multiply_accumulate`` and ``memory_access`` of a conventional network (`lavaprune.energy.conventional`);
        empty where the profile is no reference for one.
    static_power_mw : Cited or None
        What the chip draws without any event.
    step_time_us, barrier_ns : Cited or None
        Duration of a time step where the hardware fixes it; else the synchronisation at the end of one.
    update_factor : float
        What the published energy of a synaptic update was multiplied by (see `with_update_factor`).
    """

    name: str
    chip: str
    title: str
    conditions: str
    caveat: str
    unpriced: str
    prices: Mapping[str, Price]
    included: tuple[str, ...] = ()
    conventional: Mapping[str, Price] = field(default_factory=dict)
    static_power_mw: Cited | None = None
    step_time_us: Cited | None = None
    barrier_ns: Cited | None = None
    update_factor: float = 1.0

    @property
    def qualities(self) -> tuple[str, ...]:
        """Qualities that occur among the prices, best first."""
        present = {price.quality for price in self.prices.values()}
        return tuple(quality for quality in QUALITIES if quality in present)

    def with_update_factor(self, factor: float) -> HardwareProfile:
        """Return the profile with `factor` times the price of a synaptic update.

        Published is the update of a pairwise rule; what a triplet rule costs more is not, so the factor is the user's
        assumption. A profile without that price is returned as it is.

        Raises
        ------
        ProfileError
            If `factor` is not a number 0 .. `MAX_UPDATE_FACTOR`.
        """
        if not 0 <= factor <= MAX_UPDATE_FACTOR:  # NaN too
            raise ProfileError(f"update factor is {factor!r}; allowed: a number 0 .. {MAX_UPDATE_FACTOR:g}")
        price = self.prices.get("synaptic_updates")
        if price is None or factor == 1.0:
            return self
        scaled = replace(
            price,
            value_pj=factor * price.value_pj,
            quality="proxy",
            source=f"{factor:g} (assumed) times: {price.source}",
            parts_pj=MappingProxyType({name: factor * value for name, value in price.parts_pj.items()}),
        )
        prices = MappingProxyType({**self.prices, "synaptic_updates": scaled})
        return replace(self, prices=prices, update_factor=factor * self.update_factor)


def sums_up(value: float, parts: Mapping[str, float]) -> bool:
    """Whether parts add up to a value, to a billionth."""
    return math.isclose(value, math.fsum(parts.values()), rel_tol=1e-9, abs_tol=1e-12)
