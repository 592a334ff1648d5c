"""Threshold functions f1, f2, f3 of Guo et al. 2020 (Eqs. 5-7), in decimal arithmetic.

Thresholds are shares of w_max, so w_max is 1 here. No binary floating point and no libm is involved: factors
are taken as the decimal numbers they print as, powers are repeated multiplications, and a threshold reaches
the weights as an integer (`integer_threshold`). The same settings therefore prune the same synapses everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal, localcontext

from lavaprune.pruning.errors import PruningError

Number = int | float | Decimal

ThresholdFunction = Callable[[Number, Number, int], Decimal]
"""f(w0, factor, t): initial threshold (share of w_max), adaptation factor, pruning step or group index."""

_W_MAX = Decimal(1)

# Wide enough that a product of a dozen factors of a few digits is exact; wider ones are rounded far below
# anything that could move a threshold across an integer weight.
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN, Emax=MAX_EMAX, Emin=MIN_EMIN)

MAX_FACTOR = 1_000_000
"""Largest adaptation factor that is accepted; the paper's lie between 1 and 1.5 (f1, f2) or 0 and 0.05 (f3)."""


def f1(w0: Number, factor: Number, t: int) -> Decimal:
    """Exponential, slow at first: ``w0 * factor**t``, clipped to [w0, 1] (Guo et al. 2020, Eq. 5).

    Parameters
    ----------
    w0 : number
        Threshold at t = 0 as a share of w_max, 0..1.
    factor : number
        The paper's a, above 0; 1 is the constant method.
    t : int
        Pruning step or group index, at least 0.

    Returns
    -------
    Decimal
        Share of w_max, w0..1.

    Raises
    ------
    PruningError
        If an argument is out of its range.
    """
    with localcontext(_CONTEXT):
        start, base, steps = _checked(w0, factor, t, positive_factor=True)
        return _clipped(start * _power(base, steps), start)


def f2(w0: Number, factor: Number, t: int) -> Decimal:
    """Exponential, fast at first: ``1 - (1 - w0) * factor**-t``, clipped to [w0, 1] (Guo et al. 2020, Eq. 6).

    Parameters
    ----------
    w0, t
        As in `f1`.
    factor : number
        The paper's b, above 0; 1 is the constant method.

    Returns
    -------
    Decimal
        Share of w_max, w0..1.

    Raises
    ------
    PruningError
        If an argument is out of its range.
    """
    with localcontext(_CONTEXT):
        start, base, steps = _checked(w0, factor, t, positive_factor=True)
        if base <= 1:  # never rises, and its powers may vanish
            return start
        # One division, at the end, so that the quotient is exact wherever it can be.
        return _clipped(_W_MAX - (_W_MAX - start) / _power(base, steps), start)


def f3(w0: Number, factor: Number, t: int) -> Decimal:
    """Linear: ``w0 + factor * t``, clipped to [w0, 1] (Guo et al. 2020, Eq. 7).

    Parameters
    ----------
    w0, t
        As in `f1`.
    factor : number
        The paper's c, as a share of w_max per step; 0 is the constant method.

    Returns
    -------
    Decimal
        Share of w_max, w0..1.

    Raises
    ------
    PruningError
        If an argument is out of its range.
    """
    with localcontext(_CONTEXT):
        start, slope, steps = _checked(w0, factor, t, positive_factor=False)
        return _clipped(start + slope * steps, start)


def geometric(start: Number, factor: Number, t: int, most: int) -> Decimal:
    """``start * factor**t``, at most `most`: f1's law for a quantity that w_max does not bound.

    Parameters
    ----------
    start : number
        Value at t = 0, 0..most.
    factor : number
        1 .. MAX_FACTOR.
    t : int
        At least 0.
    most : int
        Upper end of the range, at least 0.

    Raises
    ------
    PruningError
        If an argument is out of its range.
    """
    with localcontext(_CONTEXT):
        first = as_decimal("geometric law: start", start, 0, most)
        rate = as_decimal("geometric law: factor", factor, 1, MAX_FACTOR)
        return min(first * _power(rate, _checked_step(t)), Decimal(most))


THRESHOLD_FUNCTIONS: dict[str, ThresholdFunction] = {"f1": f1, "f2": f2, "f3": f3}

NEUTRAL_FACTORS: dict[str, int] = {"f1": 1, "f2": 1, "f3": 0}
"""Factor for which a function is constant; the smallest that a method accepts."""

PAPER_FACTORS_TIME: dict[str, float] = {"f1": 1.3, "f2": 1.1, "f3": 0.01}
"""Best factors over time for N=100 (Guo et al. 2020, "APT")."""

PAPER_FACTORS_NEURONS: dict[str, float] = {"f1": 1.15, "f2": 1.05, "f3": 0.03}
"""Best factors over neuron groups (Guo et al. 2020, "APN")."""


def threshold_function(name: str) -> ThresholdFunction:
    """Return the threshold function of that name.

    Raises
    ------
    PruningError
        For an unknown name, listing the known ones.
    """
    try:
        return THRESHOLD_FUNCTIONS[name]
    except (KeyError, TypeError):
        known = ", ".join(THRESHOLD_FUNCTIONS)
        raise PruningError(f"pruning: threshold function is {name!r}; known: {known}") from None


def integer_threshold(threshold: Decimal, w_max: int) -> int:
    """Return the smallest integer at or above ``threshold * w_max``.

    Rounding up is exact for integer weights: ``w < threshold * w_max`` holds just where
    ``w < integer_threshold(threshold, w_max)`` does. So it is for spike counts and a mean per image, with the
    number of images in the place of w_max.

    Parameters
    ----------
    threshold : Decimal
        Share of w_max, 0..1.
    w_max : int
        Largest weight, 255 for 8 bits.

    Returns
    -------
    int
        0..w_max.
    """
    with localcontext(_CONTEXT):
        return int((threshold * w_max).to_integral_value(rounding=ROUND_CEILING))


def as_decimal(owner: str, value: Number, low: Number, high: Number) -> Decimal:
    """Return a setting as the decimal number it prints as, checked against [low, high].

    Raises
    ------
    PruningError
        Naming `owner`, the value and the range; NaN, bool and anything that is no number are refused too.
    """
    number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        raise PruningError(f"{owner} is {value!r}; allowed: {low} .. {high}")
    # repr() of a float is the shortest decimal number that reads back as it: what the user wrote.
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def _checked(w0: Number, factor: Number, t: int, *, positive_factor: bool) -> tuple[Decimal, Decimal, int]:
    start = as_decimal("threshold function: w0", w0, 0, 1)
    rate = as_decimal("threshold function: factor", factor, -MAX_FACTOR, MAX_FACTOR)
    if positive_factor and rate <= 0:
        raise PruningError(f"threshold function: factor is {factor!r}; allowed: above 0, up to {MAX_FACTOR}")
    return start, rate, _checked_step(t)


def _checked_step(t: int) -> int:
    if isinstance(t, bool) or int(t) != t or t < 0:
        raise PruningError(f"threshold function: t is {t!r}; allowed: an integer of at least 0")
    return int(t)


def _power(base: Decimal, exponent: int) -> Decimal:
    """`base` to a whole power at least 0, by repeated multiplication (of squares)."""
    result = Decimal(1)
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


def _clipped(value: Decimal, start: Decimal) -> Decimal:
    return min(max(value, start), _W_MAX)
