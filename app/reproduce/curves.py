"""Curves through the runs of one series: reading values between its points, and comparing two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lavaprune.reproduce.runs import Point

Floats = npt.NDArray[np.float64]
_GRID_POINTS = 41


@dataclass(frozen=True)
class Advantage:
    """How much one curve lies above another: mean over a range, per seed, and the range that both cover."""

    values: Floats
    low: float
    high: float

    @property
    def where(self) -> str:
        """The range as text; empty where there is none."""
        return f"{self.low:.1f} .. {self.high:.1f}" if self.values.size else "nowhere"


def interpolate(points: Sequence[Point], quantity: str, at: npt.ArrayLike, over: str = "connectivity") -> Floats:
    """Read `quantity` between the points, linearly in `over`, for each seed.

    Parameters
    ----------
    points : sequence of Point
        Of the same seeds; in any order.
    quantity, over : str
        Names in `Point.values`.
    at : floats, shape (M,)

    Returns
    -------
    (seeds, M) ndarray of float64
        NaN outside the range that a seed's points cover: nothing is extrapolated.
    """
    where = np.atleast_1d(np.asarray(at, float))
    if not points:
        return np.full((0, len(where)), np.nan)
    xs, ys = (np.stack([point.values[name] for point in points]) for name in (over, quantity))
    rows = []
    for x, y in zip(xs.T, ys.T, strict=True):
        known = np.isfinite(x) & np.isfinite(y)
        levels, which, counts = np.unique(x[known], return_inverse=True, return_counts=True)
        if levels.size == 0:
            rows.append(np.full(len(where), np.nan))
            continue
        means = np.bincount(which, weights=y[known], minlength=levels.size) / counts
        rows.append(np.interp(where, levels, means, left=np.nan, right=np.nan))
    return np.stack(rows)


def at_level(points: Sequence[Point], quantity: str, level: float, over: str = "connectivity") -> Floats:
    """`quantity` where `over` is `level`, per seed; NaN where a seed's points do not reach it."""
    return interpolate(points, quantity, [level], over)[:, 0]


def advantage(
    first: Sequence[Point],
    second: Sequence[Point],
    low: float,
    high: float,
    quantity: str = "accuracy",
    over: str = "connectivity",
) -> Advantage:
    """Mean of `quantity` of `first` less that of `second`, over the part of [low, high] that both cover."""
    if not first or not second:
        return Advantage(np.zeros(0), low, high)
    ranges = [_covered(points, over) for points in (first, second)]
    start, end = max(low, *(r[0] for r in ranges)), min(high, *(r[1] for r in ranges))
    if not start <= end:
        return Advantage(np.zeros(0), low, high)
    grid = np.linspace(start, end, _GRID_POINTS)
    difference = interpolate(first, quantity, grid, over) - interpolate(second, quantity, grid, over)
    return Advantage(difference.mean(axis=1), start, end)


def lowest_within(points: Sequence[Point], loss: float = 1.0, over: str = "connectivity") -> Floats:
    """Lowest connectivity, in %, that is reached from 100 % down before the loss exceeds `loss` points; per seed.

    The curve starts at the unpruned network: 100 % and no loss. Where the loss never exceeds it, the lowest point
    of the curve counts.
    """
    found = []
    for seed in range(points[0].n if points else 0):
        pairs = sorted(((p.values[over][seed], p.values["loss"][seed]) for p in points), reverse=True)
        x, y = 100.0, 0.0
        for next_x, next_y in pairs:
            if next_y > loss:
                x -= (x - next_x) * (loss - y) / (next_y - y)
                break
            x, y = next_x, next_y
        found.append(x)
    return np.array(found)


def threshold_difference(first: Sequence[Point], second: Sequence[Point]) -> Floats:
    """Threshold that `first` needs less that of `second`, % of w_max, per seed: mean over connectivities of both."""
    if not first or not second:
        return np.zeros(0)
    grid = np.linspace(0, 100, 401)
    difference = 100 * (interpolate(first, "threshold", grid) - interpolate(second, "threshold", grid))
    known = np.isfinite(difference).all(axis=0)
    return difference[:, known].mean(axis=1) if known.any() else np.zeros(0)


def _covered(points: Sequence[Point], over: str) -> tuple[float, float]:
    """The range that the points of every seed cover."""
    x = np.stack([point.values[over] for point in points])
    return float(np.nanmin(x, axis=0).max()), float(np.nanmax(x, axis=0).min())
