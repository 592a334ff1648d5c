"""Messages and hops: by hand, walked step by step, and what must always hold."""

from __future__ import annotations

import dataclasses
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.energy.chip import CitedNumber, load_chip
from lavaprune.energy.connectivity import Uniform
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.counts import EventCounts
from lavaprune.energy.errors import CountsError
from lavaprune.energy.hardware_events import HardwareEvents
from lavaprune.energy.network_description import Connection, NetworkDescription, Population
from lavaprune.energy.placement import Mesh, Messages, route
from lavaprune.energy.winner_take_all_network import winner_take_all_network

LOIHI1 = load_chip("loihi1")


def small_cores(compartments: int, memory: int = 2**20) -> object:
    numbers = {
        **LOIHI1.numbers,
        "compartments_per_core": CitedNumber(compartments, "assumed", "test"),
        "memory_bits_per_core": CitedNumber(memory, "assumed", "test"),
    }
    return dataclasses.replace(LOIHI1, numbers=MappingProxyType(numbers))


def test_loihi_1_has_32_tiles_of_4_cores_in_4_rows_of_8() -> None:
    column, row = Mesh.of(LOIHI1).tiles(np.array([0, 3, 4, 31, 32, 127, 128, 132]))
    assert column.tolist() == [0, 0, 1, 7, 0, 7, 8, 9]  # core 128 is on the second chip, east of the first
    assert row.tolist() == [0, 0, 0, 0, 1, 3, 0, 0]


def chain(n: int, connectivity: float = 1.0) -> NetworkDescription:
    """Inputs to a, and a to b; one neuron per core in the tests below."""
    return NetworkDescription(
        (Population("in", 2, on_chip=False), Population("a", n), Population("b", 1)),
        (Connection("1", "in", "a", Uniform(connectivity)), Connection("2", "a", "b", Uniform(1.0))),
    )


def test_by_hand() -> None:
    # a on cores 0-7 (tiles (0, 0) and (1, 0)), b on core 8 (tile (2, 0))
    fit = fit_network(chain(8), small_cores(1))  # type: ignore[arg-type]
    assert dict(fit.cores_by_group) == {"a": 8, "b": 1}
    # an input spike goes to all 8 cores, four of them one hop east of where inputs enter
    assert route(fit, {"in": 3}) == Messages(3 * 8, 3 * 4, 0)
    # a neuron of the first tile is two hops from b, one of the second one hop
    assert route(fit, {"a": np.array([1, 0, 0, 0, 0, 0, 0, 0])}) == Messages(1, 2, 0)
    assert route(fit, {"a": np.array([0, 0, 0, 0, 0, 5, 0, 0])}) == Messages(5, 5, 0)
    # a total of 8 is one spike of each; of 3: 3 * 12 / 8 = 4.5 hops, halves up
    assert route(fit, {"a": 8}) == Messages(8, 4 * 2 + 4 * 1, 0)
    assert route(fit, {"a": 3}) == Messages(3, 5, 0)
    assert route(fit, {"b": 7}) == Messages(0, 0, 0)  # nobody listens
    assert route(fit, {"in": 3, "a": 3}) == Messages(27, 17, 0)


def test_rows() -> None:
    # 33 cores of a: the last is in the second row; b is on core 33, the same tile (0, 1)
    fit = fit_network(chain(33), small_cores(1))  # type: ignore[arg-type]
    spikes = np.zeros(33, np.int64)
    spikes[32] = 1
    assert route(fit, {"a": spikes}) == Messages(1, 0, 0)
    spikes[31] = 1  # tile (7, 0): seven hops west, one south
    assert route(fit, {"a": spikes}) == Messages(2, 7, 1)
    # inputs enter at (0, 0): to columns 0..7 of row 0, four cores each, and one core a row further south
    assert route(fit, {"in": 1}) == Messages(33, 4 * sum(range(8)), 1)


def test_no_synapses_no_messages() -> None:
    fit = fit_network(chain(8, connectivity=0.0), small_cores(1))  # type: ignore[arg-type]
    assert route(fit, {"in": 10}) == Messages(0, 0, 0)


def test_pruning_saves_messages() -> None:
    mask = np.zeros((3, 40), bool)
    mask[0, :] = True
    mask[1, 39] = True  # one core only; input 2 has none
    fit = fit_network(winner_take_all_network(3, 40, mask=mask, only_input=True), small_cores(10))  # type: ignore[arg-type]
    assert fit.cores == 4
    by_input = [route(fit, {"input": np.eye(3, dtype=np.int64)[i]}).spikes_within_tile for i in range(3)]
    assert by_input == [4, 1, 0]
    assert route(fit, {"input": 3}).spikes_within_tile == 5


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, int, np.ndarray, str, str, int, int]:
    inputs, neurons = draw(st.integers(1, 5)), draw(st.integers(1, 40))
    mask = np.random.default_rng(draw(st.integers(0, 999))).random((inputs, neurons)) < draw(st.floats(0, 1))
    inhibition = draw(st.sampled_from(["interneurons", "direct"]))
    lateral = draw(st.sampled_from(["separate", "shared"]))
    return inputs, neurons, mask, inhibition, lateral, draw(st.integers(2, 30)), draw(st.integers(0, 999))


@settings(max_examples=50)
@given(cases())
def test_every_spike_walked_through_the_mesh(case: tuple[int, int, np.ndarray, str, str, int, int]) -> None:
    inputs, neurons, mask, inhibition, lateral, compartments, seed = case
    network = winner_take_all_network(inputs, neurons, mask=mask, inhibition=inhibition, lateral=lateral)
    fit = fit_network(network, small_cores(compartments))  # type: ignore[arg-type]
    n_cores = dict(fit.cores_by_group)["network"]
    core_of = [core for core, part in enumerate(np.array_split(np.arange(neurons), n_cores)) for _ in part]
    rng = np.random.default_rng(seed)
    names = ["input", "excitatory"] + (["inhibitory"] if inhibition == "interneurons" else [])
    spikes = {name: rng.integers(0, 4, inputs if name == "input" else neurons) for name in names}
    everyone = set(range(neurons))
    sender = names[-1]

    delivered = east_west = north_south = 0
    for name in names:
        for neuron, times in enumerate(spikes[name]):
            targets = []  # one set of target neurons per connection
            if name == "input":
                targets.append(set(np.flatnonzero(mask[neuron])))
            if name == "excitatory" and inhibition == "interneurons":
                targets.append({neuron})
            if name == sender:
                targets += [everyone - {neuron}] if lateral == "separate" else [everyone, {neuron}]
            at = (0, 0) if name == "input" else tile(core_of[neuron])
            for core in [core for target in targets for core in {core_of[int(i)] for i in target}]:
                delivered += int(times)
                x, y = at
                while x != tile(core)[0]:
                    x, east_west = x + (1 if tile(core)[0] > x else -1), east_west + int(times)
                while y != tile(core)[1]:
                    y, north_south = y + (1 if tile(core)[1] > y else -1), north_south + int(times)
    assert route(fit, spikes) == Messages(delivered, east_west, north_south)


def tile(core: int) -> tuple[int, int]:
    return core // 4 % 8, core // 32


@given(st.integers(1, 60), st.integers(0, 10**12), st.integers(1, 30))
def test_a_total_is_equal_spikes_of_all(neurons: int, each: int, compartments: int) -> None:
    fit = fit_network(winner_take_all_network(4, neurons), small_cores(compartments))  # type: ignore[arg-type]
    by_neuron = route(fit, {"inhibitory": np.full(neurons, each)})
    assert route(fit, {"inhibitory": each * neurons}) == by_neuron


@given(st.integers(0, 2**61), st.integers(0, 2**61))
def test_totals_add_up_to_rounding(one: int, other: int) -> None:
    fit = fit_network(winner_take_all_network(7, 50), small_cores(6))  # type: ignore[arg-type]
    parts = [route(fit, {"excitatory": spikes}).to_dict() for spikes in (one, other, one + other)]
    for first, second, both in zip(*(part.values() for part in parts), strict=True):
        assert abs(first + second - both) <= 1
    assert parts[0]["spikes_within_tile"] == one  # exactly one message each: to the partner's core


def test_into_hardware_events() -> None:
    fit = fit_network(chain(8), small_cores(1))  # type: ignore[arg-type]
    counts = EventCounts(input_spikes=3, exc_spikes=8)
    messages = route(fit, {"in": counts.input_spikes, "a": counts.exc_spikes})
    events = HardwareEvents.from_counts(counts, steps=5, **messages.to_dict())
    assert (events.spikes_within_tile, events.hops_ew, events.hops_ns) == (32, 24, 0)
    assert HardwareEvents.from_counts(counts, steps=5).spikes_within_tile == 11  # as long as nothing is placed


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        ({"nobody": 3}, "no population 'nobody'; known: in, a, b"),
        ({"a": -1}, "spikes of 'a': total is -1"),
        ({"a": 1.5}, "total is 1.5"),
        ({"a": 2**63}, "total is 9223372036854775808"),
        ({"a": np.zeros(7, np.int64)}, r"int64 of shape \(7,\); allowed: integers from 0 of shape \(8,\)"),
        ({"a": np.zeros(8)}, r"float64 of shape"),
        ({"a": np.full(8, -1)}, r"int64 of shape"),
    ],
)
def test_wrong_spikes(spikes: dict[str, object], message: str) -> None:
    fit = fit_network(chain(8), small_cores(1))  # type: ignore[arg-type]
    with pytest.raises(CountsError, match=message):
        route(fit, spikes)  # type: ignore[arg-type]
