"""Look-up tables that stand for exponentials and logarithms, computed in decimal arithmetic.

No table uses the machine's libm, so all machines hold the same integers.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import lru_cache

import numpy as np

from lavaprune.proc_models.fixed_point import FACTOR_BITS, TRACE_MAX

_PRECISION = 40

INTERVAL_TABLE_BITS = 12
INTERVAL_FRACTION_BITS = 16


def nearest(value: Decimal) -> int:
    """The nearest integer, ties to even."""
    return int(value.to_integral_value(rounding=ROUND_HALF_EVEN))


def decay_factor_q16(tau_ms: float) -> int:
    """``round(2**16 exp(-1 / tau))`` for a step of 1 ms; 0..2**16."""
    with localcontext() as context:
        context.prec = _PRECISION
        return nearest((Decimal(-1) / Decimal(repr(tau_ms))).exp() * (1 << FACTOR_BITS))


@lru_cache(maxsize=64)
def _trace_values(tau_ms: float) -> tuple[int, ...]:
    with localcontext() as context:
        context.prec = _PRECISION
        factor = (Decimal(-1) / Decimal(repr(tau_ms))).exp()
        value = Decimal(TRACE_MAX)
        table = []
        while (entry := nearest(value)) > 0:
            table.append(entry)
            value *= factor
    return (*table, 0)


def trace_table(tau_ms: float) -> np.ndarray:
    """A trace by the number of steps since the own spike (Guo et al. 2020, Eq. 3).

    Returns
    -------
    numpy.ndarray, shape (L,), int64
        ``round(127 exp(-d / tau))`` for d = 0, 1, ...; the last entry, and only it, is 0: a trace at any later
        step is 0. Because a trace is *reset* to its maximum at the own spike, this table is all there is to it.
    """
    return np.array(_trace_values(float(tau_ms)), dtype=np.int64)


@lru_cache(maxsize=1)
def _interval_values() -> tuple[int, ...]:
    size = 1 << INTERVAL_TABLE_BITS
    with localcontext() as context:
        context.prec = _PRECISION

        def integral(u: Decimal) -> Decimal:  # of -ln(u) from 0
            return u - u * u.ln() if u else Decimal(0)

        edges = [integral(Decimal(k) / size) for k in range(size + 1)]
        scale = Decimal(size) * (1 << INTERVAL_FRACTION_BITS)
        values = [nearest((edges[k + 1] - edges[k]) * scale) for k in range(size)]
        values[0] = nearest(Decimal(size).ln() * (1 << INTERVAL_FRACTION_BITS))
    return tuple(values)


def interval_table() -> np.ndarray:
    """Exponential intervals ``-ln(u)`` of mean 1 by the top 12 bits of ``u``, in 2**-16.

    Entry k > 0 is the mean of ``-ln(u)`` over ``u`` in ``[k, k+1) / 4096``. Entry 0 is ``ln(4096)``: there the next 12
    bits are looked up in turn and added, which continues the tail without a cut (``u`` given ``u < 1/4096`` is uniform
    again).

    Returns
    -------
    numpy.ndarray, shape (4096,), int64
    """
    return np.array(_interval_values(), dtype=np.int64)
