"""Our time loop against SLAYER's, against the paper's equations, and the CPU's kernels against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")
pytest.importorskip("lava.lib.dl.slayer", reason="lava-dl is not installed: make setup-dl")

from slayer_reference import paper_counts, slayer_spikes  # noqa: E402

from lavaprune.deep import layer as layer_module  # noqa: E402
from lavaprune.deep import membrane, synapses  # noqa: E402
from lavaprune.deep.architectures import NETWORKS, place_layers  # noqa: E402
from lavaprune.deep.evaluation import evaluate_network  # noqa: E402
from lavaprune.deep.fanout import fan_out  # noqa: E402
from lavaprune.deep.folding import fold_network  # noqa: E402
from lavaprune.errors import InputError  # noqa: E402

SHAPES = [("digits", (8, 8, 1)), ("conv", (12, 12, 2)), ("fc", (6, 6, 1))]


def random_spikes(shape: tuple[int, int, int], steps: int = 12, samples: int = 3, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand((steps, samples, *shape), generator=generator) < 0.3).to(torch.uint8)


def shaped(network: Any, activity: Any) -> list[Any]:
    return [
        (codes >= membrane.SPIKE_CODE).to(torch.uint8).view(*codes.shape[:2], *layer.outputs)
        for layer, codes in zip(network.layers, activity.codes, strict=True)
    ]


@pytest.mark.parametrize(("name", "shape"), SHAPES)
@pytest.mark.parametrize("way", ["events", "dense", "torch"])
def test_spikes_are_those_of_the_folded_network_in_slayer(
    make_network: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    shape: tuple[int, int, int],
    way: str,
) -> None:
    """Every spike of every layer: pooling summed here, folded into 6x6 kernels and wide rows there."""
    monkeypatch.setattr(layer_module, "_SPARSE_SHARE", 2.0 if way == "events" else 0.0)
    network = make_network(name, shape)
    network.in_torch = way == "torch"
    spikes = random_spikes(shape)
    ours = shaped(network, network.run(spikes))
    theirs = slayer_spikes(fold_network(network), spikes)
    for layer, a, b in zip(network.layers, ours, theirs, strict=True):
        assert 0.01 < a.float().mean() < 0.9, layer.spec.name
        assert torch.equal(a, b), layer.spec.name


@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_gradient_is_that_of_the_papers_equations(
    make_network: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, name: str, shape: tuple[int, int, int]
) -> None:
    """Against autograd through the equations in double precision; what differs is 8 bits of u in the reset's term."""
    monkeypatch.setattr(synapses, "_bfloat16_pays", lambda device: False)
    network = make_network(name, shape, seed=1)
    spikes = random_spikes(shape, seed=1)
    target = torch.rand(3, 10)
    parameters = [
        parameter
        for layer in network.layers
        for synapse in [network.blocks[layer.spec.name].synapse]
        for parameter in (synapse.weight, synapse.bias)
    ]
    counts = network.forward(spikes)
    expected_counts = paper_counts(network, spikes)
    assert torch.equal(counts.double(), expected_counts)
    ours = torch.autograd.grad((counts * target).sum(), parameters)
    theirs = torch.autograd.grad((expected_counts * target).sum(), parameters)
    for a, b in zip(ours, theirs, strict=True):
        assert float(b.norm()) > 0
        assert float((a.double() - b).norm() / b.norm()) < 0.01


def test_gradient_in_bfloat16_points_the_same_way(
    make_network: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network("digits", (8, 8, 1), seed=2)
    spikes = random_spikes((8, 8, 1), seed=2)
    weights = [network.blocks[layer.spec.name].synapse.weight for layer in network.layers]
    found = []
    for pays in (False, True):
        monkeypatch.setattr(synapses, "_bfloat16_pays", lambda device, pays=pays: pays)
        found.append(torch.autograd.grad(network.forward(spikes)[:, 3].sum(), weights))
    for a, b in zip(*found, strict=True):
        assert float((a - b).norm() / a.norm()) < 0.02


def test_gradient_does_not_depend_on_pieces(make_network: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from lavaprune.deep import network as network_module

    monkeypatch.setattr(synapses, "_bfloat16_pays", lambda device: False)
    network = make_network("digits", (8, 8, 1))
    spikes = random_spikes((8, 8, 1), samples=7)
    parameters = [each for each in network.blocks.parameters() if each.requires_grad]
    found = []
    for elements in (10**7, 3 * 12 * 1024):  # all at once; three at a time
        monkeypatch.setattr(network_module, "_ELEMENTS", (elements, elements))
        counts = network.forward(spikes)
        grads = torch.autograd.grad((counts * torch.arange(70).view(7, 10)).sum(), parameters)
        found.append((counts, grads))
    assert torch.equal(found[0][0], found[1][0])
    for a, b in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(a, b, rtol=1e-4, atol=1e-3)


def test_clipped_weights_get_no_gradient(make_network: Callable[..., Any]) -> None:
    network = make_network("fc", (6, 6, 1))
    weight = network.blocks["fc1"].synapse.weight
    weight.data[:, :4] = 100.0
    (grad,) = torch.autograd.grad(network.forward(random_spikes((6, 6, 1))).sum(), [weight])
    assert not grad[:, :4].any()
    assert grad[:, 4:].any()


def test_kernels_are_torch_bit_for_bit() -> None:
    """Codes, gradients and pooling of random numbers, thresholds hit exactly included."""
    rng = np.random.default_rng(0)
    acc = torch.from_numpy(rng.integers(-40, 60, (9, 2, 48)).astype(np.float32))
    bias = torch.from_numpy(rng.integers(-20, 20, 48).astype(np.float64))
    unit = 64 * 64
    codes = membrane.integrate(acc, bias, 32 << 6, unit)
    assert torch.equal(codes, membrane.integrate(acc, bias, 32 << 6, unit, in_torch=True))
    assert {0, 255} < set(codes.unique().tolist())
    index = torch.from_numpy(membrane.pooling_index((4, 4, 3), 2))
    for frames in (9, 1):
        grad = torch.randn(frames, 2, 12)
        a = membrane.differentiate(codes, grad, index, 0.25)
        b = membrane.differentiate(codes, grad, index, 0.25, in_torch=True)
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6)
    for side in (1, 2):
        a = membrane.pool_spikes(codes, (4, 4, 3), side)
        assert torch.equal(a, membrane.pool_spikes(codes, (4, 4, 3), side, in_torch=True))
        assert int(a.sum()) == int((codes >= 128).sum())


def test_membrane_by_hand() -> None:
    """acc 10 and bias 4: 24 * 64 = 1536; then 1536 * 819 >> 12 = 307 and 1843; then 368 and 1904 < 2048. With acc 14:
    2048, which does not exceed the threshold; 409 + 2048 does, and resets."""
    bias = torch.tensor([4.0], dtype=torch.float64)
    codes = membrane.integrate(torch.full((3, 1, 1), 10.0), bias, 2048, 4096)
    assert codes.flatten().tolist() == [1 + int(v / 4096 * 254) for v in (1536, 1843, 1904)]
    codes = membrane.integrate(torch.full((4, 1, 1), 14.0), bias, 2048, 4096)
    assert (codes >= membrane.SPIKE_CODE).flatten().tolist() == [False, True, False, True]
    negative = membrane.integrate(torch.tensor([-3.0, 0.0, 1.0])[:, None, None], bias - 4.0, 2048, 4096)
    assert negative.flatten().tolist() == [0, 0, 1 + int((128 - 15) / 4096 * 254)]  # -384 -> -76 -> -15, towards 0


def test_integer_products_are_exact_or_not_used() -> None:
    rows = torch.randint(0, 5, (50, 700), dtype=torch.uint8)
    halves = torch.randint(-128, 128, (40, 700)).float()
    packed = synapses.pack(halves)
    assert (packed is not None) == synapses.integer_products_work()
    if packed is not None:
        assert torch.equal(synapses._integer_product(rows, packed, 40), rows.float() @ halves.t())


@pytest.mark.parametrize(("name", "shape"), SHAPES)
def test_operations_against_a_count_over_the_folded_network(
    make_network: Callable[..., Any], name: str, shape: tuple[int, int, int]
) -> None:
    """Synapse by synapse, in loops over the folded layers' spikes."""
    network = make_network(name, shape)
    network.blocks["fc1"].synapse.weight.data[:7] = 0
    spikes = random_spikes(shape, steps=3, samples=2)
    activity = network.run(spikes)
    sent = [spikes, *shaped(network, activity)]
    for layer, before, each, arrived in zip(
        fold_network(network), sent, network.passes(), activity.inputs, strict=False
    ):
        channels_first = before.permute(0, 1, 4, 2, 3)
        expected = 0
        for *_, channel, y, x in channels_first.nonzero().tolist():
            expected += synapses_of(layer, channel, y, x)
        assert int((arrived.sum(dim=(0, 1)).long() * fan_out(each)).sum()) == expected, layer.name


def synapses_of(layer: Any, channel: int, y: int, x: int) -> int:
    """Synapses with a weight that one input of a folded layer has."""
    if layer.kind == "dense":
        _, height, width = layer.inputs
        return int((layer.weight[:, (channel * height + y) * width + x] != 0).sum())
    found = 0
    _, rows, columns = layer.outputs
    size = layer.weight.shape[2]
    for row in range(rows):
        for column in range(columns):
            ky, kx = y - row * layer.stride + layer.padding, x - column * layer.stride + layer.padding
            if 0 <= ky < size and 0 <= kx < size:
                found += int((layer.weight[:, channel, ky, kx] != 0).sum())
    return found


def test_evaluation_does_not_depend_on_pieces(
    make_network: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lavaprune.deep import network as network_module
    from lavaprune.deep.data import Images

    network = make_network("digits", (8, 8, 1))
    pixels = np.random.default_rng(0).integers(0, 256, (230, 8, 8, 1)).astype(np.uint8)
    whole = evaluate_network(network, Images(pixels, 5), 3, 2)
    monkeypatch.setattr(network_module, "_ELEMENTS", (40_000, 40_000))
    pieces = evaluate_network(network, Images(pixels, 5), 3, 2)
    assert np.array_equal(whole.counts, pieces.counts)
    assert (whole.operations, whole.spikes) == (pieces.operations, pieces.spikes)
    first = evaluate_network(network, Images(pixels[:130], 5), 3, 2)
    assert np.array_equal(first.counts, whole.counts[:130])


def test_scales_leave_room_and_resolution() -> None:
    for layer in place_layers("conv", (28, 28, 1), 10):
        most = 254 / layer.unit
        first = layer.fan_in**-0.5
        assert most >= 8 * first or layer.scale == 1
        assert first * layer.unit > 15  # levels on each side of 0 at the start
        assert layer.threshold_mantissa < 1 << 17


def test_networks_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="network is 'x'; allowed: digits"):
        place_layers("x", (8, 8, 1), 10)
    with pytest.raises(InputError, match="layer 'conv2': its input is 9x9"):
        place_layers("conv", (9, 9, 1), 10)
    assert {spec.name for spec in NETWORKS["conv"] if spec.prunable} == {"conv2", "fc1"}
