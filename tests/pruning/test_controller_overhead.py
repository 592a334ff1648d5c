"""Gates and the whole overhead against Table 5, the text and numbers worked out by hand for other sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.pruning.controller_gates import ControllerGates, controller_gates
from lavaprune.pruning.controller_overhead import controller_overhead
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.schedule import PruningSchedule


def test_table_5_of_the_paper() -> None:
    gates = controller_gates(784, 100, 20)
    assert gates == ControllerGates(adders=4, comparators=18, register_bits=620, brams=2, flag_bits=78_400)
    assert gates.nand_by_part == {"adder": 576, "comparator": 4_608, "register bit": 3_100}
    assert gates.nand == 8_284


def test_other_sizes_by_hand() -> None:
    # Counts of 800 neurons, 16 bits each, are 12,800 bits: one block RAM of 18,432. Thresholds, 24 bits, 19,200: two.
    assert controller_gates(784, 800, 20).brams == 3
    # 7 groups: 18 x 7 / 20 = 6.3 comparators and 620 x 7 / 20 = 217 register bits
    gates = controller_gates(10, 10, 7)
    assert (gates.comparators, gates.register_bits) == (7, 217)
    assert gates.nand == 4 * 144 + 7 * 256 + 217 * 5
    assert controller_gates(10, 10, 0) == controller_gates(10, 10, 1)


def test_energy_that_the_papers_own_numbers_give() -> None:
    """158,300 operations at 301 events in 60,000 images: 794 an image, 0.40 nJ; the text prints 3.4."""
    overhead = controller_overhead(784, 100, 20, PruningSchedule(30_000, 100, 60_000))
    assert round(overhead.per_image(overhead.operations)) == 794
    assert overhead.energy_pj_per_image == pytest.approx(158_300 * 301 / 60_000 * 0.5)
    assert round(overhead.energy_pj_per_image / 1e3, 2) == 0.40


def test_any_size_by_hand() -> None:
    # 50 inputs, 8 neurons, 5 groups; events at 10, 14, 18 of 20 images
    found = controller_overhead(50, 8, 5, PruningSchedule(10, 4, 20)).to_dict()
    assert found["events"] == 3
    cycles = {"grouping": 13, "adapting": 40, "weight_pruning": 400, "total": 453, "per_image": 453 * 3 / 20}
    assert found["cycles"] == cycles
    operations = {"grouping": 32, "adapting": 28, "weight_pruning": 800, "total": 860, "per_image": 129.0}
    assert found["operations"] == operations
    assert found["energy_pj_per_image"] == 64.5


@given(st.integers(1, 2000), st.integers(1, 2000), st.integers(0, 100))
def test_more_of_anything_never_takes_less(inputs: int, neurons: int, groups: int) -> None:
    schedule = PruningSchedule(1, 1, 10)
    small = controller_overhead(inputs, neurons, groups, schedule)
    for bigger in ((inputs + 1, neurons, groups), (inputs, neurons + 1, groups), (inputs, neurons, groups + 1)):
        big = controller_overhead(*bigger, schedule)
        assert big.cycles.total >= small.cycles.total
        assert big.operations.total >= small.operations.total
        assert big.gates.nand >= small.gates.nand
        assert big.gates.brams >= small.gates.brams


@pytest.mark.parametrize("size", [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(PruningError, match="allowed: at least"):
        controller_gates(*size)
