"""Verdicts and curves, with numbers made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lavaprune.reproduce.compare import (
    Comparison,
    compare_at_least,
    compare_at_most,
    compare_exact,
    compare_larger,
    compare_number,
    compare_similar,
    not_compared,
    statistics,
)
from lavaprune.reproduce.curves import advantage, at_level, interpolate, lowest_within, threshold_difference
from lavaprune.reproduce.operations import best_connectivity, figure_of_merit
from lavaprune.reproduce.runs import Point
from lavaprune.settings import Settings


def test_statistics() -> None:
    mean, deviation, error, n = statistics([1.0, 2.0, 3.0, math.nan])
    assert (mean, deviation, n) == (2.0, 1.0, 3)
    assert error == pytest.approx(1 / math.sqrt(3))
    mean, deviation, error, n = statistics([5.0])
    assert (mean, n) == (5.0, 1)
    assert math.isnan(deviation)
    assert math.isnan(error)
    assert statistics([])[3] == 0


@pytest.mark.parametrize(
    ("values", "paper", "verdict"),
    [
        ([6.0, 6.0, 6.0], 6.73, "agree"),  # within 1 point
        ([7.73], 6.73, "agree"),  # just 1 point
        ([7.74], 6.73, "differ by +1.01 points"),
        ([5.0, 5.0], 6.73, "differ by -1.73 points"),
        # mean 9, deviation 2, standard error 2 / sqrt(3) = 1.155: twice that is 2.31
        ([7.0, 9.0, 11.0], 6.70, "agree"),
        ([7.0, 9.0, 11.0], 6.68, "differ by +2.32 points"),
        ([math.nan, 6.0], 6.73, "agree"),
        ([math.nan], 6.73, "not compared: no run of ours reaches it"),
    ],
)
def test_numbers(values: list[float], paper: float, verdict: str) -> None:
    comparison = compare_number("loss", values, paper)
    assert comparison.verdict == verdict
    assert comparison.line().endswith(verdict)
    assert comparison.agrees is (None if verdict.startswith("not") else verdict == "agree")


def test_a_line_says_all() -> None:
    comparison = compare_number("APTN: loss", [3.0, 4.0, 5.0], 6.73, better="lower")
    assert comparison.line() == (
        "APTN: loss (ours is better): ours 4.00 +- 0.58 points (n = 3), paper 6.73 points: differ by -2.73 points"
    )
    worse = compare_number("loss", [9.0], 6.73, better="lower")
    assert "better" not in worse.line()
    assert "(ours is better)" in compare_number("saved", [9.0], 6.73, better="higher").line()


def test_order_is_judged_by_the_mean_and_its_noise_is_named() -> None:
    clear = compare_larger("a above b", [1.0, 1.1, 0.9])
    assert clear.verdict == "agree"
    assert "noise" not in clear.statement
    noisy = compare_larger("a above b", [1.0, -0.9, 0.2])
    assert noisy.verdict == "agree"
    assert "within the noise of the seeds" in noisy.statement
    assert compare_larger("a above b", [-1.0, -1.1, -0.9]).verdict == "differ by 1.00 points"
    assert compare_larger("a above b", [0.0]).verdict == "differ by 0.00 points"
    assert compare_larger("a above b", np.zeros(0)).agrees is None


def test_likeness_and_bounds() -> None:
    assert compare_similar("alike", [0.9]).agrees
    assert compare_similar("alike", [-1.5]).verdict == "differ by -1.50 points"
    assert compare_at_most("bound", [0.9], 1.0).agrees
    assert compare_at_most("bound", [1.2], 1.0).verdict == "differ by +0.20 points"
    assert compare_at_most("bound", [0.0, 2.4], 1.0).agrees  # standard error 1.2
    assert compare_at_least("bound", [81.0], 80.0, "%").agrees
    assert compare_at_least("bound", [78.0], 80.0, "%").verdict == "differ by -2.00 %"
    assert compare_at_least("bound", [], 80.0).agrees is None
    assert compare_exact("cycles", 403.94, 404).agrees
    assert compare_exact("cycles", 403.4, 404).verdict == "differ by -0.60"
    assert not_compared("x", "quick run").line() == "x: not compared: quick run"


def point(connectivity: list[float], loss: list[float], total: float = 50.0, threshold: float = 0.1) -> Point:
    """A point of so many seeds; accuracy is 90 less the loss."""
    values = {
        "connectivity": np.array(connectivity),
        "loss": np.array(loss),
        "accuracy": 90.0 - np.array(loss),
        "total": np.full(len(loss), total),
        "threshold": np.full(len(loss), threshold),
    }
    return Point(Settings(), tuple(range(len(loss))), values, ())


def test_reading_between_points() -> None:
    points = [point([20.0, 22.0], [1.0, 2.0]), point([10.0, 11.0], [3.0, 4.0])]
    assert at_level(points, "loss", 15.0).tolist() == pytest.approx([2.0, 4 - 2 * 4 / 11])
    outside = interpolate(points, "loss", [10.5, 21.0])
    assert np.isnan(outside).tolist() == [[False, True], [True, False]]
    assert interpolate([point([10.0], [1.0]), point([10.0], [3.0])], "loss", [10.0]).tolist() == [[2.0]]
    assert interpolate([], "loss", [1.0]).shape == (0, 1)


def test_advantage_over_the_common_range() -> None:
    first = [point([5.0], [4.0]), point([15.0], [2.0])]
    second = [point([8.0], [6.0]), point([30.0], [6.0])]
    lead = advantage(first, second, 3.0, 10.0)
    assert (lead.low, lead.high) == (8.0, 10.0)
    assert lead.values.tolist() == pytest.approx([6.0 - 3.2])
    assert lead.where == "8.0 .. 10.0"
    nowhere = advantage(first, second, 0.0, 4.0)
    assert nowhere.values.size == 0
    assert nowhere.where == "nowhere"
    assert advantage([], second, 0.0, 4.0).values.size == 0


def test_lowest_connectivity_within_a_point() -> None:
    points = [point([20.0, 20.0], [0.5, 2.0]), point([10.0, 10.0], [2.5, 3.0])]
    assert lowest_within(points).tolist() == pytest.approx([17.5, 60.0])
    assert lowest_within([point([20.0], [-1.0])]).tolist() == [20.0]


def test_threshold_needed_for_a_connectivity() -> None:
    first = [point([30.0], [0.0], threshold=0.1), point([10.0], [0.0], threshold=0.3)]
    second = [point([30.0], [0.0], threshold=0.05), point([10.0], [0.0], threshold=0.25)]
    assert threshold_difference(first, second).tolist() == pytest.approx([5.0])
    assert threshold_difference(first, [point([50.0], [0.0])]).size == 0


def test_figure_of_merit_leaves_out_what_costs_nothing() -> None:
    free = point([28.0, 28.0], [-0.1, 0.2], total=70.0)
    cheap = point([14.0, 15.0], [2.0, 2.2], total=50.0)
    dear = point([8.0, 8.0], [8.0, 8.0], total=40.0)
    assert figure_of_merit(cheap).tolist() == pytest.approx([1.0, 1.1])
    assert best_connectivity([free, cheap, dear]) is cheap
    assert best_connectivity([free]) is None


def test_comparison_without_numbers_names_the_paper() -> None:
    comparison = Comparison("x", math.nan, math.nan, 0, 14.5, "%", "not compared: quick run")
    assert comparison.line() == "x, paper 14.50 %: not compared: quick run"
