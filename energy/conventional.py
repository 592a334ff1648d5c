"""A conventional network of equal size, to compare with: one pass through its layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lavaprune.energy.checks import checked_count
from lavaprune.energy.errors import ProfileError
from lavaprune.energy.hardware_profile import HardwareProfile

MULTIPLY_ACCUMULATE, MEMORY_ACCESS = "multiply_accumulate", "memory_access"


@dataclass(frozen=True)
class DenseLayer:
    """A layer that does not spike; every attribute is a count.

    Attributes
    ----------
    multiply_accumulates : int
    weights, inputs, outputs : int
        Words of each.
    """

    multiply_accumulates: int
    weights: int
    inputs: int
    outputs: int


@dataclass(frozen=True)
class ConventionalEstimate:
    """What one image costs a conventional network.

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

    I N multiply-accumulates; the rest is `conventional_network`'s.

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
    return conventional_network([DenseLayer(inputs * neurons, inputs * neurons, inputs, neurons)], profile)


def conventional_network(layers: Sequence[DenseLayer], profile: HardwareProfile) -> ConventionalEstimate:
    """Price one pass of one image through dense, unpruned layers that do not spike.

    Weights and inputs are read and outputs written, once each: sums stay in registers, a kernel's weights too. No
    training, no time steps, and nothing is skipped where an input is 0.

    Parameters
    ----------
    layers : sequence of DenseLayer
    profile : HardwareProfile
        One that prices both operations (`HardwareProfile.conventional`).

    Raises
    ------
    ProfileError
        If the profile is no reference for conventional networks.
    """
    if not profile.conventional:
        raise ProfileError(
            f"hardware profile {profile.name}: has no conventional_pj; allowed: a reference for conventional networks"
        )
    counts = {
        MULTIPLY_ACCUMULATE: sum(layer.multiply_accumulates for layer in layers),
        MEMORY_ACCESS: sum(layer.weights + layer.inputs + layer.outputs for layer in layers),
    }
    components_pj = {key: count * profile.conventional[key].value_pj for key, count in counts.items()}
    return ConventionalEstimate(profile, counts, components_pj)
