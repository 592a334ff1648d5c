"""What a figure or table of the reproduction is: the runs that it needs, and how it is drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lavaprune.reproduce.grids import Grids, Series
from lavaprune.reproduce.outcome import Outcome
from lavaprune.reproduce.runs import Point, Runs
from lavaprune.settings import Settings


@dataclass(frozen=True)
class Context:
    """What drawing may use besides the runs: grids, the folder for arrays that are kept, and the data folder."""

    grids: Grids
    out: Path
    data_dir: Path | None


@dataclass(frozen=True)
class Experiment:
    """A figure or table.

    Attributes
    ----------
    title : str
    configurations : callable
        Grids -> the runs needed; the unpruned networks of all of them are added.
    draw : callable
        (Context, Runs) -> Outcome.
    measured : bool
        False if its comparisons hold for formulas, whatever the runs' size.
    """

    title: str
    configurations: Callable[[Grids], Sequence[Settings]]
    draw: Callable[[Context, Runs], Outcome]
    measured: bool = True


@dataclass(frozen=True)
class Curve:
    """A series with its finished runs."""

    series: Series
    points: tuple[Point, ...]


def curve_of(runs: Runs, series: Series) -> Curve:
    """The series with its runs.

    Raises
    ------
    RunError
        If one is missing.
    """
    return Curve(series, tuple(runs.point(point) for point in series.points))


def no_runs(grids: Grids) -> Sequence[Settings]:
    """For experiments that need none of the sweep's runs."""
    del grids
    return ()
