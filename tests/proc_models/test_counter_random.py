"""Counter-based randomness: against an oracle in Python's integers, published values, and statistics at fixed keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from lavaprune.proc_models import counter_random
from lavaprune.proc_models.counter_random import draw64, mix64, sample_key
from lavaprune.processes.parameters import PARAMETER_RANGES

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
ORDINAL = 0xD1342543DE82EF95
SIGNIFICANT = 1e-4  # of a test at a fixed key: passes or fails the same way for ever

words = st.integers(0, MASK)
seeds = st.integers(0, 2**63 - 1)


def oracle_mix(z: int) -> int:
    """SplitMix64's finaliser as Steele, Lea and Flood (2014) print it, in unbounded integers."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def oracle_key(seed: int, stream: int, phase: int, sample: int) -> int:
    key = oracle_mix((seed + GOLDEN) & MASK)
    key = oracle_mix(key ^ (stream * 256 + phase))
    return oracle_mix((key + sample * GOLDEN) & MASK)


def oracle_draw(key: int, index: int, ordinal: int) -> int:
    return oracle_mix((key + index * GOLDEN + ordinal * ORDINAL) & MASK)


@njit
def compiled_key(seed: Any, stream: Any, phase: Any, sample: Any) -> Any:
    return sample_key(seed, stream, phase, sample)


@njit
def compiled_draw(key: Any, index: Any, ordinal: Any) -> Any:
    return draw64(key, np.uint64(index), np.uint64(ordinal))


def wrapping() -> Any:
    """NumPy's scalars warn where unsigned integers wrap around, which is meant here."""
    return np.errstate(over="ignore")


def draws(key: int, index: np.ndarray | int, ordinal: np.ndarray | int) -> np.ndarray:
    with wrapping():
        return draw64(np.uint64(key), np.asarray(index, np.uint64), np.asarray(ordinal, np.uint64))


# --- the function itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "outputs"),
    [  # the generator's published outputs: the finaliser of seed + k * golden ratio, k = 1, 2, ...
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC]),
        (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]),
    ],
)
def test_mix64_gives_splitmix64s_published_outputs(seed: int, outputs: list[int]) -> None:
    states = np.array([(seed + k * GOLDEN) & MASK for k in range(1, len(outputs) + 1)], np.uint64)
    assert mix64(states).tolist() == outputs
    assert [oracle_mix(int(state)) for state in states] == outputs


@given(key=words, index=words, ordinal=words)
def test_draw64_equals_the_oracle(key: int, index: int, ordinal: int) -> None:
    expected = oracle_draw(key, index, ordinal)
    with wrapping():
        assert int(draw64(np.uint64(key), np.uint64(index), np.uint64(ordinal))) == expected
    array = draws(key, np.array([index, 0], np.uint64), np.array([ordinal, 0], np.uint64))
    assert array.dtype == np.uint64
    assert array.tolist() == [expected, oracle_mix(key)]
    assert int(compiled_draw(np.uint64(key), np.uint64(index), np.uint64(ordinal))) == expected


@given(seed=seeds, stream=st.integers(0, 255), phase=st.integers(0, 255), sample=seeds)
def test_sample_key_equals_the_oracle(seed: int, stream: int, phase: int, sample: int) -> None:
    expected = oracle_key(seed, stream, phase, sample)
    with wrapping():
        key = sample_key(seed, stream, phase, sample)
    assert isinstance(key, np.uint64)
    assert int(key) == expected
    assert int(compiled_key(np.int64(seed), stream, np.int64(phase), np.int64(sample))) == expected


def test_streams_are_different() -> None:
    streams = [value for name, value in vars(counter_random).items() if name.startswith("STREAM_")]
    assert len(streams) == len(set(streams)) == 6
    assert all(0 < stream < 2**56 for stream in streams)


def test_keys_of_neighbouring_coordinates_all_differ() -> None:
    keys = {
        oracle_key(seed, stream, phase, sample)
        for seed in (0, 1, 2, 2**63 - 1)
        for stream in range(1, 7)
        for phase in range(4)
        for sample in (*range(200), 2**63 - 1)
    }
    assert len(keys) == 4 * 6 * 4 * 201


def test_no_two_coordinates_of_a_stream_coincide() -> None:
    """``index * golden + ordinal * odd`` meets itself only if a difference of indices undoes one of ordinals.

    For every difference of ordinals that a run may have (steps) the index difference that would is unique,
    since the golden ratio is odd; it must lie beyond all synapses.
    """
    most_steps = PARAMETER_RANGES["steps"][1]
    most_synapses = PARAMETER_RANGES["n_inputs"][1] * PARAMETER_RANGES["n_neurons"][1]
    unit = np.uint64((-ORDINAL * pow(GOLDEN, -1, 2**64)) & MASK)
    difference = np.arange(1, int(most_steps) + 1, dtype=np.uint64) * unit
    distance = np.minimum(difference, -difference)  # as a signed number, its magnitude
    assert int(distance.min()) > most_synapses


# --- statistics at fixed keys ---------------------------------------------------------------------------------------

KEY = 0x0123456789ABCDEF
LAYOUTS = {  # how the engines walk: over inputs at one ordinal, over ordinals of one input, over synapses of a column
    "index": (np.arange(1 << 16), 0),
    "ordinal": (7, np.arange(1 << 16)),
    "column": (np.arange(1 << 16) * 100 + 3, 41),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shift", [56, 48, 32, 28, 40, 0])
def test_every_part_of_a_word_is_uniform(layout: str, shift: int) -> None:
    """The parts that the engines use: the top 12, 16 and 32 bits, and the 12-bit fields below."""
    values = (draws(KEY, *LAYOUTS[layout]) >> np.uint64(shift)) & np.uint64(255)
    assert stats.chisquare(np.bincount(values.astype(np.int64), minlength=256)).pvalue > SIGNIFICANT


@pytest.mark.parametrize("layout", LAYOUTS)
def test_uniform_to_the_last_bit(layout: str) -> None:
    unit = draws(KEY, *LAYOUTS[layout]) / 2.0**64
    assert stats.kstest(unit, "uniform").pvalue > SIGNIFICANT


def contingency(a: np.ndarray, b: np.ndarray) -> float:
    """p of the hypothesis that the top 4 bits of two series are independent."""
    cells = (a >> np.uint64(60)).astype(np.int64) * 16 + (b >> np.uint64(60)).astype(np.int64)
    return float(stats.chi2_contingency(np.bincount(cells, minlength=256).reshape(16, 16)).pvalue)


def test_neighbours_are_independent() -> None:
    index = np.arange(1 << 16)
    here = draws(KEY, index, 5)
    neighbours = {
        "next index": draws(KEY, index + 1, 5),
        "next ordinal": draws(KEY, index, 6),
        "both": draws(KEY, index + 1, 6),
        "a hundred further": draws(KEY, index + 100, 5),
        "next key": draws(KEY + 1, index, 5),
    }
    assert {name: contingency(here, there) > SIGNIFICANT for name, there in neighbours.items()} == dict.fromkeys(
        neighbours, True
    )
    assert contingency(here, here) < 1e-10  # the test can fail


@pytest.mark.parametrize("changed", ["seed", "stream", "phase", "sample"])
def test_keys_separate_their_coordinates(changed: str) -> None:
    """Draws under keys that differ by one in one coordinate are independent, also where both indices move along."""
    base = {"seed": 3, "stream": 2, "phase": 1, "sample": 17}
    index = np.arange(1 << 16)
    here = draws(oracle_key(**base), index, 0)
    there_key = oracle_key(**{**base, changed: base[changed] + 1})
    for shift in (-1, 0, 1):
        there = draws(there_key, index + 1 + shift, 0)
        assert contingency(here, there) > SIGNIFICANT
        assert len(np.intersect1d(here, there)) == 0


def test_samples_in_a_row_are_independent_for_one_synapse() -> None:
    """The series that one synapse sees over the images: keys differ, index and ordinal stay."""
    keys = np.array([oracle_key(1, 2, 1, sample) for sample in range(1 << 14)], np.uint64)
    series = draw64(keys, np.full(1, 78, np.uint64), np.full(1, 9, np.uint64))
    assert stats.chisquare(np.bincount((series >> np.uint64(56)).astype(np.int64), minlength=256)).pvalue > SIGNIFICANT
    assert contingency(series[:-1], series[1:]) > SIGNIFICANT


@pytest.mark.parametrize("coordinate", ["key", "index", "ordinal"])
def test_every_bit_of_a_coordinate_changes_half_of_the_bits(coordinate: str) -> None:
    n = 2000
    base = {name: draws(99, np.arange(n) + 10_000 * k, 1) for k, name in enumerate(("key", "index", "ordinal"))}
    before = draw64(base["key"], base["index"], base["ordinal"])
    for bit in range(64):
        flipped = {**base, coordinate: base[coordinate] ^ np.uint64(1 << bit)}
        changed = before ^ draw64(flipped["key"], flipped["index"], flipped["ordinal"])
        share = np.unpackbits(changed.view(np.uint8)).mean()
        assert abs(share - 0.5) < 5 * 0.5 / np.sqrt(64 * n), (bit, share)
