"""The estimate is linear, additive, 0 for nothing, and equal to a calculation by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import ENERGY_LABEL, estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.profile import HardwareProfile, Price, known_profiles, load_profile, profiles_of_chip
from lavaprune.energy.spread import spread_over
from lavaprune.energy.static_power import StaticPower
from lavaprune.energy.table import energy_table

profiles = st.sampled_from([load_profile(name) for name in known_profiles()])
event_lists = st.lists(st.integers(0, 10**12), min_size=len(EVENT_KEYS), max_size=len(EVENT_KEYS))

# Sums and products of floats: 1e-12 is far above their rounding and far below any number's own quality.
REL = 1e-12


@pytest.mark.parametrize(
    ("key", "pj_per_thousand"),
    [
        ("steps", 0),
        ("synaptic_ops", 23_600),
        ("synaptic_updates", 120_000),
        ("neuron_updates_active", 81_000),
        ("neuron_updates_inactive", 52_000),
        ("spikes_within_tile", 1_700),
        ("hops_ew", 3_000),
        ("hops_ns", 4_000),
        ("controller_ops", 500),
    ],
)
def test_loihi1_by_hand(key: str, pj_per_thousand: float) -> None:
    events = HardwareEvents(**{**dict.fromkeys(EVENT_KEYS, 0), key: 1000})
    estimate = estimate_energy(events, load_profile("loihi1-davies2018"))
    assert estimate.total_pj == pytest.approx(pj_per_thousand, rel=REL)
    expected = {key: pj_per_thousand} if key != "steps" else {}
    assert {k: v for k, v in estimate.components_pj.items() if v} == pytest.approx(expected, rel=REL)
    assert estimate.unpriced_events == {}


def test_the_papers_example() -> None:
    # Guo et al. 2020: 96,099 SOPs at 23.6 pJ are 2.27 uJ; 794 controller operations at 0.5 pJ are 0.40 nJ,
    # not the text's 3.4 nJ.
    events = HardwareEvents(0, 96_099, 0, 0, 0, 0, 0, 0, controller_ops=794)
    components = estimate_energy(events, load_profile("loihi1-davies2018")).components_pj
    assert round(components["synaptic_ops"] / 1e6, 2) == 2.27
    assert components["controller_ops"] == 397.0


@given(profiles)
def test_nothing_costs_nothing(profile: HardwareProfile) -> None:
    estimate = estimate_energy(HardwareEvents(*([0] * len(EVENT_KEYS))), profile)
    assert estimate.total_pj == 0.0
    assert set(estimate.components_pj.values()) == {0.0}


@given(event_lists, st.integers(0, 10**6))
def test_static_power_is_linear_too(counts: list[int], factor: int) -> None:
    profile = load_profile("loihi1-davies2018")
    for static in (StaticPower(), StaticPower(2.5)):
        once = estimate_energy(HardwareEvents(*counts), profile, static)
        often = estimate_energy(HardwareEvents(*(factor * n for n in counts)), profile, static)
        assert often.components_pj["static_power"] == pytest.approx(
            factor * once.components_pj["static_power"], rel=REL
        )
        assert once.total_pj == pytest.approx(sum(once.components_pj.values()), rel=REL)


@given(profiles, event_lists, event_lists)
def test_additive(profile: HardwareProfile, a: list[int], b: list[int]) -> None:
    ea, eb = HardwareEvents(*a), HardwareEvents(*b)
    pa, pb, both = (estimate_energy(e, profile) for e in (ea, eb, ea + eb))
    assert both.total_pj == pytest.approx(pa.total_pj + pb.total_pj, rel=REL)
    for key, value in both.components_pj.items():
        assert value == pytest.approx(pa.components_pj[key] + pb.components_pj[key], rel=REL)


@given(profiles, event_lists, st.integers(0, 10**6))
def test_linear(profile: HardwareProfile, counts: list[int], factor: int) -> None:
    once = estimate_energy(HardwareEvents(*counts), profile)
    often = estimate_energy(HardwareEvents(*(factor * n for n in counts)), profile)
    assert often.total_pj == pytest.approx(factor * once.total_pj, rel=REL)


@given(profiles, event_lists)
def test_components_are_count_times_price(profile: HardwareProfile, counts: list[int]) -> None:
    estimate = estimate_energy(HardwareEvents(*counts), profile)
    by_key = dict(zip(EVENT_KEYS, counts, strict=True))
    assert list(estimate.components_pj) == list(profile.prices)
    for key, price in profile.prices.items():
        assert estimate.components_pj[key] == by_key[key] * price.value_pj
    assert estimate.total_pj == pytest.approx(sum(estimate.components_pj.values()), rel=REL)


def synops_only() -> HardwareProfile:
    price = Price(2.0, "measured", "a test")
    return HardwareProfile("only", "chip", "Only", "here", "Beware.", "The rest.", {"synaptic_ops": price})


def test_events_without_a_price_are_named() -> None:
    estimate = estimate_energy(HardwareEvents(350, 10, 7, 0, 3, 0, 0, 0), synops_only())
    assert estimate.total_pj == 20.0
    assert estimate.unpriced_events == {"synaptic_updates": 7, "neuron_updates_inactive": 3}
    assert estimate.to_dict() == {
        "label": ENERGY_LABEL,
        "profile": "only",
        "chip": "chip",
        "qualities": ["measured"],
        "total_pj": 20.0,
        "components_pj": {"synaptic_ops": 20.0},
        "unpriced_events": {"synaptic_updates": 7, "neuron_updates_inactive": 3},
    }


def test_table_says_what_it_is() -> None:
    profile = load_profile("loihi1-davies2018")
    training = estimate_energy(HardwareEvents(350, 1000, 100, 0, 0, 0, 0, 0), profile)
    inference = estimate_energy(HardwareEvents(350, 1000, 0, 0, 0, 0, 0, 0), profile)
    text = energy_table({"training": training, "inference": inference}, divide_by={"training": 2})
    assert text.splitlines()[0].startswith("event-model dynamic energy, profile loihi1-davies2018: ")
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines()[1:11]}
    assert rows["pJ"] == ["training", "inference"]
    assert rows["synaptic_ops"] == ["11,800.0", "23,600.0"]
    assert rows["synaptic_updates"] == ["6,000.0", "0.0"]
    assert rows["total"] == ["17,800.0", "23,600.0"]
    assert "pre-silicon" in text
    assert "23 uJ per time step" in text
    assert "Hops between tiles are 0" in text
    placed = estimate_energy(HardwareEvents(350, 1000, 0, 0, 0, 0, 0, 5), profile)
    assert "Hops between tiles" not in energy_table({"training": training, "placed": placed})


def test_table_gives_the_range_of_the_chip() -> None:
    events = HardwareEvents(350, 1000, 0, 10, 0, 0, 0, 0)
    profile = load_profile("spinnaker2-hoppner2019")
    spread = spread_over(events, profiles_of_chip("spinnaker2"))
    text = energy_table({"all": estimate_energy(events, profile)}, divide_by={"all": 2}, spreads={"all": spread})
    # (1000 x 450 + 10 x 2190) / 2
    assert (
        "all, total over 1 profile(s) of spinnaker2 (spinnaker2-hoppner2019): 235,950.0 .. 235,950.0 pJ. "
        "spinnaker2 has no price for neuron_updates_active."
    ) in " ".join(text.split())


def test_table_names_what_the_total_lacks() -> None:
    estimate = estimate_energy(HardwareEvents(1, 10, 7, 0, 0, 0, 0, 0), synops_only())
    assert "all: only has no price for 7 synaptic_updates" in energy_table({"all": estimate})


def test_table_refuses_what_it_cannot_say() -> None:
    events = HardwareEvents(1, 1, 1, 1, 1, 1, 1, 1)
    one, other = estimate_energy(events, synops_only()), estimate_energy(events, load_profile())
    with pytest.raises(EnergyError, match="2 profiles given"):
        energy_table({"a": one, "b": other})
    with pytest.raises(EnergyError, match="0 profiles given"):
        energy_table({})
    with pytest.raises(EnergyError, match="divisor of 'a' is 0"):
        energy_table({"a": one}, divide_by={"a": 0})


def test_static_power_by_hand() -> None:
    profile = load_profile("loihi1-davies2018")
    events = HardwareEvents(10, 1000, 100, 30, 70, 20, 5, 2, controller_ops=40)
    # given 4 us a step: 104 mW x 40 us = 4.16 uJ
    estimate = estimate_energy(events, profile, StaticPower(4.0))
    assert estimate.components_pj["static_power"] == pytest.approx(4.16e6, rel=REL)
    assert estimate.label == "event-model dynamic energy and static power"
    assert estimate.to_dict()["label"] == estimate.label
    # by latencies, ns: 10 x 465 + 1000 x 3.5 + 100 x 6.1 + 30 x 8.4 + 70 x 5.3 + 20 x 2.1 + 5 x 4.1 + 2 x 6.5
    time_us, source = StaticPower().time_us(events, profile)
    assert time_us == pytest.approx(9.4585, rel=REL)
    assert source.startswith("published latencies")
    assert StaticPower().energy_pj(events, profile) == pytest.approx(104 * 9.4585e3, rel=REL)
    # TrueNorth's steps take 1 ms: 64.4 mW x 10 ms = 644 uJ
    assert StaticPower().energy_pj(events, load_profile("truenorth-fit")) == pytest.approx(644e6, rel=REL)
    assert "static_power" not in estimate_energy(events, profile).components_pj


def test_static_power_refused() -> None:
    events = HardwareEvents(1, 0, 0, 0, 0, 0, 0, 0)
    with pytest.raises(EnergyError, match="odin: states no static power"):
        estimate_energy(events, load_profile("odin"), StaticPower())
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(EnergyError, match="step time is .* us; allowed: above 0"):
            StaticPower(wrong)
    profile = replace(load_profile("truenorth-fit"), step_time_us=None)
    with pytest.raises(EnergyError, match="no step time, no latencies"):
        StaticPower().energy_pj(events, profile)


def test_included_events_are_not_missing() -> None:
    estimate = estimate_energy(HardwareEvents(350, 10, 0, 5, 3, 2, 1, 1), load_profile("truenorth"))
    assert estimate.components_pj == {"synaptic_ops": 260.0}
    assert estimate.unpriced_events == {}
    text = energy_table({"all": estimate})
    assert "Within the price of a synaptic operation: neuron_updates_active, neuron_updates_inactive" in text
