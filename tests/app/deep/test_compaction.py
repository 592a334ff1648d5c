"""Removed units: by hand, against loops over random pruned networks, and on Lava."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from folded_reference import folded_spikes

from lavaprune.deep.compaction import can_spike, compact
from lavaprune.deep.export import export_netx
from lavaprune.deep.folding import FoldedLayer
from lavaprune.errors import InputError


def dense(weight: Any, bias: Any, threshold: int = 30, name: str = "fc", inputs: Any = None) -> FoldedLayer:
    weight, bias = np.array(weight, np.int32), np.array(bias, np.int32)
    shape = inputs or (weight.shape[1], 1, 1)
    return FoldedLayer(name, "dense", weight, bias, threshold, 1, 1, shape, (len(bias), 1, 1))


def conv(weight: np.ndarray, bias: Any, threshold: int, stride: int, shape: tuple[int, int, int], name: str) -> Any:
    side = shape[1] // stride
    bias = np.array(bias, np.int32)
    outputs = (len(bias), side, side)
    return FoldedLayer(name, "conv", weight.astype(np.int32), bias, threshold, stride, stride, shape, outputs)


def test_membrane_of_a_bias_by_hand() -> None:
    """Bias 24 adds 1536: 1536, 307 + 1536 = 1843, 368 + 1536 = 1904, 380 + 1536 = 1916, 383 + 1536 = 1919, for ever.

    1919 does not exceed 30 << 6 = 1920; it exceeds 29 << 6 = 1856, in the third step.
    """
    assert can_spike(dense([[0]], [24], threshold=30)).tolist() == [False]
    assert can_spike(dense([[0]], [24], threshold=29)).tolist() == [True]
    assert folded_spikes([dense([[0]], [24], 29)], np.zeros((4, 1, 1, 1, 1)))[0].ravel().tolist() == [0, 0, 1, 0]
    # weights add: excitation of 10 and 6 with a bias of 8; inhibition does not help
    assert can_spike(dense([[10, 6, -200], [10, 8, 0]], [8, 8])).tolist() == [False, True]
    assert can_spike(dense([[-2, 0], [-2, 0]], [-40, 40])).tolist() == [False, True]


def test_inhibition_that_could_wrap_is_left_alone() -> None:
    """512 * 256 << 6 is 2**23, where Lava's current wraps to a positive one; one input fewer is safe."""
    inhibited = dense(np.full((2, 512), -256), [0, 0])
    inhibited.weight[1, 0] = 0
    assert can_spike(inhibited).tolist() == [True, False]
    spikes = folded_spikes([inhibited], np.ones((1, 1, 512, 1, 1)))[0]
    assert spikes.ravel().tolist() == [True, False]


def test_chains_of_units_by_hand() -> None:
    """Unit 0 works. 1 is silent; 2 has no inputs and fires by its bias: stays. 3 is read by nobody but the silent unit
    2 of the next layer, 4 by nobody but the next layer's unit 1, which nobody reads."""
    first = dense([[200], [0], [0], [200], [200]], [0, 5, 100, 0, 0], name="a")
    second = dense([[90, 8, 60, 0, 0], [50, 0, 0, 0, 50], [0, 9, 0, 4, 0]], [0, 0, 0], name="b")
    output = dense([[50, 0, 70], [0, 0, 0]], [0, 0], name="out")
    found = compact([first, second, output])
    assert {name: mask.tolist() for name, mask in found.kept.items()} == {
        "a": [True, False, True, False, False],
        "b": [True, False, False],
        "out": [True, True],
    }
    assert found.removed_units == {"a": 3, "b": 2, "out": 0}
    # 3 and 4 of a; 8, 50, 50, 9, 4 of b; 70 of out
    assert found.removed_synapses == {"a": 2, "b": 5, "out": 1}
    assert found.constant == {"a": 1, "b": 0, "out": 0}
    assert [layer.weight.tolist() for layer in found.layers] == [[[200], [0]], [[90, 60]], [[50], [0]]]
    assert [layer.bias.tolist() for layer in found.layers] == [[0, 100], [0], [0, 0]]
    assert [(layer.inputs[0], layer.outputs[0]) for layer in found.layers] == [(1, 2), (2, 1), (1, 2)]
    assert first.weight.shape == (5, 1)


def test_filters_take_their_maps_along() -> None:
    """Filter 1 of 3 is pruned: with it go columns 4 to 7 of the dense layer behind it."""
    rng = np.random.default_rng(0)
    kernels = rng.integers(1, 100, (3, 2, 3, 3)) * 2
    kernels[1] = 0
    first = conv(kernels, [0, 3, 0], 20, 1, (2, 2, 2), "conv1")
    columns = rng.integers(1, 100, (4, 12)) * 2
    found = compact([first, dense(columns, [0] * 4, name="out", inputs=(3, 2, 2))])
    assert found.kept["conv1"].tolist() == [True, False, True]
    assert np.array_equal(found.layers[0].weight, kernels[[0, 2]])
    assert np.array_equal(found.layers[1].weight, np.delete(columns, range(4, 8), axis=1))
    assert found.layers[1].inputs == (2, 2, 2)


def test_a_network_whose_output_does_not_depend_on_its_input_is_left_whole() -> None:
    """A layer of silent units; one of which nobody reads a unit; one of which only a unit without inputs is read."""
    out = dense([[200, 0]], [40], name="out")
    for bias, weight in (([0, 0], [[2, 0], [2, 4]]), ([0, 0], [[0, 0], [200, 200]]), ([40, 0], [[0, 0], [200, 200]])):
        layers = [dense(weight, bias, name="a"), out]
        found = compact(layers)
        assert found.removed_units == {"a": 0, "out": 0}
        assert all(a is b for a, b in zip(layers, found.layers, strict=True))


def test_nothing_to_remove_leaves_the_layers_alone() -> None:
    layers = [dense([[200]], [0], name="a"), dense([[200]], [0], name="out")]
    found = compact(layers)
    assert all(a is b for a, b in zip(layers, found.layers, strict=True))
    assert (found.removed_units, found.removed_synapses) == ({"a": 0, "out": 0}, {"a": 0, "out": 0})


@st.composite
def pruned_networks(draw: st.DrawFn) -> list[FoldedLayer]:
    """Two convolutions, the second over pooled maps, or a dense layer instead; two dense layers; pruned anyhow."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0.2, 0.5, 1.0]))
    strength = draw(st.sampled_from([12, 40, 128]))

    def weights(units: int, *shape: int) -> np.ndarray:
        found = rng.integers(-strength, strength, (units, *shape)) * 2
        found[rng.random(found.shape) >= density] = 0
        found[rng.random(units) < 0.2] = 0
        found[:, rng.random(shape[0]) < 0.2] = 0
        lone = rng.random(units) < 0.1
        found[lone] = -np.abs(found[lone])
        return found

    def biases(units: int) -> np.ndarray:
        # around 0.8 of the threshold of 32, where a constant bias just fails or just makes it
        return np.where(rng.random(units) < 0.5, rng.integers(-80, 40, units), rng.integers(22, 30, units))

    layers: list[FoldedLayer] = []
    if draw(st.booleans()):
        layers.append(conv(weights(4, 2, 3, 3), biases(4), 32, 1, (2, 4, 4), "conv1"))
        layers.append(conv(weights(5, 4, 6, 6), biases(5), 32, 2, (4, 4, 4), "conv2"))
        layers.append(dense(weights(6, 20), biases(6), 32, "fc1", (5, 2, 2)))
    else:
        layers.append(dense(weights(6, 32), biases(6), 32, "fc1", (2, 4, 4)))
    layers.append(dense(weights(5, 6), biases(5), 32, "fc2"))
    layers.append(dense(weights(3, 5), biases(3), 32, "out"))
    return layers


@settings(max_examples=300, deadline=None)
@given(layers=pruned_networks(), rate=st.sampled_from([0.0, 0.3, 0.8, 1.0]), seed=st.integers(0, 2**32 - 1))
def test_every_spike_that_is_left_is_the_same(layers: list[FoldedLayer], rate: float, seed: int) -> None:
    spikes = np.random.default_rng(seed).random((12, 3, 2, 4, 4)) < rate
    found = compact(layers)
    whole, left = folded_spikes(layers, spikes), folded_spikes(found.layers, spikes)
    for layer, a, b in zip(layers, whole, left, strict=True):
        assert np.array_equal(a[:, :, found.kept[layer.name]], b), layer.name
    assert found.kept["out"].all()
    # nothing more can go
    for name, kept in compact(found.layers).kept.items():
        assert kept.all(), name
    # what went had a reason: it is silent in this run too, or nothing that is left reads it
    for index, layer in enumerate(layers[:-1]):
        gone = ~found.kept[layer.name]
        follower = layers[index + 1]
        reads = follower.weight.reshape(len(follower.bias), follower.inputs[0], -1)[found.kept[follower.name]]
        unread = ~reads.any(axis=(0, 2))
        assert not whole[index][:, :, gone & ~unread].any(), layer.name
    pairs = list(zip(layers, found.layers, strict=True))
    dropped = {a.name: np.count_nonzero(a.weight) - np.count_nonzero(b.weight) for a, b in pairs}
    assert found.removed_synapses == dropped


@pytest.fixture
def pruned_digits(make_network: Callable[..., Any]) -> Any:
    """The digits' network: a filter without weights, rows without, a row that nobody reads."""
    network = make_network("digits", (8, 8, 1))
    weights = {name: block.synapse.weight.data for name, block in network.blocks.items()}
    biases = {name: block.synapse.bias.data for name, block in network.blocks.items()}
    weights["conv1"][2] = 0
    biases["conv1"][2] = 0.1
    weights["fc1"][:20] = 0
    biases["fc1"][:10] = 0.3
    biases["fc1"][10:20] = 0.6  # above the threshold of 0.5: they fire at every step
    weights["out"][:, 30:34] = 0
    return network


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("stock", [False, True])
def test_a_compacted_network_on_lava(
    pruned_digits: Any, monkeypatch: pytest.MonkeyPatch, sparse: bool, stock: bool
) -> None:
    """Spikes of the layers that are left against the whole network's, with all four ways to put it on Lava.

    Five samples of 8 steps: in one run of Lava, or with all its own models three and two.
    """
    import torch

    from lavaprune.deep import fixed_point
    from lavaprune.deep.fixed_point import LavaChoices, run_on_lava
    from lavaprune.deep.folding import fold_network

    monkeypatch.setattr(fixed_point, "_STEPS_AT_ONCE_STOCK", 31)
    found = compact(fold_network(pruned_digits))
    assert not found.kept["conv1"][2]
    assert found.removed_units["fc1"] >= 14
    assert found.constant["fc1"] == 10
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand((8, 5, 8, 8, 1), generator=generator) < 0.3).to(torch.uint8)
    shown: list[int] = []
    names, choices = ["conv1", "fc1", "out"], LavaChoices(sparse, stock)
    on_lava = run_on_lava(found.layers, spikes.numpy(), names, choices, shown.append)
    assert shown == ([3, 2] if stock else [5])
    for layer, codes in zip(pruned_digits.layers, pruned_digits.run(spikes).codes, strict=True):
        name = layer.spec.name
        if name in on_lava:
            expected = (codes >= 128).view(*codes.shape[:2], *layer.outputs).numpy()[..., found.kept[name]]
            assert expected.any(), name
            assert np.array_equal(expected, on_lava[name]), name


def test_layers_of_one_unit_on_lava() -> None:
    """As few as compaction may leave: every spike against the loops."""
    pytest.importorskip("lava.lib.dl.netx", reason="lava-dl is not installed: make setup-dl")
    from lavaprune.deep.fixed_point import run_on_lava

    rng = np.random.default_rng(0)

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(5, 20, shape) * 2

    layers = [
        conv(weights(1, 1, 3, 3), [3], 20, 1, (1, 4, 4), "conv1"),
        conv(weights(1, 1, 6, 6), [3], 40, 2, (1, 4, 4), "conv2"),
        dense(weights(1, 4), [2], 30, "fc1", (1, 2, 2)),
        dense(weights(3, 1), [0, 1, 2], 30, "out"),
    ]
    assert compact(layers).removed_units == {"conv1": 0, "conv2": 0, "fc1": 0, "out": 0}
    spikes = rng.random((9, 2, 1, 4, 4)) < 0.4
    on_lava = run_on_lava(layers, spikes.transpose(0, 1, 3, 4, 2).astype(np.uint8), ["conv1", "conv2", "out"])
    for layer, expected in zip(layers, folded_spikes(layers, spikes), strict=True):
        if layer.name in on_lava:
            assert expected.any(), layer.name
            assert np.array_equal(expected.transpose(0, 1, 3, 4, 2), on_lava[layer.name]), layer.name
    with pytest.raises(InputError, match=r"layer to record is 'fc9'; allowed: conv1 \| conv2 \| fc1 \| out"):
        run_on_lava(layers, np.zeros((1, 1, 4, 4, 1), np.uint8), ["fc9"])


def test_the_file_says_which_units_are_left(pruned_digits: Any, tmp_path: Path) -> None:
    import h5py

    from lavaprune.deep.folding import fold_network

    found = compact(fold_network(pruned_digits))
    export_netx(found.layers, tmp_path / "network.net", found.kept)
    with h5py.File(tmp_path / "network.net") as file:
        for number, layer in ((1, found.layers[0]), (2, found.layers[1]), (4, found.layers[2]), (5, found.layers[3])):
            assert np.array_equal(file[f"layer/{number}/units"][()], np.flatnonzero(found.kept[layer.name]))
            assert len(file[f"layer/{number}/bias"]) == len(file[f"layer/{number}/units"]) == layer.outputs[0]
    from lava.lib.dl.netx import hdf5

    loaded = hdf5.Network(net_config=str(tmp_path / "network.net"), reset_interval=8, reset_offset=1)
    assert [process.shape[-1] for process in loaded.layers] == [layer.outputs[0] for layer in found.layers]
