"""A conventional network of equal size, to compare with: one pass through one fully connected layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lavaprune.energy.checks import checked_count
from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_profile import HardwareProfile

MULTIPLY_ACCUMULATE, MEMORY_ACCESS = "multiply_accumulate", "memory_access"


@dataclass(frozen=True)
class ConventionalEstimate:
    """What one image costs a conventional network of I inputs and N neurons.

    Attributes
    ----------
    profile : HardwareProfile
        Whose prices were used.
    counts : dict of str to int
        Multiply-accumulates and memory accesses.
    components_pj : dict of str to float
        The same, priced, in pJ.
    """

    profile: HardwareProfile
    counts: dict[str, int]
    components_pj: dict[str, float]

    @property
    def total_pj(self) -> float:
        """Sum of the components in pJ, rounded once."""
        return math.fsum(self.components_pj.values())

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output holds."""
        return {
            "profile": self.profile.name,
            "counts": dict(self.counts),
            "components_pj": dict(self.components_pj),
            "total_pj": self.total_pj,
        }


def conventional_layer(n_inputs: int, n_neurons: int, profile: HardwareProfile) -> ConventionalEstimate:
    """Price one pass of one image through a dense, unpruned layer that does not spike.

    I N multiply-accumulates; I N weights and I inputs are read and N outputs written, once each: sums stay in
    registers. No training, no time steps, and nothing is skipped where an input is 0.

    Parameters
    ----------
    n_inputs, n_neurons : int
        I and N, at least 0.
    profile : HardwareProfile
        One that prices both operations (`HardwareProfile.conventional`).

    Raises
    ------
    CountsError
        If a size is no count.
    ProfileError
        If the profile is no reference for conventional networks.
    """
    inputs = checked_count("conventional network", "inputs", n_inputs)
    neurons = checked_count("conventional network", "neurons", n_neurons)
    if not profile.conventional:
        raise ProfileError(
            f"hardware profile {profile.name}: has no conventional_pj; allowed: a reference for conventional networks"
        )
    counts = {MULTIPLY_ACCUMULATE: inputs * neurons, MEMORY_ACCESS: inputs * neurons + inputs + neurons}
    components_pj = {key: count * profile.conventional[key].value_pj for key, count in counts.items()}
    return ConventionalEstimate(profile, counts, components_pj)
