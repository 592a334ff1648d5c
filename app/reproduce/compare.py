"""Verdicts: each compares a number of ours, over seeds, with a number or a statement of the paper.

*agree* means within 2 standard errors of ours over the seeds, or within 1 point (`TOLERANCE_POINTS`), of a number
that the paper gives. A statement that something is larger than something else agrees where our mean says so, too;
whether the difference can be told from the noise of the seeds stands beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

TOLERANCE_POINTS = 1.0
STANDARD_ERRORS = 2.0
AGREE = "agree"

Values = npt.ArrayLike


@dataclass(frozen=True)
class Comparison:
    """One line of a report.

    Attributes
    ----------
    statement : str
        What the paper says, in words.
    ours : float
        Mean of ours over the seeds; NaN where there is none.
    error : float
        Its standard error; NaN with fewer than two seeds.
    n : int
        Seeds.
    paper : float or None
        The paper's number; None where it makes a statement only.
    unit : str
    verdict : str
        ``agree``, ``differ by X``, or ``not compared: why``.
    """

    statement: str
    ours: float
    error: float
    n: int
    paper: float | None
    unit: str
    verdict: str

    @property
    def agrees(self) -> bool | None:
        """Whether the verdict is `agree`; None where nothing was compared."""
        return None if self.verdict.startswith("not compared") else self.verdict == AGREE

    def line(self) -> str:
        """The comparison in one line that ends in the verdict."""
        text = self.statement
        if math.isfinite(self.ours):
            text += f": ours {measured(self.ours, self.error, self.unit)} (n = {self.n})"
        if self.paper is not None:
            text += f", paper {_figures(self.paper)}{_spaced(self.unit)}"
        return f"{text}: {self.verdict}"


def statistics(values: Values) -> tuple[float, float, float, int]:
    """Mean, standard deviation, standard error of the mean, and number of the values that are not NaN.

    Deviation and error are those of a sample (n - 1) and NaN for fewer than two values.
    """
    array = np.asarray(values, float)
    array = array[np.isfinite(array)]
    n = len(array)
    if n == 0:
        return math.nan, math.nan, math.nan, 0
    deviation = float(array.std(ddof=1)) if n > 1 else math.nan
    return float(array.mean()), deviation, deviation / math.sqrt(n), n


def compare_number(
    statement: str,
    values: Values,
    paper: float,
    unit: str = "points",
    tolerance: float = TOLERANCE_POINTS,
    better: Literal["lower", "higher"] | None = None,
) -> Comparison:
    """Compare the mean of `values` with the paper's number.

    Parameters
    ----------
    statement : str
    values : floats, shape (seeds,)
        NaN where a seed has no value.
    paper : float
    unit : str
    tolerance : float
        Difference that counts as agreement whatever the standard error is: 1 point.
    better : {"lower", "higher"}, optional
        Which way is better; where ours differs that way, the statement says so.
    """
    mean, _, error, n = statistics(values)
    if n == 0:
        return not_compared(statement, "no run of ours reaches it", paper, unit)
    difference = mean - paper
    verdict = _verdict(difference, max(tolerance, _slack(error)), unit)
    if verdict != AGREE and better == ("lower" if difference < 0 else "higher"):
        statement += " (ours is better)"
    return Comparison(statement, mean, error, n, paper, unit, verdict)


def compare_larger(statement: str, differences: Values, unit: str = "points") -> Comparison:
    """Judge a statement that says `differences` (of the larger less the smaller) are above 0."""
    mean, _, error, n = statistics(differences)
    if n == 0:
        return not_compared(statement, "our runs have no range in common", unit=unit)
    if abs(mean) <= _slack(error):
        statement += " (within the noise of the seeds)"
    verdict = AGREE if mean > 0 else f"differ by {_figures(abs(mean))}{_spaced(unit)}"
    return Comparison(statement, mean, error, n, None, unit, verdict)


def compare_similar(statement: str, differences: Values, unit: str = "points") -> Comparison:
    """Judge a statement that two things are the same: `differences` are about 0."""
    mean, _, error, n = statistics(differences)
    if n == 0:
        return not_compared(statement, "our runs have no range in common", unit=unit)
    return Comparison(statement, mean, error, n, None, unit, _verdict(mean, max(TOLERANCE_POINTS, _slack(error)), unit))


def compare_at_most(statement: str, values: Values, limit: float, unit: str = "points") -> Comparison:
    """Judge a statement that the mean is at most `limit`; above it only 2 standard errors are allowed."""
    mean, _, error, n = statistics(values)
    if n == 0:
        return not_compared(statement, "no run of ours reaches it", limit, unit)
    excess = max(0.0, mean - limit)
    return Comparison(statement, mean, error, n, limit, unit, _verdict(excess, _slack(error), unit))


def compare_at_least(statement: str, values: Values, limit: float, unit: str = "points") -> Comparison:
    """Judge a statement that the mean is at least `limit`; below it only 2 standard errors are allowed."""
    mean, _, error, n = statistics(values)
    if n == 0:
        return not_compared(statement, "no run of ours reaches it", limit, unit)
    shortfall = min(0.0, mean - limit)
    return Comparison(statement, mean, error, n, limit, unit, _verdict(shortfall, _slack(error), unit))


def compare_exact(statement: str, ours: float, paper: float, unit: str = "") -> Comparison:
    """Compare a computed number with a printed one: equal after rounding to the printed digits, a whole number."""
    difference = ours - paper
    return Comparison(statement, ours, math.nan, 1, paper, unit, _verdict(difference, 0.5, unit))


def not_compared(statement: str, why: str, paper: float | None = None, unit: str = "points") -> Comparison:
    """A line for what cannot be judged."""
    return Comparison(statement, math.nan, math.nan, 0, paper, unit, f"not compared: {why}")


def measured(mean: float, error: float, unit: str = "") -> str:
    """Mean and standard error as text."""
    spread = f" +- {_figures(error)}" if math.isfinite(error) else ""
    return f"{_figures(mean)}{spread}{_spaced(unit)}"


def _slack(error: float) -> float:
    return STANDARD_ERRORS * error if math.isfinite(error) else 0.0


def _verdict(difference: float, allowed: float, unit: str) -> str:
    # a hair for sums of decimal numbers: 6.73 + 1 - 6.73 is not 1
    if abs(difference) <= allowed + 1e-9:
        return AGREE
    return f"differ by {_figures(difference, sign=True)}{_spaced(unit)}"


def _figures(value: float, sign: bool = False) -> str:
    """Two decimals, or three significant figures where that says more or less than needed."""
    spec = "+" if sign else ""
    if value == 0 or 0.1 <= abs(value) < 1000:
        return f"{value:{spec}.2f}"
    return f"{value:{spec},.0f}" if abs(value) >= 1000 else f"{value:{spec}.2g}"


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
