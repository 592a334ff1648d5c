"""Convolutions and dense layers behind pooling, against every synapse written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.energy.chip import load_chip
from lavaprune.energy.connectivity import Mask, Split
from lavaprune.energy.convolution import PooledConvolution
from lavaprune.energy.core_fit import fit_network
from lavaprune.energy.errors import FitError
from lavaprune.energy.feedforward_network import feedforward_network
from lavaprune.energy.network_description import Connection, NetworkDescription, Population
from lavaprune.energy.placement import route


def written_out(layer: PooledConvolution) -> np.ndarray:
    """(sources, targets) bool: does the neuron at (y, x, c) reach the unit at (oy, ox, u)?"""
    height, width, channels = layer.source
    out_height, out_width, units = layer.outputs
    matrix = np.zeros((height, width, channels, out_height, out_width, units), bool)
    _, _, kernel_height, kernel_width = layer.kernels.shape
    for y, x, oy, ox in np.ndindex(height, width, out_height, out_width):
        ky = y // layer.pool - (oy - layer.padding)
        kx = x // layer.pool - (ox - layer.padding)
        if 0 <= ky < kernel_height and 0 <= kx < kernel_width:
            matrix[y, x, :, oy, ox, :] = (layer.kernels[:, :, ky, kx] != 0).T
    return matrix.reshape(height * width * channels, -1)


def random_layer(seed: int, *, dense: bool, pool: int, height: int, width: int, shared: bool) -> PooledConvolution:
    rng = np.random.default_rng(seed)
    channels, units = int(rng.integers(1, 4)), int(rng.integers(1, 5))
    kernel = (height, width) if dense else (3, 3)
    kernels = rng.integers(-1, 2, (units, channels, *kernel)) * (rng.random((units, channels, 1, 1)) < 0.7)
    source = (height * pool, width * pool, channels)
    return PooledConvolution(kernels, source, pool, padding=0 if dense else 1, shared=shared)


layers = st.builds(
    random_layer,
    st.integers(0, 10**6),
    dense=st.booleans(),
    pool=st.integers(1, 2),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    shared=st.booleans(),
)


@given(layers, st.data())
@settings(max_examples=150, deadline=None)
def test_lists_and_messages_are_those_of_every_synapse(layer: PooledConvolution, data: st.DataObject) -> None:
    matrix = written_out(layer)
    n_pre, n_post = matrix.shape
    layer.check("it", n_pre, n_post)
    assert layer.synapses == matrix.sum()
    cores = data.draw(st.integers(1, n_post))
    split = Split(n_post, cores)
    core = data.draw(st.integers(0, cores - 1))
    part = split.part(core)
    stored = matrix[:, part.start : part.stop].sum(axis=1)
    if layer.shared:  # one list for the members of a window: those of the first stand for them
        members = stored.reshape(layer.pooled[0], layer.pool, layer.pooled[1], layer.pool, -1)
        assert (members == members[:, :1, :, :1]).all()
        stored = members[:, 0, :, 0].ravel()
    lists = layer.lists(n_pre, part, n_post)
    assert sorted(np.repeat(lists.synapses, lists.copies).tolist()) == sorted(stored[stored > 0].tolist())
    assert layer.input_axons(n_pre, part, n_post) == np.count_nonzero(stored)

    start = data.draw(st.integers(0, n_pre - 1))
    pre = range(start, data.draw(st.integers(start + 1, n_pre)))
    spikes = np.random.default_rng(n_pre).integers(0, 9, len(pre))
    reaches = np.array([matrix[:, p.start : p.stop].any(axis=1) for p in map(split.part, range(cores))])
    expected = reaches[:, pre.start : pre.stop] @ spikes
    assert layer.messages(pre, spikes, n_pre, split).tolist() == expected.tolist()


def network_of(layer: PooledConvolution, connectivity: PooledConvolution | Mask) -> NetworkDescription:
    """A layer from on-chip neurons, so that output axons count too."""
    n_pre, n_post = int(np.prod(layer.source)), int(np.prod(layer.outputs))
    return NetworkDescription(
        (Population("pre", n_pre), Population("post", n_post)), (Connection("it", "pre", "post", connectivity),)
    )


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("pool", [1, 2])
def test_fit_and_routes_are_those_of_every_synapse(dense: bool, pool: int) -> None:
    """Thousands of neurons over several cores; the layout must not know how the synapses are described."""
    rng = np.random.default_rng(5)
    kernel = (12, 12) if dense else (3, 3)
    kernels = rng.random(((700 if dense else 24), 8, *kernel)) < 0.4
    layer = PooledConvolution(kernels, (12 * pool, 12 * pool, 8), pool, padding=0 if dense else 1, shared=False)
    chip = load_chip("loihi1")
    fit = fit_network(network_of(layer, layer), chip)
    expected = fit_network(network_of(layer, Mask(written_out(layer))), chip)
    assert fit.cores_by_group["post"] > 1
    assert fit.cores_by_group == expected.cores_by_group
    assert (fit.limiting_resource, fit.exceeded) == (expected.limiting_resource, expected.exceeded)
    assert [vars(load) for load in fit.loads] == [vars(load) for load in expected.loads]
    spikes = {"pre": rng.integers(0, 5, int(np.prod(layer.source)))}
    assert route(fit, spikes) == route(expected, spikes)
    shared = fit_network(network_of(layer, replace(layer, shared=True)), chip)
    assert shared.cores <= fit.cores
    if pool == 1:
        assert shared.synaptic_bits == fit.synaptic_bits


def test_pooling_shares_axons_by_hand() -> None:
    """2x2 neurons in one window, to three units: four lists of three synapses, or one."""
    layer = PooledConvolution(np.ones((3, 1, 1, 1)), (2, 2, 1), pool=2)
    separate = replace(layer, shared=False)
    assert layer.outputs == (1, 1, 3)
    assert [(each.lists(4, range(3), 3).occupied, each.lists(4, range(3), 3).total) for each in (layer, separate)] == [
        (1, 3),
        (4, 12),
    ]
    assert (layer.synapses, separate.synapses) == (12, 12)  # what spikes go through is the same


def test_a_network_has_a_population_per_layer() -> None:
    conv = PooledConvolution(np.ones((2, 1, 3, 3)), (4, 4, 1), padding=1)
    dense = PooledConvolution(np.ones((5, 2, 2, 2)), (4, 4, 2), pool=2)
    network = feedforward_network({"conv": conv, "out": dense})
    assert [(p.name, p.neurons, p.on_chip) for p in network.populations] == [
        ("input", 16, False),
        ("conv", 32, True),
        ("out", 5, True),
    ]
    assert [c.name for c in network.connections] == ["input->conv", "conv->out"]
    with pytest.raises(FitError, match=r"layer 'conv': source is \(4, 4, 1\); allowed: \(1, 1, 5\)"):
        feedforward_network({"out": dense, "conv": conv})
    with pytest.raises(FitError, match="has no layer"):
        feedforward_network({})


@pytest.mark.parametrize(
    ("kernels", "source", "pool", "message"),
    [
        (np.ones((1, 1, 3, 3)), (5, 4, 1), 2, "side is 2; allowed: one that divides 5 x 4"),
        (np.ones((1, 2, 3, 3)), (4, 4, 1), 1, r"have shape \(1, 2, 3, 3\); allowed: \(units, 1, height, width\)"),
        (np.ones((1, 1, 5, 5)), (4, 4, 1), 1, "within 4 x 4 and a padding of 0"),
    ],
)
def test_refuses_what_does_not_fit(
    kernels: np.ndarray, source: tuple[int, int, int], pool: int, message: str
) -> None:
    with pytest.raises(FitError, match=message):
        PooledConvolution(kernels, source, pool)


def test_refuses_other_populations() -> None:
    layer = PooledConvolution(np.ones((3, 1, 1, 1)), (2, 2, 1), pool=2)
    with pytest.raises(FitError, match="it: connects 4 neurons with 4; allowed: 4 with 3"):
        layer.check("it", 4, 4)
