"""Groups of neurons against a literal reading of the paper's Algorithm 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.grouping import group_binned, group_sorted

counts_lists = st.lists(st.integers(0, 400), min_size=1, max_size=60)
intervals = st.integers(1, 120)


def algorithm_1(counts: list[int], interval: int) -> list[int]:
    """Algorithm 1 line by line, neuron by neuron, with n reset to 0 for the batch."""
    groups = [0] * len(counts)
    n = 0
    s = min(counts)
    for i in sorted(range(len(counts)), key=lambda neuron: counts[neuron]):
        if not counts[i] < s + interval:
            n += 1
            s = counts[i]
        groups[i] = n
    return groups


@given(counts_lists, intervals)
def test_sorted_grouping_is_algorithm_1(counts: list[int], interval: int) -> None:
    assert group_sorted(np.array(counts), interval).tolist() == algorithm_1(counts, interval)


@given(counts_lists, intervals)
def test_properties_of_sorted_groups(counts: list[int], interval: int) -> None:
    groups = group_sorted(np.array(counts), interval)
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))  # none is empty
    for n in range(groups.max() + 1):
        members = np.array(counts)[groups == n]
        assert members.max() - members.min() < interval
    order = np.argsort(counts, kind="stable")
    assert np.all(np.diff(groups[order]) >= 0)  # more spikes, no lower group


@given(counts_lists, intervals, st.randoms())
def test_order_of_neurons_does_not_matter(counts: list[int], interval: int, random: object) -> None:
    order = list(range(len(counts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for group in (group_sorted, group_binned):
        straight = group(np.array(counts), interval)
        assert group(np.array(counts)[order], interval).tolist() == straight[order].tolist()


@given(counts_lists, intervals)
def test_binned_grouping(counts: list[int], interval: int) -> None:
    groups = group_binned(np.array(counts), interval)
    low = min(counts)
    for count, n in zip(counts, groups.tolist(), strict=True):
        assert low + n * interval <= count < low + (n + 1) * interval


def test_hand_grouped() -> None:
    # From 10: [10, 40) takes 10, 25, 39; 40 opens [40, 70); 100 opens [100, 130) - the bin from 70 is empty.
    counts = np.array([100, 10, 39, 40, 25, 69])
    assert group_sorted(counts, 30).tolist() == [2, 0, 0, 1, 0, 1]
    assert group_binned(counts, 30).tolist() == [3, 0, 0, 1, 0, 1]


def test_silent_and_equal_neurons() -> None:
    for group in (group_sorted, group_binned):
        assert group(np.zeros(5, dtype=np.int64), 30).tolist() == [0] * 5
        assert group(np.array([7]), 1).tolist() == [0]
        assert group(np.array([], dtype=np.int64), 1).tolist() == []


@pytest.mark.parametrize("group", [group_sorted, group_binned])
def test_bad_input(group: object) -> None:
    for interval in (0, -1, 1.5, float("nan"), True, None):
        with pytest.raises(PruningError, match=r"spike_interval is .*; allowed: a whole number 1"):
            group(np.array([1, 2]), interval)  # type: ignore[operator]
    for counts in (np.array([1.0]), np.array([[1]]), np.array([-1])):
        with pytest.raises(PruningError, match="grouping: spike counts"):
            group(counts, 30)  # type: ignore[operator]
