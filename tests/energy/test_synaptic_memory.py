"""The encoding of synapses: cases worked by hand, values of nengo-loihi, and what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.energy.chip import load_chip

ENCODING = load_chip("loihi1").encoding


def bits(synapses: int, width: int) -> int:
    return int(ENCODING.list_bits(np.array(synapses), width))


def test_worked_by_hand() -> None:
    assert bits(0, 8) == 0  # no synapses, no list
    assert bits(1, 8) == 64  # 1 * 8 + 10 = 18 -> one word
    assert bits(6, 8) == 64  # 6 * 8 + 10 = 58
    assert bits(7, 8) == 128  # 7 * 8 + 10 = 66 -> two words
    assert bits(64, 8) == 576  # one full block: 64 * 8 + 10 = 522 -> nine words
    assert bits(65, 8) == 576 + 64  # a second block with one synapse
    assert bits(100, 8) == 576 + 320  # 36 * 8 + 10 = 298 -> five words
    # 80 of 800 compartments, sparse: 10 bits of index; 64 * 18 + 10 = 1162 -> 19 words, 16 * 18 + 10 = 298 -> 5 words
    assert bits(80, 18) == 1216 + 320


@pytest.mark.parametrize(
    ("synapses", "width", "expected"),
    # nengo-loihi 1.1.0: SynapseConfig(weight_bits=7, idx_bits=..., compression=...).bits_per_axon(synapses)
    [(784, 8, 7104), (784, 18, 14912), (127, 14, 1856), (129, 16, 2240), (2, 25, 64), (1024, 9, 10240)],
)
def test_as_nengo_loihi(synapses: int, width: int, expected: int) -> None:
    assert bits(synapses, width) == expected


@pytest.mark.parametrize(
    ("compartments", "width"),
    [(1, 0), (2, 6), (64, 6), (65, 7), (128, 7), (129, 8), (800, 10), (1024, 10), (1025, 11), (4096, 12)],
)
def test_index_width(compartments: int, width: int) -> None:
    assert ENCODING.index_bits(compartments) == width


def oracle(synapses: int, width: int) -> int:
    """Block by block, word by word."""
    words = 0
    while synapses > 0:
        block = min(64, synapses)
        used = block * width + 10
        while used > 0:
            words, used = words + 1, used - 64
        synapses -= block
    return 64 * words


@given(st.integers(0, 3000), st.integers(1, 40))
def test_blocks_by_brute_force(synapses: int, width: int) -> None:
    assert bits(synapses, width) == oracle(synapses, width)


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_one_more_synapse_or_bit_never_takes_less(synapses: int, width: int) -> None:
    assert bits(synapses + 1, width) >= bits(synapses, width)
    assert bits(synapses, width + 1) >= bits(synapses, width)
    assert bits(synapses, width) % 64 == 0


@given(st.lists(st.integers(0, 500), max_size=20), st.integers(1, 30))
def test_arrays_are_lists_one_by_one(synapses: list[int], width: int) -> None:
    found = ENCODING.list_bits(np.array(synapses, np.int64), width)
    assert found.tolist() == [bits(n, width) for n in synapses]
