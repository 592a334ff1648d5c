"""The tables against exponentials and logarithms computed another way: series in unbounded integers, no libm."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lavaprune.proc_models.tables import (
    INTERVAL_FRACTION_BITS,
    INTERVAL_TABLE_BITS,
    decay_factor_q16,
    interval_table,
    nearest,
    trace_table,
)
from lavaprune.processes.parameters import PARAMETER_RANGES

BITS = 220  # fractional bits of the oracle
ONE = 1 << BITS


def exp_minus(x: Fraction) -> Fraction:
    """``exp(-x)``, x >= 0, to more than 50 digits: Taylor's series of the exponential of x / 2**k, then squared."""
    squarings = max(0, x.numerator.bit_length() - x.denominator.bit_length() + 6)
    small = (x.numerator << BITS) // (x.denominator << squarings)
    term, total, n = ONE, ONE, 0
    while term:
        n += 1
        term = term * small // (n << BITS)
        total += term
    value = (ONE << BITS) // total
    for _ in range(squarings):
        value = value * value >> BITS
    return Fraction(value, ONE)


def ln_scaled(numerator: int, denominator: int) -> int:
    """``ln(n / d) * 2**BITS`` for n / d in [1/2, 2]: the area tangent's series."""
    z = ((numerator - denominator) << BITS) // (numerator + denominator)
    square, power, total, n = z * z >> BITS, z, 0, 1
    while power not in (0, -1):
        total += power // n
        power, n = power * square >> BITS, n + 2
    return 2 * total


LN_2 = ln_scaled(2, 1)


def ln(k: int, bits: int) -> int:
    """``ln(k / 2**bits) * 2**BITS``."""
    shift = k.bit_length() - 1
    return ln_scaled(k, 1 << shift) + (shift - bits) * LN_2


def rounded(value: Fraction) -> int:
    """Nearest integer; the values here are irrational, so there are no ties."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def test_the_oracle_itself() -> None:
    e = Fraction(1) / exp_minus(Fraction(1))
    assert int(e * 10**30) == 2718281828459045235360287471352
    assert LN_2 * 10**30 >> BITS == 693147180559945309417232121458
    # multiplying the value by its inverse
    assert abs(exp_minus(Fraction(5)) * (Fraction(1) / exp_minus(Fraction(1, 2))) ** 10 - 1) < Fraction(1, 10**45)


TIME_CONSTANTS = [0.05, 0.1, 0.5, 1.0, 2.0, 8.0, 10.1, 18.7, 32.0, 43.25, 60.0, 333.3, 1000.0, 1e4]


@pytest.mark.parametrize("tau_ms", TIME_CONSTANTS)
def test_decay_factors(tau_ms: float) -> None:
    assert decay_factor_q16(tau_ms) == rounded(exp_minus(1 / Fraction(repr(tau_ms))) * 2**16)


def test_decay_factors_known_values() -> None:
    """65536 / e = 24109.35 and 65536 / sqrt(e) = 39749.6."""
    assert decay_factor_q16(1.0) == decay_factor_q16(1) == 24109
    assert decay_factor_q16(2.0) == 39750
    assert decay_factor_q16(PARAMETER_RANGES["tau_ge_ms"][0]) == 0
    assert decay_factor_q16(1e12) == 65536


@pytest.mark.parametrize("tau_ms", [tau for tau in TIME_CONSTANTS if 0.1 <= tau <= 1000])
def test_trace_tables(tau_ms: float) -> None:
    table = trace_table(tau_ms)
    assert table.dtype == np.int64
    ages = range(len(table)) if len(table) < 400 else [*range(0, len(table), 37), len(table) - 2, len(table) - 1]
    for age in ages:
        assert table[age] == rounded(127 * exp_minus(age / Fraction(repr(tau_ms)))), age
    assert table[0] == 127
    assert (np.diff(table) <= 0).all()
    assert table[-1] == 0
    assert (table[:-1] > 0).all()


def test_trace_table_of_the_shortest_time_constant() -> None:
    assert trace_table(0.1).tolist() == [127, 0]  # 127 exp(-10) = 0.006


def test_a_table_belongs_to_its_caller() -> None:
    trace_table(12.5)[:] = 0
    interval_table()[:] = 0
    assert trace_table(12.5)[0] == 127
    assert interval_table()[-1] > 0


# --- exponential intervals ------------------------------------------------------------------------------------------

SIZE = 1 << INTERVAL_TABLE_BITS
UNIT = 1 << INTERVAL_FRACTION_BITS


def test_interval_table_against_the_series() -> None:
    """Entry k is the mean of -ln(u) over its cell: ``1 + k ln(k/s) - (k+1) ln((k+1)/s)`` with s = 4096."""
    table = interval_table()
    assert table.shape == (4096,)
    assert table.dtype == np.int64
    logarithms = [0, *(ln(k, INTERVAL_TABLE_BITS) for k in range(1, SIZE + 1))]
    for k in range(1, SIZE):
        mean = ONE + k * logarithms[k] - (k + 1) * logarithms[k + 1]
        assert table[k] == rounded(Fraction(mean * UNIT, ONE)), k
    assert table[0] == rounded(Fraction(-logarithms[1] * UNIT, ONE)) == 545113  # 65536 * 12 ln 2 = 545113.1


def test_interval_table_falls_and_lies_between_its_cells_edges() -> None:
    table = interval_table()
    assert (np.diff(table[1:]) < 0).all()
    assert table[1] < table[0]  # where the tail goes on
    upper = np.array([-ln(k, INTERVAL_TABLE_BITS) / ONE for k in range(1, SIZE)])
    lower = np.array([-ln(k, INTERVAL_TABLE_BITS) / ONE for k in range(2, SIZE + 1)])
    assert (table[1:] <= upper * UNIT + 0.5).all()
    assert (table[1:] >= lower * UNIT - 0.5).all()


def test_mean_of_the_intervals_is_one() -> None:
    """Cell 0 adds another interval with its look-up: m = (sum + m) / 4096, so m = sum / 4095."""
    assert interval_table().sum() / (SIZE - 1) == pytest.approx(UNIT, rel=1e-6)


def test_variance_of_the_intervals_is_nearly_one() -> None:
    """v = E x^2 - 1; cell 0: E (x0 + y)^2. What the width of the cells takes away is below 0.1 %."""
    x = interval_table() / UNIT
    second = ((x[1:] ** 2).sum() + x[0] ** 2 + 2 * x[0]) / (SIZE - 1)
    assert second - 1 == pytest.approx(1, abs=1e-3)


def test_nearest_rounds_ties_to_even() -> None:
    from decimal import Decimal

    assert [nearest(Decimal(text)) for text in ("0.5", "1.5", "2.5", "-0.5", "-1.5", "2.4999", "-2.6")] == [
        0, 2, 2, 0, -2, 2, -3,
    ]  # fmt: skip
