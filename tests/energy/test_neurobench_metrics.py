"""NeuroBench's metrics against counting one by one, and against the package itself where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lavaprune.energy.errors import CountsError
from lavaprune.energy.neurobench_metrics import (
    SynapticOperations,
    activation_sparsity,
    activation_sparsity_of_counts,
    connection_sparsity,
    effective_accumulates,
    footprint_bytes,
    synaptic_operations,
)


def network(seed: int, share_zero: float, is_spiking: bool) -> tuple[list[np.ndarray], np.ndarray]:
    """Weights (O, I) of two layers, 12 -> 7 -> 5, and inputs (samples, steps, 12), float32."""
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((7, 12), (5, 7))]
    for layer in weights:
        layer[rng.random(layer.shape) < share_zero] = 0
    spikes = (rng.random((4, 6, 12)) < 0.4).astype(np.float32)
    return weights, spikes if is_spiking else spikes * np.float32(0.75)


def test_by_hand() -> None:
    weights = np.array([[1, 0, 2], [0, 0, 3]])  # 2 outputs, 3 inputs; input 0 reaches 1, input 1 none, input 2 both
    spikes = [np.array([[1, 1, 0]]), np.array([[0, 1, 1]]), np.array([[1, 0, 1]])]  # 1, 2 and 3 operations
    assert synaptic_operations([(weights, spikes)], 1) == SynapticOperations(0.0, 6.0, 18.0)
    graded = [*spikes[:2], np.array([[0.5, 0, 1]])]
    assert synaptic_operations([(weights, graded)], 1) == SynapticOperations(3.0, 3.0, 18.0)
    assert effective_accumulates(weights.T, np.array([2, 2, 2])) == 6
    assert connection_sparsity([weights]) == 0.5
    assert connection_sparsity([weights, np.ones((3, 1))]) == 0.3333
    assert activation_sparsity([np.array([[1, 0], [0, 0]]), np.array([1, 1, 0, 0])]) == 0.625
    assert activation_sparsity_of_counts(3, 8) == 0.625
    assert footprint_bytes([np.zeros((784, 100), np.uint8), np.zeros(100, np.int32)]) == 78_800  # zeros included


@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.integers(0, 2)),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_effective_accumulates_count_one_by_one(weights: np.ndarray, steps: int, seed: int) -> None:
    raster = np.random.default_rng(seed).integers(0, 2, (steps, weights.shape[0]))
    one_by_one = 0
    for spikes in raster:
        for i, spike in enumerate(spikes):
            one_by_one += sum(1 for weight in weights[i] if weight != 0) if spike else 0
    assert effective_accumulates(weights, raster.sum(axis=0)) == one_by_one
    found = synaptic_operations([(weights.T, [row[None] for row in raster])], 1)
    assert (found.effective_acs, found.effective_macs) == (one_by_one, 0)
    assert found.dense == steps * weights.size


def test_nothing() -> None:
    assert activation_sparsity([]) == 0.0
    assert activation_sparsity_of_counts(0, 0) == 0.0
    assert footprint_bytes([]) == 0
    assert synaptic_operations([], 3) == SynapticOperations(0.0, 0.0, 0.0)


def test_refused() -> None:
    with pytest.raises(CountsError, match="no weights"):
        connection_sparsity([])
    with pytest.raises(CountsError, match="samples is 0; allowed: at least 1"):
        synaptic_operations([], 0)
    with pytest.raises(CountsError, match=r"inputs have shape \(1, 2\); allowed: \(samples, 3\)"):
        synaptic_operations([(np.ones((2, 3)), [np.ones((1, 2))])], 1)
    with pytest.raises(CountsError, match=r"input spikes have shape \(2,\); allowed: \(3,\)"):
        effective_accumulates(np.ones((3, 2)), np.ones(2))
    with pytest.raises(CountsError, match="1 dimensions; allowed: 2"):
        effective_accumulates(np.ones(3), np.ones(3))
    with pytest.raises(CountsError, match="9 spikes in 8 neuron steps"):
        activation_sparsity_of_counts(9, 8)


@pytest.mark.parametrize("is_spiking", [True, False])
@pytest.mark.parametrize("share_zero", [0.0, 0.6])
def test_equal_to_the_package(share_zero: float, is_spiking: bool) -> None:
    reason = "neurobench (and torch, snntorch) not installed: its own numbers cannot be had"
    pytest.importorskip("neurobench", reason=reason)
    torch = pytest.importorskip("torch", reason=reason)
    snntorch = pytest.importorskip("snntorch", reason=reason)
    from neurobench.metrics.static import ConnectionSparsity, Footprint
    from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
    from neurobench.models import SNNTorchModel

    weights, inputs = network(1, share_zero, is_spiking)
    layers = [torch.nn.Linear(w.shape[1], w.shape[0], bias=False) for w in weights]
    for layer, w in zip(layers, weights, strict=True):
        layer.weight.data = torch.from_numpy(w)
    neurons = [snntorch.Leaky(beta=0.9, threshold=0.3, init_hidden=True) for _ in layers]
    neurons[-1].output = True
    net = torch.nn.Sequential(layers[0], neurons[0], layers[1], neurons[1])
    model = SNNTorchModel(net)
    model.register_hooks()
    with torch.no_grad():
        predictions = model(torch.from_numpy(inputs))
    data = (torch.from_numpy(inputs), torch.zeros(len(inputs)))
    theirs = SynapticOperations()(model, predictions, data)
    hidden = [spikes.detach().numpy() for spikes in model.activation_hooks[0].activation_outputs]
    output = [spikes.detach().numpy() for spikes in model.activation_hooks[1].activation_outputs]
    assert sum(spikes.sum() for spikes in hidden) > 0  # else the second layer would test nothing
    calls = [[inputs[:, step] for step in range(inputs.shape[1])], hidden]
    ours = synaptic_operations(zip(weights, calls, strict=True), len(inputs))
    assert ours.effective_acs == theirs["Effective_ACs"]
    assert ours.effective_macs == theirs["Effective_MACs"]
    assert ours.dense == theirs["Dense"]
    assert activation_sparsity([*hidden, *output]) == ActivationSparsity()(model, predictions, data)
    assert connection_sparsity(weights) == ConnectionSparsity()(model)
    buffers = [b.numpy() for b in net.buffers()]
    assert footprint_bytes([*(p.detach().numpy() for p in net.parameters()), *buffers]) == Footprint()(model)
