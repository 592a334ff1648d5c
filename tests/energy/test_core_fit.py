"""The core fit: cases worked by hand, the smallest number of cores by brute force, and what must always hold."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lavaprune.energy.chip import Chip, CitedNumber, load_chip
from lavaprune.energy.connectivity import Mask, OneToOne, SharedWeights, Uniform
from lavaprune.energy.core_fit import CoreFit, fit_network, saved_share
from lavaprune.energy.core_load import RESOURCES, limits
from lavaprune.energy.errors import FitError
from lavaprune.energy.network_description import Connection, NetworkDescription, Population
from lavaprune.energy.winner_take_all_network import INPUT_CONNECTION, winner_take_all_network

LOIHI1, LOIHI2 = load_chip("loihi1"), load_chip("loihi2")
MEMORY = 16_384 * 64


def chip_with(chip: Chip = LOIHI1, **numbers: int | None) -> Chip:
    """The chip with other limits, small ones say, so that small networks fill it."""
    changed = {name: CitedNumber(value, "assumed", "test") for name, value in numbers.items()}
    return dataclasses.replace(chip, numbers=MappingProxyType({**chip.numbers, **changed}))


def fit(n_neurons: int, connectivity: float = 1.0, chip: Chip = LOIHI1, n_inputs: int = 784, **how: object) -> CoreFit:
    return fit_network(winner_take_all_network(n_inputs, n_neurons, connectivity=connectivity, **how), chip)  # type: ignore[arg-type]


# by hand


def test_100_neurons_only_input() -> None:
    # dense: 64 * 8 + 10 = 522 -> 576 and 36 * 8 + 10 = 298 -> 320 bits for each of 784 axons
    found = fit(100, only_input=True)
    assert found.synaptic_bits == 784 * (576 + 320) == 702_464
    assert found.cores == found.chips == 1
    assert found.connection(INPUT_CONNECTION).memory_fraction == 702_464 / MEMORY
    # sparse, index of 7 bits: 64 * 15 + 10 = 970 -> 1024 and 36 * 15 + 10 = 550 -> 576: more at full connectivity
    assert found.connection(INPUT_CONNECTION).sparse_bits == 784 * (1024 + 576)
    (load,) = found.loads
    assert (load.compartments, load.input_axons, load.output_axons) == (100, 784, 0)
    assert load.neuron_state_bits == 100 * 24 * 8
    assert load.learning_state_bits == 7 * (784 + 2 * 100)  # x per input axon, y1 and y2 per neuron


def test_800_neurons_only_input() -> None:
    # on one core: 12 full blocks of 576 and 32 * 8 + 10 = 266 -> 320 bits: 5.4 cores' memory, hence six;
    # on six: 134 or 133 neurons, two full blocks and one word
    found = fit(800, only_input=True)
    assert 784 * (12 * 576 + 320) / MEMORY == pytest.approx(5.407, abs=1e-3)
    assert found.cores == 6
    assert found.limiting_resource == "synaptic_memory"
    assert [(load.first_core, load.cores, load.compartments) for load in found.loads] == [(0, 2, 134), (2, 4, 133)]
    assert found.synaptic_bits == 6 * 784 * (2 * 576 + 64)
    # five are not enough: 160 neurons take 2 * 576 + 32 * 8 + 10 = 266 -> 320
    assert 784 * (2 * 576 + 320) > MEMORY


def test_800_neurons_at_a_tenth_only_input() -> None:
    # one core, sparse: 80 synapses, index of 10 bits: 1216 + 320 bits, 1.15 cores' memory;
    # two: 40 synapses, index of 9 bits: 40 * 17 + 10 = 690 -> 704
    found = fit(800, 0.1, only_input=True)
    assert 784 * (1216 + 320) > MEMORY
    assert found.cores == 2
    assert found.synaptic_bits == 2 * 784 * 704
    assert found.connection(INPUT_CONNECTION).memory_fraction == 784 * 704 / MEMORY
    assert found.chip_share == 2 / 128
    assert fit(800, 0.1, LOIHI2, only_input=True).cores == 1


def test_inhibition_counts() -> None:
    # 100 inhibitory neurons: 100 axons with one synapse (8 + 8 bits of index + 10 -> 64) from their partners, and
    # 100 lateral axons, dense, of 100 entries (896 bits), to all but their own
    (load,) = fit(100).loads
    assert load.compartments == 200
    assert load.input_axons == 784 + 100 + 100
    assert load.output_axons == 100 + 100  # each neuron has one target core
    assert {name: part.bits for name, part in load.connections.items()} == {
        "input->excitatory": 702_464,
        "excitatory->inhibitory": 100 * 64,
        "lateral": 100 * 896,
    }
    assert load.connections["lateral"].synapses == 100 * 99
    (direct,) = fit(100, inhibition="direct").loads
    assert (direct.compartments, direct.input_axons, direct.output_axons) == (100, 884, 100)


def test_indices_tell_all_compartments_of_the_core_apart() -> None:
    # 12 synapses per axon. Alone, 100 compartments: 7 bits of index, 12 * 15 + 10 = 190 -> three words; with the
    # inhibitory neurons on the core, 200: 8 bits, 12 * 16 + 10 = 202 -> four
    assert fit(100, 0.12, only_input=True).connection(INPUT_CONNECTION).bits == 784 * 192
    assert fit(100, 0.12).connection(INPUT_CONNECTION).bits == 784 * 256


def test_shared_lateral_axons() -> None:
    # one list for everybody, and one synapse to each neuron's own partner
    (load,) = fit(100, lateral="shared").loads
    assert load.connections["lateral"].bits == 896
    assert load.connections["lateral, own share back"].bits == 100 * 64
    assert load.input_axons == 784 + 100 + 1 + 100
    assert load.output_axons == 100 + 2 * 100
    # output axons: an inhibitory neuron has one for every core, and one for its own share back
    for part in fit(800, lateral="shared").loads:
        n = part.compartments // 2
        assert part.output_axons == n * (1 + 6 + 1)


def test_pruning_saves_cores() -> None:
    before, after = fit(800), fit(800, 0.1)
    assert (before.cores, after.cores) == (12, 7)
    assert saved_share(before.cores, after.cores) == pytest.approx(5 / 12)
    assert fit(800, 0.1, lateral="shared").cores == 2
    assert saved_share(0, 0) == 0


def test_on_loihi_2_state_and_synapses_share_the_memory() -> None:
    (load,) = fit(100, chip=LOIHI2).loads
    assert load.neuron_state_bits == 100 * 5 * 32 + 100 * 3 * 32
    assert load.memory_bits == load.synaptic_bits + load.neuron_state_bits + load.learning_state_bits
    (first,) = fit(100).loads
    assert first.memory_bits == first.synaptic_bits


def test_convolution_shares_its_weights() -> None:
    # a layer of 8 channels of 10 x 10 on one of 4 of 12 x 12, 3 x 3: 4 * 9 lists of 8 synapses, once per core
    network = NetworkDescription(
        (Population("in", 576, on_chip=False), Population("conv", 800)),
        (Connection("c", "in", "conv", SharedWeights(36, 8), axon_slots=2),),
    )
    (load,) = fit_network(network, LOIHI1).loads
    # index of 10 bits: 8 * 18 + 10 = 154 -> 192
    assert load.synaptic_bits == 36 * 192
    assert load.connections["c"].dense_bits is None
    assert load.input_axons == 576


def test_the_example_in_the_docs(repo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (repo_root / "docs" / "core_fit.md").read_text("utf-8"), re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.strip() == code.strip().rpartition("# ")[2]


def test_population_axons_take_two_slots() -> None:
    populations = (Population("a", 30), Population("b", 30))
    for slots in (1, 2):
        network = NetworkDescription(populations, (Connection("c", "a", "b", Uniform(1), axon_slots=slots),))
        assert fit_network(network, LOIHI1).loads[0].output_axons == 30 * slots


def test_groups_have_cores_of_their_own() -> None:
    # 3 cores of b; every neuron of a needs an output axon to each: 4 * 3 = 12 entries, 8 there are: a is split in two
    chip = chip_with(compartments_per_core=4, output_axons_per_core=8)
    network = NetworkDescription((Population("a", 4), Population("b", 12)), (Connection("c", "a", "b", Uniform(1.0)),))
    found = fit_network(network, chip)
    assert dict(found.cores_by_group) == {"a": 2, "b": 3}
    assert found.first_cores() == {"a": 0, "b": 2}
    assert found.cores == 5
    assert [(load.group, load.first_core, load.cores) for load in found.loads] == [("a", 0, 2), ("b", 2, 3)]
    assert fit_network(network, chip_with(chip, output_axons_per_core=None)).cores == 4


def test_masks_give_exact_counts() -> None:
    mask = np.zeros((4, 6), bool)
    mask[0, :] = True  # six synapses
    mask[1, 2] = True
    mask[3, 5] = True
    network = winner_take_all_network(4, 6, mask=mask, only_input=True)
    (load,) = fit_network(network, LOIHI1).loads
    part = load.connections[INPUT_CONNECTION]
    assert (part.synapses, part.input_axons) == (8, 3)  # an input without synapses has no axon
    # sparse, index of 6 bits: 6 * 14 + 10 = 94 -> 128, and 64 twice; dense: 6 * 8 + 10 = 58 -> 64, three times
    assert (part.sparse_bits, part.dense_bits) == (128 + 2 * 64, 3 * 64)
    # on two cores: neurons 0-2 have inputs 0 and 1, neurons 3-5 inputs 0 and 3
    two = fit_network(network, chip_with(compartments_per_core=3))
    assert two.cores == 2
    assert two.loads[0].input_axons == 2


# limits that cannot be kept


def test_more_inputs_than_a_core_has_axons() -> None:
    found = fit(10, n_inputs=5000, only_input=True)
    (each,) = found.exceeded
    assert (each.resource, each.needed, each.limit) == ("input_axons", 5000, 4096)
    assert found.limiting_resource == "input_axons"
    assert found.cores == 2  # 5,000 of 4,096 axons: at least two cores
    assert not fit(10, n_inputs=4096, only_input=True).exceeded


def test_a_network_too_large_for_a_chip() -> None:
    found = fit(30_000, only_input=True)
    # a core has 1,337 bits for each of 784 axons: two full blocks and 14 * 8 + 10 = 122 -> 128 bits are 1,280, so 142
    # neurons; one more takes 15 * 8 + 10 = 130 -> 192 bits, 1,344
    assert found.cores == -(-30_000 // 142) == 212
    assert found.chips == 2
    assert found.chip_share == found.cores / 128
    assert not found.exceeded
    assert all(load.memory_bits <= MEMORY for load in found.loads)


def test_more_than_any_layout_can_hold() -> None:
    found = fit(10_000)  # 10,000 lateral axons on every core
    assert {each.resource for each in found.exceeded} >= {"input_axons", "output_axons"}
    needed = sum(load.input_axons * load.cores for load in found.loads)
    assert found.cores >= needed / 4096
    assert found.chips > 1


@pytest.mark.parametrize("n_neurons", [8192, 16_384, 16_385, 100_003])
def test_no_core_holds_more_neurons_than_it_can(n_neurons: int) -> None:
    for chip in (LOIHI1, LOIHI2):
        found = fit(n_neurons, 0.0, chip, n_inputs=1, lateral="shared")
        assert max(load.compartments for load in found.loads) <= chip.count("compartments_per_core")


# by brute force


def naive_demand(network: NetworkDescription, chip: Chip, cores: int) -> dict[str, int]:
    """What the fullest of `cores` cores needs: list by list, for networks of one group on Loihi 1."""
    sizes = {p.name: p.neurons for p in network.populations}
    parts = {
        p.name: np.array_split(np.arange(p.neurons), cores) if p.on_chip else [np.arange(p.neurons)]
        for p in network.populations
    }
    on_chip = [p.name for p in network.populations if p.on_chip]
    fullest = dict.fromkeys(RESOURCES, 0)
    for core in range(cores):
        demand = dict.fromkeys(RESOURCES, 0)
        demand["compartments"] = sum(len(parts[name][core]) for name in on_chip)
        for c in network.connections:
            n_here = len(parts[c.post][core])
            lengths = [synapses_of(c, sizes, pre, parts[c.post][core]) for pre in range(sizes[c.pre])]
            lengths = [length for length in lengths if length]
            demand["input_axons"] += len(lengths)
            index = next(b for b in (0, 6, 7, 8, 9, 10) if 2**b >= demand["compartments"])
            sparse = sum(naive_bits(length, 8 + index) for length in lengths)
            demand["synaptic_memory"] += min(sparse, len(lengths) * naive_bits(n_here, 8))
            if c.pre in on_chip:
                for pre in parts[c.pre][core]:
                    demand["output_axons"] += sum(1 for part in parts[c.post] if synapses_of(c, sizes, int(pre), part))
        fullest = {name: max(fullest[name], demand[name]) for name in RESOURCES}
    return fullest


def synapses_of(connection: Connection, sizes: Mapping[str, int], pre: int, post: np.ndarray) -> int:
    kind = connection.connectivity
    if isinstance(kind, Mask):
        return int(np.count_nonzero(kind.matrix[pre, post]))
    if isinstance(kind, Uniform):
        return int(np.ceil(float(kind.connectivity) * len(post) - 1e-9))
    if isinstance(kind, OneToOne):
        return int(pre in post)
    return len(post) - int(pre in post)  # all but own


def naive_bits(synapses: int, width: int) -> int:
    blocks = [64] * (synapses // 64) + [synapses % 64] * (synapses % 64 > 0)
    return sum(-(-(n * width + 10) // 64) * 64 for n in blocks)


@st.composite
def small_networks(draw: st.DrawFn) -> NetworkDescription:
    n_inputs, n_neurons = draw(st.integers(1, 8)), draw(st.integers(1, 24))
    how: dict[str, object] = {"inhibition": draw(st.sampled_from(["interneurons", "direct"]))}
    how["only_input"] = draw(st.booleans())
    if draw(st.booleans()):
        seed, share = draw(st.integers(0, 1000)), draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
        how["mask"] = np.random.default_rng(seed).random((n_inputs, n_neurons)) < share
    else:
        how["connectivity"] = draw(st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.5, 0.9, 1.0]))
    return winner_take_all_network(n_inputs, n_neurons, **how)  # type: ignore[arg-type]


@settings(max_examples=80)
@given(
    small_networks(),
    st.integers(1, 30),
    st.integers(3, 40),
    st.integers(2, 60),
    st.integers(4, 60),
)
def test_smallest_number_of_cores_by_brute_force(
    network: NetworkDescription, compartments: int, input_axons: int, output_axons: int, words: int
) -> None:
    chip = chip_with(
        compartments_per_core=compartments,
        input_axons_per_core=input_axons,
        output_axons_per_core=output_axons,
        memory_bits_per_core=64 * words,
    )
    limit = limits(chip)
    neurons = max(p.neurons for p in network.populations if p.on_chip)
    good = []
    for cores in range(1, neurons + 1):
        demand = naive_demand(network, chip, cores)
        if all(demand[name] <= (limit[name] or 0) for name in RESOURCES):
            good.append(cores)
    assume(good)
    found = fit_network(network, chip)
    assert found.cores == good[0]
    assert not found.exceeded
    if found.cores > 1:  # one core less breaks what is named
        less = naive_demand(network, chip, found.cores - 1)
        name = found.limiting_resource
        assert less[name] > (limit[name] or 0)
        assert less[name] / (limit[name] or 1) == max(less[r] / (limit[r] or 1) for r in RESOURCES)
    here = naive_demand(network, chip, found.cores)
    assert here == {name: max(load.demand(name) for load in found.loads) for name in RESOURCES}


@settings(max_examples=60)
@given(small_networks(), st.integers(2, 10), st.integers(3, 12))
def test_what_is_exceeded_stays_so_on_any_number_of_cores(
    network: NetworkDescription, input_axons: int, output_axons: int
) -> None:
    chip = chip_with(input_axons_per_core=input_axons, output_axons_per_core=output_axons)
    found = fit_network(network, chip)
    limit = limits(chip)
    neurons = max(p.neurons for p in network.populations if p.on_chip)
    works = any(
        all((demand[name] <= (limit[name] or 0)) for name in RESOURCES)
        for demand in (naive_demand(network, chip, cores) for cores in range(1, neurons + 1))
    )
    assert works == (not found.exceeded)


# what must always hold


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(1, 300), st.floats(0, 1), st.floats(0, 1), st.sampled_from([LOIHI1, LOIHI2]))
def test_more_connectivity_never_needs_less(inputs: int, neurons: int, one: float, other: float, chip: Chip) -> None:
    low, high = sorted((one, other))
    few, many = (fit(neurons, share, chip, n_inputs=inputs) for share in (low, high))
    assert few.synaptic_bits <= many.synaptic_bits
    assert few.cores <= many.cores


@given(st.integers(1, 12), st.integers(1, 70), st.integers(0, 10**6), st.integers(1, 20))
def test_removing_synapses_never_needs_more(inputs: int, neurons: int, seed: int, compartments: int) -> None:
    rng = np.random.default_rng(seed)
    before = rng.random((inputs, neurons)) < 0.6
    after = before & (rng.random((inputs, neurons)) < 0.6)
    chip = chip_with(compartments_per_core=compartments)
    many, few = (
        fit_network(winner_take_all_network(inputs, neurons, mask=m, only_input=True), chip) for m in (before, after)
    )
    assert few.cores == many.cores  # compartments decide
    assert few.synaptic_bits <= many.synaptic_bits
    assert many.connection(INPUT_CONNECTION).synapses == before.sum()
    assert few.connection(INPUT_CONNECTION).synapses == after.sum()


@given(st.integers(1, 50), st.integers(1, 400))
def test_zero_connectivity_takes_no_memory(inputs: int, neurons: int) -> None:
    for network in (
        winner_take_all_network(inputs, neurons, connectivity=0.0, only_input=True),
        winner_take_all_network(inputs, neurons, mask=np.zeros((inputs, neurons), bool), only_input=True),
    ):
        found = fit_network(network, LOIHI1)
        assert found.synaptic_bits == 0
        assert found.connection(INPUT_CONNECTION).memory_fraction == 0
        assert found.loads[0].input_axons == 0
        assert found.cores == 1
        assert found.limiting_resource == "compartments"


@settings(max_examples=40)
@given(st.integers(1, 20), st.integers(1, 120))
def test_a_full_mask_is_connectivity_one(inputs: int, neurons: int) -> None:
    mask = np.ones((inputs, neurons), np.uint8)
    by_mask = fit_network(winner_take_all_network(inputs, neurons, mask=mask), LOIHI1)
    by_share = fit(neurons, n_inputs=inputs)
    assert by_mask.loads == by_share.loads


@given(st.integers(1, 3000), st.floats(0, 1))
def test_all_neurons_and_cores_are_there(neurons: int, connectivity: float) -> None:
    found = fit(neurons, connectivity)
    assert sum(load.compartments * load.cores for load in found.loads) == 2 * neurons
    assert [load.first_core for load in found.loads] == np.cumsum([0, *(load.cores for load in found.loads)])[
        :-1
    ].tolist()
    if not found.exceeded:
        assert sum(load.cores for load in found.loads) == found.cores
        for name, most in limits(LOIHI1).items():
            assert all(load.demand(name) <= (most or 0) for load in found.loads)


# refusals


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"n_inputs": 0}, "inputs is 0; allowed: an integer 1"),
        ({"n_neurons": -3}, "neurons is -3"),
        ({"n_neurons": 10**7 + 1}, "neurons is 10000001"),
        ({"connectivity": 1.5}, "connectivity is 1.5; allowed: 0 .. 1"),
        ({"connectivity": float("nan")}, "connectivity is nan"),
        ({"mask": np.ones((2, 2), bool)}, r"mask is bool of shape \(2, 2\); allowed: .*\(3, 4\)"),
        ({"inhibition": "none"}, "inhibition is 'none'; allowed: interneurons, direct"),
        ({"lateral": "no"}, "lateral is 'no'; allowed: separate, shared"),
    ],
)
def test_bad_networks(how: dict[str, object], message: str) -> None:
    with pytest.raises(FitError, match=message):
        winner_take_all_network(**{"n_inputs": 3, "n_neurons": 4, **how})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"weight_bits": 7}, "weight_bits is 7; allowed on loihi1: 0, 1, 2, 3, 4, 5, 6, 8"),
        ({"delay_bits": 7}, "delay_bits is 7; allowed on loihi1: 0 .. 6"),
        ({"tag_bits": 10}, "tag_bits is 10; allowed on loihi1: 0 .. 9"),
        ({"tag_bits": -1}, "tag_bits is -1; allowed: an integer 0"),
        ({"axon_slots": 3}, "axon_slots is 3; allowed: an integer 1 .. 2"),
        ({"post": "c"}, "no population 'c'; known: a, b"),
        ({"post": "a"}, "ends at 'a', which is not on the chip"),
    ],
)
def test_bad_connections(parts: dict[str, object], message: str) -> None:
    populations = (Population("a", 3, on_chip=False), Population("b", 3))

    def build() -> None:
        given = {"name": "c", "pre": "a", "post": "b", "connectivity": Uniform(1.0), **parts}
        fit_network(NetworkDescription(populations, (Connection(**given),)), LOIHI1)  # type: ignore[arg-type]

    with pytest.raises(FitError, match=message):
        build()


def test_bad_populations() -> None:
    with pytest.raises(FitError, match="two populations are called 'a'"):
        NetworkDescription((Population("a", 3), Population("a", 2)))
    with pytest.raises(FitError, match="no population is on the chip"):
        NetworkDescription((Population("a", 3, on_chip=False),))
    with pytest.raises(FitError, match="neurons is 2.0; allowed: an integer 1"):
        Population("a", 2.0)  # type: ignore[arg-type]


def test_delays_and_tags_take_memory() -> None:
    populations = (Population("a", 10, on_chip=False), Population("b", 10))
    connection = Connection("c", "a", "b", Uniform(1.0), weight_bits=4, delay_bits=6, tag_bits=2)
    found = fit_network(NetworkDescription(populations, (connection,)), LOIHI1)
    assert found.synaptic_bits == 10 * 192  # 10 * 12 + 10 = 130 -> three words
