"""What the pruning controller itself costs: clock cycles and basic operations (Guo et al. 2020, Table 4)."""

from __future__ import annotations

from dataclasses import dataclass

from lavaprune.pruning.errors import PruningError


@dataclass(frozen=True)
class PhaseCost:
    """Clock cycles or basic operations of one pruning event, by phase.

    Attributes
    ----------
    grouping : int
        Finding the range of spike counts and cutting it into groups.
    adapting : int
        Placing every neuron in its group and giving it the group's threshold.
    weight_pruning : int
        Reading every weight and comparing it with its neuron's threshold.
    """

    grouping: int
    adapting: int
    weight_pruning: int

    @property
    def total(self) -> int:
        """Sum over the phases."""
        return self.grouping + self.adapting + self.weight_pruning

    def per_image(self, *, events: int, images: int) -> float:
        """Average per training image; Table 4 divides by all images, those before the first event included."""
        if events < 0 or images < 1:
            raise PruningError(
                f"controller cost: {events} events in {images} images; allowed: at least 0 in at least 1"
            )
        return self.total * events / images


def controller_operations(n_inputs: int, n_neurons: int, n_groups: int) -> PhaseCost:
    """Basic operations (memory access, comparison, addition) of one event.

    ============== ======================= =============================================================
    phase          operations              why
    ============== ======================= =============================================================
    grouping       4 N                     read, compare with minimum, compare with maximum, count
    adapting       N + N G / 2, rounded up one access, and G / 2 comparisons on average, for each neuron
    weight pruning 2 I N                   one access and one comparison for each weight
    ============== ======================= =============================================================

    Without groups (one threshold for all neurons: `n_groups` = 0) only the weights are visited. For I = 784,
    N = 100, G = 20 this is Table 4's 400 + 1,100 + 156,800. Upper limits: already removed weights are visited.

    Parameters
    ----------
    n_inputs, n_neurons : int
        I and N, at least 1.
    n_groups : int
        G, at least 0.

    Raises
    ------
    PruningError
        If a size is out of range.
    """
    check_sizes(n_inputs, n_neurons, n_groups)
    if n_groups == 0:
        return PhaseCost(0, 0, 2 * n_inputs * n_neurons)
    adapting = n_neurons + (n_neurons * n_groups + 1) // 2
    return PhaseCost(4 * n_neurons, adapting, 2 * n_inputs * n_neurons)


def controller_cycles(n_inputs: int, n_neurons: int, n_groups: int) -> PhaseCost:
    """Clock cycles of one event in a controller without parallelism: N + G, N G and I N.

    For I = 784, N = 100, G = 20 these are Table 4's 120 + 2,000 + 78,400. Parameters, the case of no groups
    and errors are those of `controller_operations`.
    """
    check_sizes(n_inputs, n_neurons, n_groups)
    if n_groups == 0:
        return PhaseCost(0, 0, n_inputs * n_neurons)
    return PhaseCost(n_neurons + n_groups, n_neurons * n_groups, n_inputs * n_neurons)


def check_sizes(n_inputs: int, n_neurons: int, n_groups: int) -> None:
    """Raise PruningError if there is not at least one input and one neuron, or a negative number of groups."""
    for name, value, low in (("inputs", n_inputs, 1), ("neurons", n_neurons, 1), ("groups", n_groups, 0)):
        if value < low:
            raise PruningError(f"controller cost: {name} is {value}; allowed: at least {low}")
