"""Section "Implementation Overhead" of Guo et al. 2020: the pruning controller for any network, batch and groups."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lavaprune.pruning.controller_cost import PhaseCost, controller_cycles, controller_operations
from lavaprune.pruning.controller_gates import ControllerGates, controller_gates
from lavaprune.pruning.schedule import PruningSchedule

OPERATION_PJ = 0.5
"""Energy of a controller operation, pJ: each is priced as one access to an SRAM cell in 14 nm (Yang et al. 2016)."""


@dataclass(frozen=True)
class ControllerOverhead:
    """Tables 4 and 5 for one network and schedule.

    Attributes
    ----------
    n_inputs, n_neurons, n_groups : int
        I, N and G.
    schedule : PruningSchedule
    cycles, operations : PhaseCost
        Of one pruning event.
    gates : ControllerGates
    """

    n_inputs: int
    n_neurons: int
    n_groups: int
    schedule: PruningSchedule
    cycles: PhaseCost
    operations: PhaseCost
    gates: ControllerGates

    def per_image(self, cost: PhaseCost) -> float:
        """Average of `cost` per training image, those before the first event included."""
        return cost.per_image(events=self.schedule.n_events, images=self.schedule.train_images)

    @property
    def energy_pj_per_image(self) -> float:
        """Energy of the controller's operations per training image, each at `OPERATION_PJ`."""
        return self.per_image(self.operations) * OPERATION_PJ

    def to_dict(self) -> dict[str, object]:
        """Return what JSON output holds."""
        costs = {"cycles": self.cycles, "operations": self.operations}
        return {
            "inputs": self.n_inputs,
            "neurons": self.n_neurons,
            "groups": self.n_groups,
            "start": self.schedule.start,
            "batch": self.schedule.batch,
            "images": self.schedule.train_images,
            "events": self.schedule.n_events,
            **{
                name: {**asdict(cost), "total": cost.total, "per_image": self.per_image(cost)}
                for name, cost in costs.items()
            },
            "operation_pj": OPERATION_PJ,
            "energy_pj_per_image": self.energy_pj_per_image,
            "gates": {**asdict(self.gates), "nand": self.gates.nand},
        }


def controller_overhead(n_inputs: int, n_neurons: int, n_groups: int, schedule: PruningSchedule) -> ControllerOverhead:
    """Compute the overhead by the formulas of `controller_cost` and `controller_gates`.

    Parameters
    ----------
    n_inputs, n_neurons : int
        At least 1.
    n_groups : int
        At least 0: none, one threshold for all neurons.
    schedule : PruningSchedule
        Of at least one training image.

    Raises
    ------
    PruningError
        If a size is out of range.
    """
    size = (n_inputs, n_neurons, n_groups)
    return ControllerOverhead(
        *size, schedule, controller_cycles(*size), controller_operations(*size), controller_gates(*size)
    )
