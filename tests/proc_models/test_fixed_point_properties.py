"""The arithmetic of `fixed_point` against Python's unbounded integers, at the edges of every width."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.proc_models import counter_random
from lavaprune.proc_models import fixed_point as fp

V_MIN, V_MAX = -(2**23), 2**23 - 1
G_MAX = 2**24 - 1
DRIVE_MIN, DRIVE_MAX = -(2**31), 2**31 - 1
LEAK_ONE = 2**22  # tau_m = 1 step
LARGEST_GAIN = 1000 * 2**22  # of a lateral spike, with the largest gain that `NetworkParameters` allows


def edges(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers low..high, with a bias to both ends, to zero, and to powers of two and their neighbours."""
    special = {low, low + 1, high - 1, high, 0, 1, -1}
    special |= {s * 2**b + d for b in range(64) for s in (1, -1) for d in (-1, 0, 1)}
    inside = sorted(x for x in special if low <= x <= high)
    return st.one_of(st.sampled_from(inside), st.integers(low, high))


potential = edges(V_MIN, V_MAX)
conductance = edges(0, G_MAX)
weight = edges(0, 255)
trace = edges(0, 127)
rate = edges(0, 2**32 - 1)
factor = edges(0, 2**16)
leakage = edges(0, LEAK_ONE)


def toward_zero(x: Fraction) -> int:
    return floor(x) if x >= 0 else -floor(-x)


def agree(function: Callable, expected: int, *arguments: int) -> None:
    """Plain integers, int64 arrays and compiled code give what unbounded arithmetic gives."""
    assert int(function(*arguments)) == expected
    arrays = [np.array([a, a], np.int64) for a in arguments]
    result = function(*arrays)
    assert result.dtype == np.int64
    assert result.tolist() == [expected, expected]
    assert COMPILED[function](*(np.int64(a) for a in arguments)) == expected


def compiled(function: Callable) -> Callable:
    return numba.njit(function.py_func if hasattr(function, "py_func") else function)


COMPILED = {
    function: compiled(function)
    for function in (
        fp.clamp,
        fp.decay_conductance,
        fp.add_conductance,
        fp.integrate_membrane,
        fp.raise_theta,
        fp.decay_theta,
        fp.depression_q16,
        fp.potentiation_q16,
        fp.depress_weight,
        fp.potentiate_weight,
        fp.normalise_weight,
    )
}


@given(edges(-(2**62) + 1, 2**62 - 1), st.integers(0, 62))
def test_shift_toward_zero(x: int, bits: int) -> None:
    expected = toward_zero(Fraction(x, 2**bits))
    assert fp.shift_toward_zero(x, bits) == expected
    assert fp.shift_toward_zero(np.array([x], np.int64), bits).tolist() == [expected]


@given(potential, potential, potential)
def test_clamp(x: int, a: int, b: int) -> None:
    low, high = sorted((a, b))
    agree(fp.clamp, sorted((low, x, high))[1], x, low, high)


@given(conductance, factor)
def test_decay_conductance(g: int, decay: int) -> None:
    agree(fp.decay_conductance, floor(Fraction(g * decay, 2**16)), g, decay)


@given(st.integers(0, 2**16 - 1))
def test_a_conductance_reaches_zero_exactly(decay: int) -> None:
    g = 3  # below this, rounding down takes over whatever the factor
    for _ in range(3):
        g = fp.decay_conductance(g, decay)
    assert g == 0


@given(conductance, edges(0, 2**24 - 1), edges(0, 2**32 - 1))
def test_add_conductance_saturates(g: int, arrivals: int, gain: int) -> None:
    agree(fp.add_conductance, min(g + floor(Fraction(arrivals * gain, 2**8)), G_MAX), g, arrivals, gain)


@given(conductance, edges(2**24, 2**31 - 1), edges(0, LARGEST_GAIN))
def test_add_conductance_takes_all_that_a_port_carries(g: int, arrivals: int, gain: int) -> None:
    agree(fp.add_conductance, min(g + floor(Fraction(arrivals * gain, 2**8)), G_MAX), g, arrivals, gain)


@given(edges(1, 2**16), edges(1, 2**32 - 1))
def test_gains_are_finer_than_conductances(arrivals: int, gain: int) -> None:
    """What is lost of the summed input is less than one last bit, however many arrive and however small the gain."""
    lost = Fraction(arrivals * gain, 2**8) - fp.add_conductance(0, arrivals, gain)
    assert 0 <= lost < 1 or arrivals * gain >= G_MAX * 2**8


def membrane(v: int, g_exc: int, g_inh: int, v_rest: int, e_exc: int, e_inh: int, leak: int) -> int:
    """The law of `integrate_membrane` in exact fractions."""
    leaked = toward_zero(Fraction((v - v_rest) * (LEAK_ONE - leak), LEAK_ONE))
    drive = toward_zero(Fraction(g_exc * (e_exc - v) + g_inh * (e_inh - v), 2**14))
    drive = min(max(drive, DRIVE_MIN), DRIVE_MAX)
    moved = v_rest + leaked + toward_zero(Fraction(drive * leak, LEAK_ONE))
    return min(max(moved, e_inh), e_exc)


@given(potential, conductance, conductance, st.tuples(potential, potential, potential), leakage)
def test_integrate_membrane(v: int, g_exc: int, g_inh: int, levels: tuple[int, ...], leak: int) -> None:
    """The docstring's law; potentials in any order within 24 bits, v within the clamp."""
    e_inh, v_rest, e_exc = sorted(levels)
    v = min(max(v, e_inh), e_exc)
    expected = membrane(v, g_exc, g_inh, v_rest, e_exc, e_inh, leak)
    agree(fp.integrate_membrane, expected, v, g_exc, g_inh, v_rest, e_exc, e_inh, leak)
    assert V_MIN <= expected <= V_MAX


# conductances that times 2**14 / 100 mV give a drive of 2**31 and its neighbours, beside those far beyond
AT_THE_EDGE = [2**31 * 2**14 // (100 << 16) + d for d in (-1, 0, 1, 2)] + [G_MAX - 1, G_MAX]


@given(st.sampled_from(AT_THE_EDGE), st.booleans(), st.one_of(edges(1, 64), leakage))
def test_the_drive_saturates_at_32_bits(g: int, is_excitatory: bool, leak: int) -> None:
    """100 mV from a reversal potential; with the smallest leaks the clamp does not hide where the drive ends."""
    v, e_exc, e_inh = 0, (100 << 16), -(100 << 16)
    g_exc, g_inh = (g, 0) if is_excitatory else (0, g)
    expected = membrane(v, g_exc, g_inh, v, e_exc, e_inh, leak)
    agree(fp.integrate_membrane, expected, v, g_exc, g_inh, v, e_exc, e_inh, leak)
    if g > AT_THE_EDGE[1] and leak <= 64:
        end = DRIVE_MAX * leak >> fp.LEAK_BITS if is_excitatory else -(2**31 * leak >> fp.LEAK_BITS)
        assert expected == end
        assert e_inh < end < e_exc


@given(
    st.lists(edges(-(127 << 16), 127 << 16), min_size=4, max_size=4),
    st.one_of(conductance, st.sampled_from(AT_THE_EDGE)),
    st.one_of(conductance, st.sampled_from(AT_THE_EDGE)),
    edges(LEAK_ONE // 129, LEAK_ONE),
)
def test_no_membrane_shows_the_end_of_the_drive_up_to_129_ms(
    levels: list[int], g_exc: int, g_inh: int, leak: int
) -> None:
    """As the docstring says: there a drive that saturates moves any potential to its bound, as it would without end."""
    e_inh, v_rest, v, e_exc = sorted(levels)
    for start in (v_rest, v):
        rest = v if start == v_rest else v_rest
        drive = Fraction(g_exc * (e_exc - start) + g_inh * (e_inh - start), 2**14)
        leaked = toward_zero(Fraction((start - rest) * (LEAK_ONE - leak), LEAK_ONE))
        endless = rest + leaked + toward_zero(Fraction(toward_zero(drive) * leak, LEAK_ONE))
        found = fp.integrate_membrane(start, g_exc, g_inh, rest, e_exc, e_inh, leak)
        assert found == min(max(endless, e_inh), e_exc)


@given(potential, edges(1, LEAK_ONE))
def test_an_undriven_membrane_comes_to_rest_exactly(distance: int, leak: int) -> None:
    v_rest = -60 << 16
    v = min(max(v_rest + distance, V_MIN), V_MAX)
    before = abs(v - v_rest)
    after = int(fp.integrate_membrane(v, 0, 0, v_rest, V_MAX, V_MIN, leak)) - v_rest
    assert abs(after) * LEAK_ONE <= before * (LEAK_ONE - leak)
    assert abs(after) < before or before == 0  # so it arrives
    assert after * (v - v_rest) >= 0  # and does not swing past


@given(edges(0, V_MAX), edges(0, V_MAX))
def test_raise_theta_saturates(theta: int, plus: int) -> None:
    agree(fp.raise_theta, min(theta + plus, V_MAX), theta, plus)


@given(edges(0, V_MAX), edges(0, 2**32), edges(0, 2**32 - 1))
def test_decay_theta(theta: int, loss: int, random: int) -> None:
    expected = theta - floor(Fraction(theta * loss + random, 2**32))
    agree(fp.decay_theta, expected, theta, loss, random)
    assert 0 <= expected <= theta


@given(rate, trace)
def test_depression(mu: int, y1: int) -> None:
    agree(fp.depression_q16, floor(Fraction(mu * y1, 2**8)), mu, y1)


@given(rate, trace, trace)
def test_potentiation(mu: int, x: int, y2: int) -> None:
    agree(fp.potentiation_q16, floor(Fraction(mu * x * y2, 2**8)), mu, x, y2)


LARGEST_CHANGE = (2**32 - 1) * 127 * 127 >> 8


@given(weight, edges(0, LARGEST_CHANGE), edges(0, 2**16 - 1))
def test_weight_updates_saturate(w: int, change: int, random: int) -> None:
    step = floor(Fraction(change + random, 2**16))
    agree(fp.depress_weight, max(w - step, 0), w, change, random)
    agree(fp.potentiate_weight, min(w + step, 255), w, change, random)


@given(edges(0, 255 * 2**16))
def test_stochastic_rounding_is_exact_in_expectation(change: int) -> None:
    """The mean over all 65,536 draws is the change itself."""
    draws = np.arange(2**16, dtype=np.int64)
    assert (((change + draws) >> 16).sum()) == change
    assert fp.potentiate_weight(np.int64(0), change, draws).sum() == change
    assert (255 - fp.depress_weight(np.int64(255), change, draws)).sum() == change


@given(weight, edges(0, 2**24), edges(1, 2**24), edges(0, 2**32 - 1))
def test_normalise_weight(w: int, target: int, total: int, random: int) -> None:
    r = floor(Fraction(random * total, 2**32))
    assert 0 <= r < total
    agree(fp.normalise_weight, min(floor(Fraction(w * target + r, total)), 255), w, target, total, random)


@given(edges(1, 2**24), edges(0, 2**32 - 1))
def test_normalisation_neither_makes_nor_needlessly_breaks_weights(total: int, random: int) -> None:
    assert fp.normalise_weight(0, 2**24, total, random) == 0
    for w in (1, 255):
        assert fp.normalise_weight(w, total, total, random) == w  # nothing to scale


def test_a_run_that_would_overflow_saturates() -> None:
    """Full weights, full gain and full inhibition for ever: everything stays at its limit and nothing wraps."""
    v_rest, e_exc, e_inh = -60 << 16, 127 << 16, -(127 << 16)
    g_exc = g_inh = v = theta = np.zeros(4, np.int64)
    arrivals = np.array([0, 1, 2**20, 2**31 - 1], np.int64)
    reached = []
    for _ in range(200):
        g_exc = fp.add_conductance(fp.decay_conductance(g_exc, 2**16), arrivals, LARGEST_GAIN)
        g_inh = fp.add_conductance(fp.decay_conductance(g_inh, 2**16), arrivals[::-1], LARGEST_GAIN)
        v = fp.integrate_membrane(v, g_exc, g_inh, v_rest, e_exc, e_inh, LEAK_ONE)
        theta = fp.raise_theta(theta, arrivals)
        reached.append(v)
        for state, low, high in ((g_exc, 0, G_MAX), (g_inh, 0, G_MAX), (v, e_inh, e_exc), (theta, 0, V_MAX)):
            assert ((low <= state) & (state <= high)).all()
    assert g_exc.tolist() == [0, G_MAX, G_MAX, G_MAX]
    assert g_inh.tolist() == [G_MAX, G_MAX, G_MAX, 0]
    assert np.min(reached, axis=0)[0] == e_inh
    assert np.max(reached, axis=0)[3] == e_exc
    assert theta.tolist() == [0, 200, V_MAX, V_MAX]


u64 = edges(0, 2**63 - 1)
MASK = 2**64 - 1


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


@given(u64, st.integers(0, 255), st.integers(0, 255), u64, u64, u64)
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_draws_against_unbounded_integers(
    seed: int, stream: int, phase: int, sample: int, index: int, ordinal: int
) -> None:
    golden = 0x9E3779B97F4A7C15
    key = mix((seed + golden) & MASK)
    key = mix(key ^ (stream * 256 + phase))
    key = mix((key + sample * golden) & MASK)
    expected = mix((key + index * golden + ordinal * 0xD1342543DE82EF95) & MASK)
    found = counter_random.sample_key(seed, stream, phase, sample)
    assert int(found) == key
    assert int(counter_random.draw64(found, np.uint64(index), np.uint64(ordinal))) == expected
    arrays = counter_random.draw64(found, np.full(3, index, np.uint64), np.full(3, ordinal, np.uint64))
    assert arrays.tolist() == [expected] * 3


def test_mixing_is_splitmix64() -> None:
    """First outputs of SplitMix64 seeded with 1234567, as published with Vigna's reference code."""
    state, found = 1234567, []
    with np.errstate(over="ignore"):
        for _ in range(5):
            state = (state + 0x9E3779B97F4A7C15) & MASK
            found.append(int(counter_random.mix64(np.uint64(state))))
    assert found == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
