"""A lava-dl netx network, a hierarchy of blocks, under the meter."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lavaprune.meter import EnergyMeter
from lavaprune.meter.counts import ConnectionCounts

sys.path.append(str(Path(__file__).parent / "toys"))

from meter_toys import conv_ops, dense_ops, raster, run, sink, source

hdf5 = pytest.importorskip("lava.lib.dl.netx.hdf5", reason="needs lava-dl")

STEPS = 20
SHAPE = (6, 5, 2)  # x, y, channels
STRIDE, PADDING, DILATION = (2, 1), (1, 0), (1, 1)  # in x and y
KERNEL, HIDDEN, N_OUT = (3, 2), (3, 4, 3), 4


def even(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Even weights of both signs, half of them 0, as SLAYER exports them."""
    random = np.random.default_rng(seed)
    return (random.integers(-20, 40, shape) * 2 * (random.random(shape) < 0.5)).astype(np.float32)


def write_network(path: Path, kernel: np.ndarray, weights: np.ndarray, recurrent: np.ndarray) -> None:
    """A convolution, a flattening, a recurrent dense layer (``layer/<i>/`` of lava-dl's format, in its C, y, x)."""
    layers: list[dict[str, Any]] = [
        {"type": b"input", "shape": SHAPE[::-1]},
        {
            "type": b"conv",
            "shape": HIDDEN[::-1],
            "weight": kernel.transpose(0, 3, 2, 1)[:, :, ::-1, ::-1],
            "stride": STRIDE[::-1],
            "padding": PADDING[::-1],
            "dilation": DILATION[::-1],
            "groups": 1,
        },
        {"type": b"flatten", "shape": (int(np.prod(HIDDEN)),)},
        {"type": b"dense_rec", "shape": (N_OUT,), "weight": weights, "weight_rec": recurrent},
    ]
    neuron = {"type": b"CUBA", "iDecay": 1024, "vDecay": 128, "vThMant": 60, "refDelay": 1, "gradedSpike": False}
    with h5py.File(path, "w") as file:
        for k, layer in enumerate(layers):
            group = file.create_group(f"layer/{k}")
            for name, value in layer.items():
                group.create_dataset(name, data=np.array([value]) if name == "type" else value)
            if "weight" in layer:
                for name, value in neuron.items():
                    group.create_dataset(f"neuron/{name}", data=np.array([value]) if name == "type" else value)


def network(path: Path, is_sparse: bool) -> tuple[Any, Any, Any]:
    net = hdf5.Network(net_config=str(path), input_shape=SHAPE, sparse_fc_layer=is_sparse)
    conv, dense = net.layers
    return net, conv, dense


def found(connection: ConnectionCounts) -> tuple[int, int, int]:
    return connection.spikes, connection.synaptic_ops, connection.stored_synaptic_ops


@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_netx(tmp_path: Path, is_sparse: bool) -> None:
    kernel = even((HIDDEN[2], *KERNEL, SHAPE[2]), 1)
    weights, recurrent = even((N_OUT, int(np.prod(HIDDEN))), 2), even((N_OUT, N_OUT), 3)
    write_network(tmp_path / "net.h5", kernel, weights, recurrent)
    spikes = raster(SHAPE, STEPS, rate=0.4)

    def outputs(is_metered: bool) -> tuple[EnergyMeter | None, np.ndarray, np.ndarray, np.ndarray]:
        net, conv, dense = network(tmp_path / "net.h5", is_sparse)
        source(spikes, net.inp)
        records = sink(conv.neuron.s_out, STEPS), sink(net.out, STEPS)
        meter = EnergyMeter(net) if is_metered else None
        read = run(net, STEPS, lambda: (*(r.data.get() for r in records), dense.neuron.v.get()))
        return meter, *read

    meter, hidden, out, voltage = outputs(True)
    assert meter is not None
    for with_meter, without in zip((hidden, out, voltage), outputs(False)[1:], strict=True):
        np.testing.assert_array_equal(with_meter, without)
    assert hidden.any()
    assert out.any()

    conv, forward, back = meter.counts().connections
    assert found(conv) == conv_ops(kernel, spikes, HIDDEN, STRIDE, PADDING, DILATION, 1)
    flat = hidden.transpose(2, 1, 0, 3).reshape(-1, STEPS)  # as netx flattens: channels, y, x
    expected = [dense_ops(weights, flat), dense_ops(recurrent, out)]
    if is_sparse:  # csr_matrix() stores no zeros
        expected = [(n_spikes, ops, ops) for n_spikes, ops, _ in expected]
    assert [found(forward), found(back)] == expected
    assert [c.name for c in (conv, forward, back)] == [
        "RingBuffer_1 -> in_layer.synapse -> in_layer.neuron",
        "in_layer.neuron -> out_layer.synapse -> out_layer.neuron",
        "out_layer.neuron -> out_layer.synapse_rec -> out_layer.neuron",
    ]
    counts = meter.counts()
    assert counts.not_counted == {}
    updates = [p.updates_active + p.updates_inactive for p in counts.populations]
    assert updates == [int(np.prod(HIDDEN)) * STEPS, N_OUT * STEPS]
    assert [p.spikes for p in counts.populations] == [np.count_nonzero(hidden), np.count_nonzero(out)]
