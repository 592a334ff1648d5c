"""The mapping of the engines' counters onto priced events, and counts given by name."""

from __future__ import annotations

import pytest

from lavaprune.energy.counts import COUNTER_NAMES, EventCounts
from lavaprune.energy.errors import CountsError
from lavaprune.energy.hardware_events import EVENT_KEYS, REQUIRED_KEYS, UNPRICED_COUNTERS, HardwareEvents


def test_mapping_of_our_counters() -> None:
    counts = EventCounts(**{name: 10**i for i, name in enumerate(COUNTER_NAMES)})
    events = HardwareEvents.from_counts(counts, steps=350)
    assert events.to_dict() == {
        "steps": 350,
        "synaptic_ops": 111_000,
        "synaptic_updates": 10**6 + 10**9,
        "neuron_updates_active": 10**12 + 10**14,
        "neuron_updates_inactive": 10**13 + 10**15,
        "spikes_within_tile": 111,
        "hops_ew": 0,
        "hops_ns": 0,
        "controller_ops": 10**17,
    }


def test_every_counter_is_mapped_or_named_as_left_out() -> None:
    # Sub-counts of the updates ("live", "changed") describe events that are already counted.
    nothing = HardwareEvents.from_counts(EventCounts(), steps=0)
    left_out = [
        name
        for name in COUNTER_NAMES
        if HardwareEvents.from_counts(EventCounts(**{name: 1}), steps=0) == nothing
        and not name.endswith(("_live", "_changed"))
    ]
    assert tuple(left_out) == UNPRICED_COUNTERS


def test_hops_come_from_the_caller() -> None:
    events = HardwareEvents.from_counts(EventCounts(), steps=1, hops_ew=3, hops_ns=4)
    assert (events.hops_ew, events.hops_ns) == (3, 4)


def test_from_mapping_round_trip_and_default() -> None:
    mapping = {key: i for i, key in enumerate(REQUIRED_KEYS)}
    assert HardwareEvents.from_mapping(mapping).to_dict() == {**mapping, "controller_ops": 0}
    assert HardwareEvents.from_mapping({**mapping, "controller_ops": 9}).controller_ops == 9


def test_sum() -> None:
    a = HardwareEvents(*range(9))
    assert list((a + a).to_dict().values()) == [2 * i for i in range(9)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hops_ew": None}, "hops_ew is None; allowed: an integer 0"),
        ({"steps": -1}, "steps is -1"),
        ({"synaptic_ops": 1.5}, "synaptic_ops is 1.5"),
        ({"synops": 1}, "unknown 'synops'; known: steps, "),
    ],
)
def test_bad_mappings(change: dict[str, object], message: str) -> None:
    with pytest.raises(CountsError, match=message):
        HardwareEvents.from_mapping({**dict.fromkeys(EVENT_KEYS, 1), **change})


def test_missing_keys_and_no_object() -> None:
    with pytest.raises(CountsError, match="missing hops_ew, hops_ns; required: "):
        HardwareEvents.from_mapping(dict.fromkeys(REQUIRED_KEYS[:-2], 1))
    with pytest.raises(CountsError, match="list given"):
        HardwareEvents.from_mapping([1, 2])  # type: ignore[arg-type]
