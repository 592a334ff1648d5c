"""f1, f2, f3: formulas, step 0, clipping, monotony, and the exactness of the integer threshold."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.threshold_functions import (
    NEUTRAL_FACTORS,
    PAPER_FACTORS_NEURONS,
    PAPER_FACTORS_TIME,
    THRESHOLD_FUNCTIONS,
    ThresholdFunction,
    f1,
    f2,
    f3,
    geometric,
    integer_threshold,
    threshold_function,
)

functions = st.sampled_from([f1, f2, f3])
starts = st.decimals(0, 1, places=4)
factors = st.decimals("0.01", 3, places=3)
steps = st.integers(0, 40)


def exact(function: ThresholdFunction, w0: Decimal, factor: Decimal, t: int) -> Fraction:
    """The paper's formulas in rational numbers, clipped."""
    w, a = Fraction(w0), Fraction(factor)
    raw = {f1: w * a**t, f2: 1 - (1 - w) / a**t, f3: w + a * t}[function]
    return min(max(raw, w), Fraction(1))


@given(functions, starts, factors, steps)
def test_formula(function: ThresholdFunction, w0: Decimal, factor: Decimal, t: int) -> None:
    value, expected = function(w0, factor, t), exact(function, w0, factor, t)
    assert abs(Fraction(value) - expected) <= expected * Fraction(1, 10**55)


@given(functions, starts, factors, steps, st.integers(1, 255))
def test_integer_threshold_decides_as_the_exact_real_one(
    function: ThresholdFunction, w0: Decimal, factor: Decimal, t: int, w_max: int
) -> None:
    threshold = integer_threshold(function(w0, factor, t), w_max)
    real = exact(function, w0, factor, t) * w_max
    assert 0 <= threshold <= w_max
    # Rounding to 60 digits could matter only this close to an integer weight.
    if abs(real - round(real)) > Fraction(1, 10**50) or function is f3:
        assert all((w < threshold) == (w < real) for w in range(w_max + 1))


@given(functions, starts, factors)
def test_starts_at_w0(function: ThresholdFunction, w0: Decimal, factor: Decimal) -> None:
    assert function(w0, factor, 0) == w0


@given(functions, starts, factors, steps)
def test_monotone_and_clipped(function: ThresholdFunction, w0: Decimal, factor: Decimal, t: int) -> None:
    assert w0 <= function(w0, factor, t) <= function(w0, factor, t + 1) <= 1


@pytest.mark.parametrize("name", THRESHOLD_FUNCTIONS)
@given(w0=starts, t=st.integers(0, 10_000))
def test_neutral_factor_is_the_constant_method(name: str, w0: Decimal, t: int) -> None:
    assert threshold_function(name)(w0, NEUTRAL_FACTORS[name], t) == w0


def test_falling_factors_are_clipped_at_w0() -> None:
    for function, factor in ((f1, 0.9), (f2, 0.9), (f2, 1e-5), (f3, -0.1)):
        assert function(0.2, factor, 500) == Decimal("0.2")


def test_clipped_at_w_max() -> None:
    assert f1(0.2, 1.3, 7) == 1  # 0.2 * 1.3**7 = 1.2549
    assert f1(0.2, 1_000_000, 100_000) == 1
    assert f3(0.2, 0.01, 1000) == 1
    assert f2(0.2, 2, 3) == Decimal("0.9")  # 1 - 0.8 / 8
    assert integer_threshold(f2(0.2, 1_000_000, 100_000), 255) == 255


def test_hand_calculated_values() -> None:
    # 0.1 * 1.3**k * 255 = 25.5, 33.15, 43.095, 56.0235, 72.83, 94.68, 123.08
    assert [integer_threshold(f1(0.1, 1.3, k), 255) for k in range(7)] == [26, 34, 44, 57, 73, 95, 124]
    # 0.2 * 255 is exactly 51: a weight of 51 is not below it.
    assert integer_threshold(f1(0.2, 1, 3), 255) == 51
    # Binary floating point gets this one wrong: (0.06 + 6 * 0.09) * 255 is exactly 153.
    assert math.ceil((0.06 + 6 * 0.09) * 255) == 154
    assert integer_threshold(f3(0.06, 0.09, 6), 255) == 153
    assert integer_threshold(f1(1, 1, 0), 255) == 255
    assert integer_threshold(f1(0, 1.3, 6), 255) == 0


def test_factors_of_the_paper() -> None:
    assert PAPER_FACTORS_TIME == {"f1": 1.3, "f2": 1.1, "f3": 0.01}
    assert PAPER_FACTORS_NEURONS == {"f1": 1.15, "f2": 1.05, "f3": 0.03}


@pytest.mark.parametrize(
    ("w0", "factor", "t", "message"),
    [
        (-0.1, 1, 0, "w0 is -0.1; allowed: 0 .. 1"),
        (1.1, 1, 0, "w0 is 1.1"),
        (math.nan, 1, 0, "w0 is nan"),
        (True, 1, 0, "w0 is True"),
        ("0.1", 1, 0, "w0 is '0.1'"),
        (0.1, math.nan, 0, "factor is nan"),
        (0.1, math.inf, 0, "factor is inf"),
        (0.1, 1, -1, "t is -1"),
        (0.1, 1, 0.5, "t is 0.5"),
    ],
)
@pytest.mark.parametrize("function", [f1, f2, f3])
def test_bad_arguments(function: ThresholdFunction, w0: float, factor: float, t: int, message: str) -> None:
    with pytest.raises(PruningError, match=message):
        function(w0, factor, t)


@pytest.mark.parametrize("function", [f1, f2])
@pytest.mark.parametrize("factor", [0, -1.0])
def test_exponential_factors_are_positive(function: ThresholdFunction, factor: float) -> None:
    with pytest.raises(PruningError, match=r"factor is .*; allowed: above 0"):
        function(0.1, factor, 2)


def test_unknown_function() -> None:
    with pytest.raises(PruningError, match="threshold function is 'f4'; known: f1, f2, f3"):
        threshold_function("f4")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 1, 0, 10), "start is -1"),
        ((11, 1, 0, 10), r"start is 11; allowed: 0 \.\. 10"),
        ((float("nan"), 1, 0, 10), "start is nan"),
        ((1, 0.5, 0, 10), r"factor is 0.5; allowed: 1 \.\. 1000000"),
        ((1, 1, -1, 10), "t is -1"),
    ],
)
def test_geometric_law_refuses(arguments: tuple[float, float, int, int], message: str) -> None:
    with pytest.raises(PruningError, match=message):
        geometric(*arguments)


def test_geometric_law_is_f1_without_its_bound() -> None:
    assert [geometric(2, 1.5, t, 100) for t in range(3)] == [2, 3, Decimal("4.5")]
    assert geometric(2, 1.5, 10**9, 100) == 100
    assert geometric(0, 1000, 10**9, 100) == 0
