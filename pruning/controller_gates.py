"""What the pruning controller takes in digital gates and memories (Guo et al. 2020, Table 5)."""

from __future__ import annotations

from dataclasses import dataclass

from lavaprune.pruning.controller_cost import check_sizes

NAND_PER_ADDER, NAND_PER_COMPARATOR, NAND_PER_REGISTER_BIT = 144, 256, 5
"""Equivalent NAND gates of a 16-bit adder, a 16-bit comparator and a register bit: those that solve Table 5's total,
8,284 = 4 x 144 + 18 x 256 + 620 x 5. The paper does not list them."""

ADDERS = 4
_COMPARATORS, _REGISTER_BITS, _GROUPS = 18, 620, 20  # of Table 5
COUNT_BITS, THRESHOLD_BITS = 16, 24
"""Of a neuron's spike count, and of its threshold (16 bits before the point and 8 behind)."""
BRAM_BITS = 18 * 1024


@dataclass(frozen=True)
class ControllerGates:
    """Parts of the pruning controller.

    Attributes
    ----------
    adders, comparators, register_bits : int
    brams : int
        Block RAMs of 18 Kbit for spike counts and thresholds.
    flag_bits : int
        One for each weight, attached to the weight memory: whether it was pruned. In no other number.
    """

    adders: int
    comparators: int
    register_bits: int
    brams: int
    flag_bits: int

    @property
    def nand_by_part(self) -> dict[str, int]:
        """Equivalent NAND gates by part."""
        return {
            "adder": self.adders * NAND_PER_ADDER,
            "comparator": self.comparators * NAND_PER_COMPARATOR,
            "register bit": self.register_bits * NAND_PER_REGISTER_BIT,
        }

    @property
    def nand(self) -> int:
        """Equivalent NAND gates."""
        return sum(self.nand_by_part.values())


def controller_gates(n_inputs: int, n_neurons: int, n_groups: int) -> ControllerGates:
    """Gates and memories for I inputs, N neurons and G groups.

    For I = 784, N = 100, G = 20 this is Table 5: 4 adders, 18 comparators, 620 register bits, 8,284 NAND gates and
    2 block RAMs. How the parts grow is not published. Ours: adders stay, comparators and register bits follow the
    number of groups in proportion (rounded up; at least those of one group), and counts (16 bits for each neuron) and
    thresholds (24) have block RAMs of their own, as many as they fill.

    Parameters, errors and the meaning of 0 groups (one threshold for all) are those of
    `controller_cost.controller_operations`.
    """
    check_sizes(n_inputs, n_neurons, n_groups)
    groups = max(1, n_groups)
    return ControllerGates(
        adders=ADDERS,
        comparators=-(-_COMPARATORS * groups // _GROUPS),
        register_bits=-(-_REGISTER_BITS * groups // _GROUPS),
        brams=sum(-(-n_neurons * bits // BRAM_BITS) for bits in (COUNT_BITS, THRESHOLD_BITS)),
        flag_bits=n_inputs * n_neurons,
    )
