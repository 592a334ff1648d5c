"""Every profile that ships, every component, against products written out; and what each leaves without a price."""

from __future__ import annotations

import pytest

from lavaprune.energy.conventional import conventional_layer
from lavaprune.energy.errors import CountsError, ProfileError
from lavaprune.energy.estimator import estimate_energy
from lavaprune.energy.hardware_events import EVENT_KEYS, HardwareEvents
from lavaprune.energy.profile import known_profiles, load_profile

REL = 1e-12
EVENTS = HardwareEvents(
    steps=350,
    synaptic_ops=1000,
    synaptic_updates=100,
    neuron_updates_active=30,
    neuron_updates_inactive=70,
    spikes_within_tile=10,
    hops_ew=5,
    hops_ns=2,
    controller_ops=40,
)
NO_NEURONS = {
    "synaptic_updates": 100,
    "neuron_updates_active": 30,
    "neuron_updates_inactive": 70,
    "spikes_within_tile": 10,
    "hops_ew": 5,
    "hops_ns": 2,
    "controller_ops": 40,
}
NO_LEARNING = {"synaptic_updates": 100, "controller_ops": 40}
SOFTWARE = {"synaptic_updates": 100, "spikes_within_tile": 10, "hops_ew": 5, "hops_ns": 2, "controller_ops": 40}

# Loihi 1: Davies et al. 2018, Table 2. 1000 x 23.6, 100 x 120, 30 x 81, 70 x 52, 10 x 1.7, 5 x 3.0, 2 x 4.0, 40 x 0.5
DAVIES = {
    "synaptic_ops": 23_600.0,
    "synaptic_updates": 12_000.0,
    "neuron_updates_active": 2_430.0,
    "neuron_updates_inactive": 3_640.0,
    "spikes_within_tile": 17.0,
    "hops_ew": 15.0,
    "hops_ns": 8.0,
    "controller_ops": 20.0,
}
BY_HAND: dict[str, tuple[dict[str, float], float, dict[str, int]]] = {
    "loihi1-davies2018": (DAVIES, 41_730.0, {}),
    # SANA-FE: 1000 x 35.5; 100 x 120 (borrowed); 30 x (51.2 + 21.6); 70 x 51.2; 10 x (69.3 + 111); 5 x 3; 2 x 4.2;
    # 40 x 0.5
    "loihi1-sanafe": (
        {
            "synaptic_ops": 35_500.0,
            "synaptic_updates": 12_000.0,
            "neuron_updates_active": 2_184.0,
            "neuron_updates_inactive": 3_584.0,
            "spikes_within_tile": 1_803.0,
            "hops_ew": 15.0,
            "hops_ns": 8.4,
            "controller_ops": 20.0,
        },
        55_114.4,
        {},
    ),
    "loihi2-proxy": (DAVIES, 41_730.0, {}),
    "truenorth": ({"synaptic_ops": 26_000.0}, 26_000.0, NO_LEARNING),  # 1000 x 26
    "truenorth-fit": ({"synaptic_ops": 2_300.0}, 2_300.0, NO_LEARNING),  # 1000 x 2.30
    "odin": ({"synaptic_ops": 12_700.0}, 12_700.0, NO_NEURONS),  # 1000 x 12.7
    "reckon": ({"synaptic_ops": 5_300.0}, 5_300.0, NO_NEURONS),  # 1000 x 5.3
    "tianjic": ({"synaptic_ops": 1_540.0}, 1_540.0, NO_NEURONS),  # 1000 x 1.54
    "seneca": ({"synaptic_ops": 2_800.0}, 2_800.0, NO_NEURONS),  # 1000 x 2.8
    "spinnaker2": ({"synaptic_ops": 10_000.0}, 10_000.0, NO_NEURONS),  # 1000 x 10
    # 1000 x 450, 30 x 2190, 70 x 2190
    "spinnaker2-hoppner2019": (
        {"synaptic_ops": 450_000.0, "neuron_updates_active": 65_700.0, "neuron_updates_inactive": 153_300.0},
        669_000.0,
        SOFTWARE,
    ),
    # 1000 x 13,300, 30 x 26,000, 70 x 26,000
    "spinnaker": (
        {"synaptic_ops": 13_300_000.0, "neuron_updates_active": 780_000.0, "neuron_updates_inactive": 1_820_000.0},
        15_900_000.0,
        SOFTWARE,
    ),
    # An access costs 5, an addition 0.1, a multiplication 3.1: 1000 x (3 x 5 + 0.1), 100 x (3 x 5 + 3.1 + 0.1),
    # 30 x (8 x 5 + 5 x 3.1 + 7 x 0.1), 70 x 5 x 5, 10 x 2 x 5, no mesh, 40 x 5
    "digital-45nm-int32": (
        {
            "synaptic_ops": 15_100.0,
            "synaptic_updates": 1_820.0,
            "neuron_updates_active": 1_686.0,
            "neuron_updates_inactive": 1_750.0,
            "spikes_within_tile": 100.0,
            "hops_ew": 0.0,
            "hops_ns": 0.0,
            "controller_ops": 200.0,
        },
        20_656.0,
        {},
    ),
    # The same with an addition at 0.9 and a multiplication at 3.7
    "digital-45nm-fp32": (
        {
            "synaptic_ops": 15_900.0,
            "synaptic_updates": 1_960.0,
            "neuron_updates_active": 1_944.0,
            "neuron_updates_inactive": 1_750.0,
            "spikes_within_tile": 100.0,
            "hops_ew": 0.0,
            "hops_ns": 0.0,
            "controller_ops": 200.0,
        },
        21_854.0,
        {},
    ),
}


def test_no_profile_is_left_out() -> None:
    assert set(BY_HAND) == set(known_profiles())


@pytest.mark.parametrize("name", BY_HAND)
def test_components_and_total(name: str) -> None:
    components, total, unpriced = BY_HAND[name]
    estimate = estimate_energy(EVENTS, load_profile(name))
    assert estimate.components_pj == pytest.approx(components, rel=REL)
    assert list(estimate.components_pj) == [key for key in EVENT_KEYS if key in components]
    assert estimate.total_pj == pytest.approx(total, rel=REL)
    assert estimate.unpriced_events == unpriced


def test_what_qualities_may_be_called() -> None:
    """Davies et al. simulated, SANA-FE fitted, and of Loihi 2 nothing is known."""
    qualities = {name: {p.quality for p in load_profile(name).prices.values()} for name in BY_HAND}
    assert "measured" not in qualities["loihi1-davies2018"] | qualities["loihi1-sanafe"]
    assert qualities["loihi2-proxy"] == {"proxy"}
    assert "proxy, unverified" in load_profile("loihi2-proxy").title
    assert load_profile("loihi1-sanafe").prices["synaptic_updates"].quality == "proxy"
    assert "23 uJ per time step" in "".join(load_profile(name).caveat for name in BY_HAND)
    assert all("23 uJ per time step" in load_profile(name).caveat for name in BY_HAND)


def test_sanafe_states_its_sums() -> None:
    prices = load_profile("loihi1-sanafe").prices
    assert prices["neuron_updates_active"].parts_pj == {"soma access": 51.2, "soma update": 21.6}
    assert prices["spikes_within_tile"].parts_pj == {"soma spike out": 69.3, "axon out": 111.0}


@pytest.mark.parametrize(
    ("name", "macs_pj", "accesses_pj"),
    [
        # 784 x 100 MACs of 3.1 + 0.1 (3.7 + 0.9); 78,400 weights, 784 inputs and 100 outputs, 5 each
        ("digital-45nm-int32", 250_880.0, 396_420.0),
        ("digital-45nm-fp32", 360_640.0, 396_420.0),
    ],
)
def test_conventional_network_by_hand(name: str, macs_pj: float, accesses_pj: float) -> None:
    estimate = conventional_layer(784, 100, load_profile(name))
    assert estimate.counts == {"multiply_accumulate": 78_400, "memory_access": 79_284}
    assert estimate.components_pj == pytest.approx({"multiply_accumulate": macs_pj, "memory_access": accesses_pj})
    assert estimate.total_pj == pytest.approx(macs_pj + accesses_pj)
    assert conventional_layer(0, 0, load_profile(name)).total_pj == 0


def test_conventional_network_refused() -> None:
    with pytest.raises(ProfileError, match="odin: has no conventional_pj"):
        conventional_layer(784, 100, load_profile("odin"))
    with pytest.raises(CountsError, match="inputs is -1"):
        conventional_layer(-1, 100, load_profile("digital-45nm-int32"))
