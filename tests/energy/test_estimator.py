"""The estimate is linear, additive, 0 for nothing, and equal to a calculation by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.energy.errors import EnergyError
from lavaprune.energy.estimator import ENERGY_LABEL, estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.profile import HardwareProfile, Price, known_profiles, load_profile
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
