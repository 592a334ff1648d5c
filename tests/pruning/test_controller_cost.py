"""The controller's cost against Table 4 of Guo et al. 2020."""

from __future__ import annotations

import pytest

from lavaprune.pruning.controller_cost import PhaseCost, controller_cycles, controller_operations
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.schedule import PruningSchedule


def test_table_4_of_the_paper() -> None:
    operations = controller_operations(n_inputs=784, n_neurons=100, n_groups=20)
    cycles = controller_cycles(n_inputs=784, n_neurons=100, n_groups=20)
    assert operations == PhaseCost(400, 1_100, 156_800)
    assert operations.total == 158_300
    assert cycles == PhaseCost(120, 2_000, 78_400)
    assert cycles.total == 80_520


@pytest.mark.parametrize(("batch", "cycles", "operations"), [(100, 404, 794), (5_000, 9, 18)])
def test_table_4_averages_per_image(batch: int, cycles: int, operations: int) -> None:
    events = PruningSchedule(start=30_000, batch=batch, train_images=60_000).n_events
    assert round(controller_cycles(784, 100, 20).per_image(events=events, images=60_000)) == cycles
    assert round(controller_operations(784, 100, 20).per_image(events=events, images=60_000)) == operations


def test_without_groups_only_weights_are_visited() -> None:
    assert controller_operations(64, 10, 0) == PhaseCost(0, 0, 1280)
    assert controller_cycles(64, 10, 0) == PhaseCost(0, 0, 640)


def test_odd_numbers_round_up() -> None:
    assert controller_operations(1, 3, 5).adapting == 3 + 8  # 3 + 15 / 2


def test_bad_sizes() -> None:
    with pytest.raises(PruningError, match="neurons is 0; allowed: at least 1"):
        controller_operations(784, 0, 1)
    with pytest.raises(PruningError, match="groups is -1"):
        controller_cycles(784, 1, -1)
    with pytest.raises(PruningError, match="0 images|in 0"):
        controller_cycles(784, 1, 1).per_image(events=1, images=0)
