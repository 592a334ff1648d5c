"""Our models of Lava's Conv and Sparse against Lava's own, sum for sum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv.process import Conv
from lava.proc.conv.utils import conv_scipy, output_shape
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source
from lava.proc.sparse.process import Sparse
from scipy.sparse import csc_matrix

from lavaprune.proc_models.event_kernels import add_columns, add_kernels
from lavaprune.proc_models.stock_conv import PyConvModelByEvents
from lavaprune.proc_models.stock_sparse import PySparseModelByEvents
from lavaprune.runtime.watchdog import run_guarded


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    seed=st.integers(0, 2**32 - 1),
)
def test_kernels_are_added_as_lava_convolves(
    size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], seed: int
) -> None:
    kernel = (min(kernel[0], size[0] + 2 * padding[0]), min(kernel[1], size[1] + 2 * padding[1]))
    rng = np.random.default_rng(seed)
    weight = rng.integers(-256, 255, (3, *kernel, 2)).astype(np.int32)
    spikes = (rng.random((*size, 2)) < 0.5).astype(np.int32)
    sums = np.zeros(output_shape(spikes.shape, 3, kernel, stride, padding, (1, 1)), np.int32)
    turned = np.ascontiguousarray(weight[:, ::-1, ::-1, :].transpose(3, 1, 2, 0))
    add_kernels(spikes, turned, *stride, *padding, sums)
    assert np.array_equal(sums, conv_scipy(spikes, weight, kernel, stride, padding, (1, 1), 1))


@settings(max_examples=40, deadline=None)
@given(share=st.sampled_from([0.0, 0.1, 0.9]), seed=st.integers(0, 2**32 - 1))
def test_columns_are_added_as_a_product_sums(share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weight = (rng.integers(-256, 255, (7, 11)) * (rng.random((7, 11)) < share)).astype(np.int32)
    spikes = rng.random(11) < 0.5
    stored = csc_matrix(weight)
    sums = np.zeros(7, np.int64)
    add_columns(spikes, stored.indptr, stored.indices, stored.data, sums)
    assert np.array_equal(sums, weight.astype(np.int64) @ spikes)


def sums_on_lava(process: Any, spikes: np.ndarray, models: dict[Any, Any]) -> np.ndarray:
    steps = spikes.shape[-1]
    source, sink = Source(data=spikes), Sink(shape=process.a_out.shape, buffer=steps)
    source.s_out.connect(process.s_in)
    process.a_out.connect(sink.a_in)
    config = Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=models)
    found = run_guarded(process, RunSteps(num_steps=steps), config, 60.0, read=lambda: np.array(sink.data.get()))
    assert found is not None
    return found


@pytest.mark.parametrize("message_bits", [0, 8])
def test_conv_on_lava(message_bits: int) -> None:
    """Also with a payload, which ours leaves to Lava's model."""
    rng = np.random.default_rng(1)
    weight = (rng.integers(-128, 128, (4, 6, 4, 3)) * 2).astype(np.int32)
    spikes = rng.integers(0, 2 if message_bits == 0 else 9, (8, 6, 3, 5)).astype(np.int32)

    def build() -> Conv:
        shape = (8, 6, 3)
        return Conv(weight=weight, input_shape=shape, stride=2, padding=(2, 1), num_message_bits=message_bits)

    ours = sums_on_lava(build(), spikes, {Conv: PyConvModelByEvents})
    assert np.array_equal(ours, sums_on_lava(build(), spikes, {}))
    assert np.count_nonzero(ours[..., 1:]) > 100


@pytest.mark.parametrize("weight_exp", [0, 2, -1])
@pytest.mark.parametrize("message_bits", [0, 8])
def test_sparse_on_lava(weight_exp: int, message_bits: int) -> None:
    """Odd weights of both signs, so that Lava's model has to bring them to their width first."""
    rng = np.random.default_rng(2)
    weight = (rng.integers(-127, 128, (6, 20)) * (rng.random((6, 20)) < 0.3)).astype(np.int32)
    spikes = rng.integers(0, 2 if message_bits == 0 else 9, (20, 8)).astype(np.int32)

    def build() -> Sparse:
        return Sparse(weights=weight, weight_exp=weight_exp, num_message_bits=message_bits)

    ours = sums_on_lava(build(), spikes, {Sparse: PySparseModelByEvents})
    assert np.array_equal(ours, sums_on_lava(build(), spikes, {}))
    assert np.count_nonzero(ours[..., 1:]) > 20
