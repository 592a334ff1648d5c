"""What a network of stock Processes is: integers that Lava's LIF and Dense take as they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lavaprune.proc_models.stock_arithmetic import (
    ALIGN_BITS,
    BIAS_EXP_MAX,
    BIAS_MANT_MAX,
    DECAY_MAX,
    EXCITATORY_MAX,
    MIXED_MAX,
    MIXED_MIN,
    VTH_MAX,
    WEIGHT_EXP_MAX,
    WEIGHT_EXP_MIN,
)
from lavaprune.processes.checks import checked_array, checked_count

OWNER = "stock network"


@dataclass(frozen=True, eq=False)
class StockNetwork:
    """Input -> Dense -> LIF, and a lateral Dense from the LIF back to itself where there is one. I inputs, N neurons.

    Attributes
    ----------
    weights : (N, I) ndarray of int32
        Of the Dense from the input: 0..255 if none is negative, else even numbers -256..254.
    weight_exp : int
        -8..7; the Dense sends ``floor(sum * 2**weight_exp)``.
    lateral : (N, N) ndarray of int32
        To row from column, -255..0; all 0: there is no lateral Dense.
    lateral_exp : int
        -8..7.
    du, dv : int
        Decays of the LIF's current, by ``(du + 1) / 4096`` per step, and voltage, by ``dv / 4096``; 0..4095.
    vth : int
        Threshold, 1..131071, the same for all (stock LIF has one).
    bias_mant : (N,) ndarray of int32
        -4095..4095.
    bias_exp : int
        0..7; a step adds ``bias_mant * 2**bias_exp`` in units of the voltage, of which vth has 2**6.
    steps, rest_steps : int
        Steps of an image, and silent ones between two images, in which the voltages go back to rest.
    neuron_labels : (N,) ndarray of int64, optional
        Class of each neuron, -1: none.

    Raises
    ------
    ValueError
        Naming the quantity, its value and the range that Loihi has for it.
    """

    weights: npt.NDArray[np.int32]
    weight_exp: int
    lateral: npt.NDArray[np.int32]
    lateral_exp: int
    du: int
    dv: int
    vth: int
    bias_mant: npt.NDArray[np.int32]
    bias_exp: int
    steps: int
    rest_steps: int
    neuron_labels: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        shape = np.shape(self.weights)
        if len(shape) != 2:
            raise ValueError(f"{OWNER}: weights have shape {shape}; allowed: (neurons, inputs)")
        n = shape[0]
        is_mixed = bool((np.asarray(self.weights) < 0).any())
        low, high = (MIXED_MIN, MIXED_MAX) if is_mixed else (0, EXCITATORY_MAX)
        for name, wanted, least, most in (
            ("weights", shape, low, high),
            ("lateral", (n, n), -EXCITATORY_MAX, 0),
            ("bias_mant", (n,), -BIAS_MANT_MAX, BIAS_MANT_MAX),
        ):
            object.__setattr__(
                self, name, checked_array(OWNER, name, getattr(self, name), wanted, least, most, np.int32)
            )
        if is_mixed and (self.weights % 2).any():
            raise ValueError(f"{OWNER}: weights of both signs are odd; allowed: even numbers {low} .. {high}")
        for name, least, most in (
            ("weight_exp", WEIGHT_EXP_MIN, WEIGHT_EXP_MAX),
            ("lateral_exp", WEIGHT_EXP_MIN, WEIGHT_EXP_MAX),
            ("du", 0, DECAY_MAX),
            ("dv", 0, DECAY_MAX),
            ("vth", 1, VTH_MAX),
            ("bias_exp", 0, BIAS_EXP_MAX),
            ("steps", 1, 100_000),
            ("rest_steps", 1, 100_000),
        ):
            object.__setattr__(self, name, checked_count(OWNER, name, getattr(self, name), least, most))
        labels = self.neuron_labels if len(self.neuron_labels) else np.full(n, -1)
        object.__setattr__(self, "neuron_labels", checked_array(OWNER, "labels", labels, (n,), -1, 255, np.int64))

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[1])

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return int(self.weights.shape[0])

    @property
    def has_lateral(self) -> bool:
        """Whether neurons inhibit each other."""
        return bool(self.lateral.any())

    @property
    def period(self) -> int:
        """Steps from the start of one image to that of the next."""
        return self.steps + self.rest_steps

    @property
    def bias(self) -> npt.NDArray[np.int64]:
        """What each step adds to the voltages, (N,), in their unit."""
        return self.bias_mant.astype(np.int64) << self.bias_exp

    @property
    def threshold(self) -> int:
        """The threshold in the unit of the voltage."""
        return self.vth << ALIGN_BITS
