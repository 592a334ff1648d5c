"""Counts of a deep network: sums, plain numbers and back, and hardware events."""

from __future__ import annotations

from typing import Any

import pytest

from lavaprune.energy.errors import CountsError
from lavaprune.energy.estimator import estimate_energy
from lavaprune.energy.feedforward_counts import FeedforwardCounts, LayerCounts
from lavaprune.energy.profile import load_profile

COUNTS = FeedforwardCounts(20, 7, {"conv1": LayerCounts(100, 11, 40, 2), "out": LayerCounts(10, 3, 5, 1)})


def test_events_are_the_sums_over_layers() -> None:
    events = COUNTS.hardware_events()
    assert events.to_dict() == {
        "steps": 20,
        "synaptic_ops": 110,
        "synaptic_updates": 0,
        "neuron_updates_active": 45,
        "neuron_updates_inactive": 3,
        "spikes_within_tile": 7 + 11,  # the output's go nowhere
        "hops_ew": 0,
        "hops_ns": 0,
        "controller_ops": 0,
    }
    placed = COUNTS.hardware_events({"spikes_within_tile": 50, "hops_ew": 4, "hops_ns": 6})
    assert (placed.spikes_within_tile, placed.hops_ew, placed.hops_ns) == (50, 4, 6)
    assert COUNTS.spikes == {"input": 7, "conv1": 11, "out": 3}
    assert COUNTS.neuron_updates == 48


def test_energy_by_hand() -> None:
    """Davies et al. 2018: 23.6 pJ an operation, 81 and 52 an update, 1.7 a message."""
    estimate = estimate_energy(COUNTS.hardware_events(), load_profile("loihi1-davies2018"))
    assert estimate.total_pj == pytest.approx(110 * 23.6 + 45 * 81 + 3 * 52 + 18 * 1.7)


def test_two_sets_add_up() -> None:
    other = FeedforwardCounts(10, 1, {"conv1": LayerCounts(1, 2, 3, 4), "out": LayerCounts(5, 6, 7, 8)})
    both = COUNTS + other
    assert both.hardware_events() == COUNTS.hardware_events() + other.hardware_events()
    assert both.layers["out"] == LayerCounts(15, 9, 12, 9)
    with pytest.raises(CountsError, match="allowed to add"):
        COUNTS + FeedforwardCounts(1, 1, {"conv1": LayerCounts(1, 2, 3, 4)})


def test_plain_numbers_and_back() -> None:
    assert FeedforwardCounts.from_mapping(COUNTS.to_dict()) == COUNTS


@pytest.mark.parametrize(
    "change",
    [
        {"steps": -1},
        {"steps": None},
        {"input_spikes": 1.5},
        {"layers": None},
        {"layers": {"conv1": {"synaptic_ops": 1}}},
        {"layers": {"conv1": 5}},
        {"layers": {"conv1": dict(synaptic_ops=1, spikes=2, neuron_updates_active=3, neuron_updates_inactive="4")}},
    ],
)
def test_refuses_what_is_no_count(change: dict[str, Any]) -> None:
    with pytest.raises(CountsError):
        FeedforwardCounts.from_mapping(COUNTS.to_dict() | change)
