"""Synaptic operations of every kind of stock synapses, against counts made spike by spike."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.conv import utils as conv_utils
from lava.proc.conv.process import Conv
from lava.proc.conv_in_time.process import ConvInTime
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.io.source import RingBuffer as Source
from lava.proc.lif.process import LIF, TernaryLIF
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse
from scipy.sparse import csr_matrix

from lavaprune.meter import EnergyMeter
from lavaprune.meter.counts import ConnectionCounts
from lavaprune.meter.fan_out import conv_fan_out
from lavaprune.runtime.watchdog import guarded

sys.path.append(str(Path(__file__).parent / "toys"))

from meter_toys import conv_ops, dense_ops, raster, run, run_stepwise, sink, source

N_IN, N_OUT, STEPS = 7, 5, 25


def some_weights(seed: int = 1) -> np.ndarray:
    """(N_OUT, N_IN) integers, many of them 0; mixed signs, so that Lava rounds the odd ones down to even: 1 to 0."""
    weights = np.random.default_rng(seed).integers(-40, 60, (N_OUT, N_IN))
    weights[np.random.default_rng(seed + 1).random(weights.shape) < 0.3] = 0
    weights[0, :3] = 1
    return weights


def found(connection: ConnectionCounts) -> tuple[int, int, int]:
    return connection.spikes, connection.synaptic_ops, connection.stored_synaptic_ops


@pytest.mark.parametrize("payload", [1, 50], ids=["binary", "graded"])
@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("is_delayed", [False, True], ids=["", "delay"])
def test_dense(is_delayed: bool, tag: str, payload: int) -> None:
    spikes = raster((N_IN,), STEPS, payload=payload)
    bits = 8 if payload > 1 else 0
    delays = np.random.default_rng(3).integers(0, 4, (N_OUT, N_IN))
    options: dict[str, Any] = {"weights": some_weights(), "num_message_bits": bits}
    dense = DelayDense(**options, delays=delays, name="w") if is_delayed else Dense(**options, name="w")
    lif = LIF(shape=(N_OUT,), name="out")
    source(spikes, dense.s_in)
    dense.a_out.connect(lif.a_in)
    meter = EnergyMeter(dense)
    weights = run(dense, STEPS, dense.weights.get, tag)
    (connection,) = meter.counts().connections
    assert connection.name == "RingBuffer_1 -> w -> out"
    assert found(connection) == dense_ops(weights, spikes)
    # The weights of 1, which fixed point rounds away, make the two differ.
    assert (connection.synaptic_ops < dense_ops(some_weights(), spikes)[1]) == (tag == "fixed_pt")
    assert meter.counts().steps == STEPS
    assert connection.synaptic_updates == 0


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("is_delayed", [False, True], ids=["", "delay"])
def test_sparse(is_delayed: bool, tag: str) -> None:
    """Only what is stored; an explicit zero is stored and is no operation."""
    spikes = raster((N_IN,), STEPS)
    weights = csr_matrix(np.abs(some_weights()))
    weights.data[::4] = 0
    assert weights.nnz > np.count_nonzero(weights.data)
    if is_delayed:
        delays = weights.copy()
        delays.data = np.random.default_rng(3).integers(0, 4, delays.data.shape)
        sparse = DelaySparse(weights=weights, delays=delays)
    else:
        sparse = Sparse(weights=weights.copy())
    lif = LIF(shape=(N_OUT,))
    source(spikes, sparse.s_in)
    sparse.a_out.connect(lif.a_in)
    meter = EnergyMeter(lif)
    run(lif, STEPS, lambda: True, tag)
    (connection,) = meter.counts().connections
    values = weights.toarray()
    is_stored = np.zeros(values.shape, int)
    is_stored[weights.nonzero()] = 1
    if tag == "floating_pt":  # in fixed point Lava drops explicit zeros, and nothing is left of them
        is_stored[np.repeat(np.arange(N_OUT), np.diff(weights.indptr)), weights.indices] = 1
    assert found(connection)[:2] == dense_ops(values, spikes)[:2]
    assert connection.stored_synaptic_ops == dense_ops(is_stored, spikes)[1]


GEOMETRIES: list[dict[str, Any]] = [
    {"shape": (6, 5, 2), "kernel": (3, 3, 3), "stride": 1, "padding": 0, "dilation": 1, "groups": 1},
    {"shape": (6, 5, 2), "kernel": (4, 3, 2), "stride": (2, 1), "padding": (1, 0), "dilation": 1, "groups": 1},
    {"shape": (7, 8, 4), "kernel": (4, 2, 3), "stride": (3, 2), "padding": (2, 1), "dilation": (2, 2), "groups": 2},
    {"shape": (5, 5, 3), "kernel": (3, 2, 2), "stride": 2, "padding": 1, "dilation": (1, 3), "groups": 3},
]


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_conv(geometry: dict[str, Any], tag: str) -> None:
    """Edges, strides, dilation and groups, counted from the output's side."""
    shape, n_steps = geometry["shape"], 4
    spikes = raster(shape, n_steps, payload=9, seed=2)
    n_out, kernel_x, kernel_y = geometry["kernel"]
    random = np.random.default_rng(5)
    kernel = random.integers(-3, 4, (n_out, kernel_x, kernel_y, shape[2] // geometry["groups"]))
    kernel[random.random(kernel.shape) < 0.3] = 0
    options = {name: geometry[name] for name in ("stride", "padding", "dilation", "groups")}
    conv = Conv(weight=kernel, input_shape=shape, num_message_bits=8, **options)
    lif = LIF(shape=conv.a_out.shape)
    source(spikes, conv.s_in)
    conv.a_out.connect(lif.a_in)
    meter = EnergyMeter(conv)
    run(conv, n_steps, lambda: True, tag)
    pairs = (conv_utils.make_tuple(options[name]) for name in ("stride", "padding", "dilation"))
    expected = conv_ops(kernel, spikes, conv.a_out.shape, *pairs, options["groups"])
    assert found(meter.counts().connections[0]) == expected


@given(st.data())
def test_fan_out_of_any_convolution(data: st.DataObject) -> None:
    """Lava's own convolution of the spikes with ones where the kernel is not zero adds up to the operations."""
    draw = data.draw
    groups = draw(st.integers(1, 3))
    kernel_x, kernel_y = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    stride, dilation = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) for _ in range(2))
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    covered = [dilation[k] * (size - 1) + 1 for k, size in enumerate((kernel_x, kernel_y))]
    size_x, size_y = (max(1, covered[k] - 2 * padding[k]) + draw(st.integers(0, 4)) for k in range(2))
    n_in, n_out = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    exists = random.random((n_out, kernel_x, kernel_y, n_in // groups)) < 0.6
    spikes = random.random((size_x, size_y, n_in)) < 0.4

    output = conv_utils.conv(
        spikes.astype(int), exists.astype(int), exists.shape[1:3], stride, padding, dilation, groups
    )
    fan_out = conv_fan_out(exists, spikes.shape, output.shape, stride, padding, dilation, groups)
    assert fan_out[spikes].sum() == round(output.sum())


def test_conv_in_time() -> None:
    """Every spike meets the kernel's weights of all time steps."""
    kernel = np.stack([some_weights(seed) for seed in range(3)])
    spikes = raster((N_IN,), STEPS)
    conv = ConvInTime(weights=kernel)
    lif = LIF(shape=(N_OUT,))
    source(spikes, conv.s_in)
    conv.a_out.connect(lif.a_in)
    meter = EnergyMeter(conv)
    run(conv, STEPS, lambda: True, "floating_pt")  # in fixed point, Lava's ConvInTime sends what LIF cannot read
    by_step = [dense_ops(weights, spikes) for weights in kernel]
    expected = (by_step[0][0], sum(ops for _, ops, _ in by_step), sum(stored for _, _, stored in by_step))
    assert found(meter.counts().connections[0]) == expected


def learning_graph(is_sparse: bool, t_epoch: int, dw: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """Learning synapses with given spikes of inputs and neurons; their weights fall to 0 and rise from it."""
    pre, post = raster((N_IN,), STEPS, seed=11), raster((N_OUT,), STEPS, rate=0.25, seed=12)
    weights = np.random.default_rng(13).integers(0, 3, (N_OUT, N_IN)) * 2
    rule = Loihi2FLearningRule(dw=dw, x1_impulse=16, x1_tau=4, y1_impulse=16, y1_tau=4, t_epoch=t_epoch, rng_seed=1)
    cls = LearningSparse if is_sparse else LearningDense
    synapses = cls(weights=csr_matrix(weights) if is_sparse else weights, learning_rule=rule)
    lif = LIF(shape=(N_OUT,))
    source(pre, synapses.s_in)
    source(post, synapses.s_in_bap)
    synapses.a_out.connect(lif.a_in)
    return synapses, pre, post


@pytest.mark.parametrize("tag", ["fixed_pt", "floating_pt"])
@pytest.mark.parametrize(
    ("t_epoch", "dw"),
    [
        (1, "-2^-1*x0*y1 + 2^-1*y0*x1"),
        (3, "-2^-1*x0*y1 + 2^-1*y0*x1"),
        (1, "2^-1*y0*x1 - 2^-1*u1*w"),
        (2, "-2^-2*x0*y1"),
    ],
)
def test_learning_dense(t_epoch: int, dw: str, tag: str) -> None:
    """Operations with the weights of each step, as they are read between the steps; updates by the rule's terms."""
    dense, pre, post = learning_graph(False, t_epoch, dw)
    meter = EnergyMeter(dense)
    after = run_stepwise(dense, STEPS, lambda: (dense.weights.get(), meter.counts().connections[0]), tag)
    # The first step's are those given: even numbers, which fixed point leaves alone.
    weights = np.random.default_rng(13).integers(0, 3, (N_OUT, N_IN)) * 2
    ops = updates = 0
    zeros_seen = set()
    for t, (new_weights, counted) in enumerate(after):
        for j in np.flatnonzero(pre[:, t]):
            ops += sum(1 for i in range(N_OUT) if weights[i, j] != 0)
        if (t + 1) % t_epoch == 0:
            epoch = slice(t + 1 - t_epoch, t + 1)
            if "x0" in dw:
                updates += N_OUT * sum(1 for j in range(N_IN) if pre[j, epoch].any())
            if "y0" in dw:
                updates += N_IN * sum(1 for i in range(N_OUT) if post[i, epoch].any())
            if "u1" in dw and ((t + 1) // t_epoch) % 2 == 0:
                updates += N_IN * N_OUT
        assert (counted.synaptic_ops, counted.synaptic_updates) == (ops, updates)
        weights = new_weights
        zeros_seen.add(int(np.count_nonzero(weights == 0)))
    assert len(zeros_seen) > 1  # the fan-out did change on the way
    assert counted.stored_synaptic_ops == N_OUT * np.count_nonzero(pre)


def test_learning_sparse_updates_what_is_stored() -> None:
    sparse, pre, post = learning_graph(True, 1, "-2^-1*x0*y1 + 2^-1*y0*x1")
    weights = np.random.default_rng(13).integers(0, 3, (N_OUT, N_IN))
    meter = EnergyMeter(sparse)
    run(sparse, STEPS, lambda: True)
    updates = 0
    for t in range(STEPS):
        for i, j in np.argwhere(weights != 0):
            updates += int(pre[j, t] != 0) + int(post[i, t] != 0)
    (connection,) = meter.counts().connections
    assert connection.synaptic_updates == updates
    assert connection.spikes == np.count_nonzero(pre)


def test_several_sources_are_counted_apart() -> None:
    """Two messages on one input are two spikes, also where they cancel; each source has a row of its own."""
    spikes = raster((N_IN,), STEPS, rate=0.5)
    dense = Dense(weights=some_weights(), num_message_bits=8, name="w")
    lif = LIF(shape=(N_OUT,), name="out")
    plus, minus = Source(data=spikes), Source(data=-spikes.reshape(1, N_IN, STEPS))
    plus.s_out.connect(dense.s_in)
    minus.s_out.flatten().connect(dense.s_in)
    dense.a_out.connect(lif.a_in)
    meter = EnergyMeter(lif)
    weights, voltage = run(lif, STEPS, lambda: (dense.weights.get(), lif.v.get()))
    counts = meter.counts()
    assert not voltage.any()
    assert [c.name for c in counts.connections] == ["RingBuffer_1 -> w -> out", "RingBuffer_2 -> w -> out"]
    assert [found(c) for c in counts.connections] == [dense_ops(weights, spikes)] * 2
    assert counts.populations[0].updates_active == 0


def test_fan_out_to_two_synapses_and_recurrence() -> None:
    """A neuron's spike is a message on each connection; feedback of neurons through synapses is counted too."""
    n = N_OUT
    ternary = TernaryLIF(shape=(n,), vth_hi=3, vth_lo=-3, bias_mant=np.array([30, -30, 20, 0, 50]), du=4095, name="t")
    forward, back = Dense(weights=some_weights()[:, :n], name="f"), Dense(weights=-2 * np.eye(n, dtype=int), name="b")
    out = LIF(shape=(n,), name="out")
    ternary.s_out.connect([forward.s_in, back.s_in])
    forward.a_out.connect(out.a_in)
    back.a_out.connect(ternary.a_in)
    record = sink(ternary.s_out, 60)
    meter = EnergyMeter(out)
    spikes, weights = run(out, 60, lambda: (record.data.get(), forward.weights.get()))
    assert {-1, 1} <= set(spikes.ravel().tolist())
    by_name = {c.name: found(c) for c in meter.counts().connections}
    assert by_name == {"t -> f -> out": dense_ops(weights, spikes), "t -> b -> t": dense_ops(np.eye(n), spikes)}
    assert meter.counts().populations[0].spikes == np.count_nonzero(spikes)


def test_weights_set_between_runs() -> None:
    """The meter looks at the weights of the moment, not at those that it saw first."""
    spikes = raster((N_IN,), 2 * STEPS)
    dense = Dense(weights=np.full((N_OUT, N_IN), 2))
    source(spikes, dense.s_in)
    lif = LIF(shape=(N_OUT,))
    dense.a_out.connect(lif.a_in)
    meter = EnergyMeter(dense)
    new = np.abs(some_weights()) * 2
    with guarded(dense, 60.0):
        dense.run(condition=RunSteps(num_steps=STEPS), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        first = meter.counts().connections[0].synaptic_ops
        meter.reset()
        dense.weights.set(new)
        dense.run(condition=RunSteps(num_steps=STEPS))
    assert first == N_OUT * np.count_nonzero(spikes[:, :STEPS])
    assert found(meter.counts().connections[0]) == dense_ops(new, spikes[:, STEPS:])
