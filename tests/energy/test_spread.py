"""The range of a total is over the profiles of its chip, and only over those that price what was counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.profile import load_profile, profiles_of_chip
from lavaprune.energy.spread import spread_over
from lavaprune.energy.static_power import StaticPower

event_lists = st.lists(st.integers(0, 10**9), min_size=len(EVENT_KEYS), max_size=len(EVENT_KEYS))


def test_loihi_1_by_hand() -> None:
    # 1000 synaptic operations and 10 messages: 23,600 + 17 against 35,500 + 1,803
    spread = spread_over(HardwareEvents(1, 1000, 0, 0, 0, 10, 0, 0), profiles_of_chip("loihi1"))
    assert spread.totals_pj == pytest.approx({"loihi1-davies2018": 23_617.0, "loihi1-sanafe": 37_303.0})
    assert (spread.low_pj, spread.high_pj) == pytest.approx((23_617.0, 37_303.0))
    assert spread.lacking == {}
    assert spread.to_dict() == {
        "chip": "loihi1",
        "low": spread.low_pj,
        "high": spread.high_pj,
        "profiles": spread.totals_pj,
        "lacking": {},
    }


def test_a_profile_that_lacks_something_is_named_and_left_out() -> None:
    """SpiNNaker 2: one profile prices no neurons; where there are any, its total is no lower limit."""
    profiles = profiles_of_chip("spinnaker2")
    with_neurons = spread_over(HardwareEvents(1, 1000, 0, 10, 0, 0, 0, 0), profiles)
    assert with_neurons.lacking == {"spinnaker2": ("neuron_updates_active",)}
    assert with_neurons.low_pj == with_neurons.high_pj == pytest.approx(1000 * 450 + 10 * 2190)
    assert with_neurons.totals_pj["spinnaker2"] == 10_000.0
    without = spread_over(HardwareEvents(1, 1000, 0, 0, 0, 0, 0, 0), profiles)
    assert (without.low_pj, without.high_pj) == (10_000.0, 450_000.0)
    # none prices learning; the one that prices no neurons either is still no lower limit
    both = spread_over(HardwareEvents(1, 1000, 7, 10, 0, 0, 0, 0), profiles)
    assert both.lacking == {
        "spinnaker2": ("synaptic_updates", "neuron_updates_active"),
        "spinnaker2-hoppner2019": ("synaptic_updates",),
    }
    assert both.low_pj == both.high_pj == pytest.approx(1000 * 450 + 10 * 2190)
    none_complete = spread_over(HardwareEvents(1, 1000, 7, 0, 0, 0, 0, 0), profiles)
    assert (none_complete.low_pj, none_complete.high_pj) == (10_000.0, 450_000.0)


def test_static_power_that_a_profile_does_not_state() -> None:
    spread = spread_over(HardwareEvents(1, 1000, 0, 0, 0, 0, 0, 0), profiles_of_chip("truenorth"), StaticPower(1.0))
    assert spread.lacking == {"truenorth": ("static_power",)}
    assert spread.low_pj == spread.high_pj == pytest.approx(2_300 + 64.4e3)


@given(event_lists)
def test_the_range_holds_every_profile_of_the_chip(counts: list[int]) -> None:
    events = HardwareEvents(*counts)
    for chip in ("loihi1", "digital-45nm"):
        spread = spread_over(events, profiles_of_chip(chip))
        for name in spread.totals_pj:
            assert spread.low_pj <= estimate_energy(events, load_profile(name)).total_pj <= spread.high_pj


def test_chips_are_not_mixed() -> None:
    events = HardwareEvents(1, 1, 1, 1, 1, 1, 1, 1)
    with pytest.raises(EnergyError, match="profiles of 2 chips given"):
        spread_over(events, [load_profile("odin"), load_profile("loihi1-sanafe")])
    with pytest.raises(EnergyError, match="profiles of 0 chips given"):
        spread_over(events, [])
    assert profiles_of_chip("abacus") == ()
