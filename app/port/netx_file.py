"""A `StockNetwork` in the HDF5 layout that lava-dl's ``netx`` loads (lava/lib/dl/netx/hdf5.py), and what that lacks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from lavaprune.errors import InputError
from lavaprune.files import atomic_file
from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.stock_arithmetic import ALIGN_BITS

NOT_IN_NETX = (
    "conductances and thresholds of the neurons' own: folded into the weights of current-based (CUBA) neurons",
    "lateral inhibition: netx has no exponent for weights, so one inhibitory spike is worth 256 at most, a few input "
    "spikes; the neurons' mean weight is taken off each weight instead, which also fills pruned synapses",
    "plasticity: the file is for inference",
    "the rest between images: feed silence, or give netx a reset_interval",
    "labels: netx passes over them; they are in the dataset 'neuron_labels'",
)


def write_netx(path: Path, network: StockNetwork, about: Mapping[str, str | int | float]) -> None:
    """Write a network that netx turns into the same Processes; `about` becomes attributes of the file.

    Raises
    ------
    InputError
        If netx cannot express the network.
    OSError
        If the file cannot be written.
    """
    if network.has_lateral:
        raise InputError(f"{path}: netx cannot express lateral weights of {network.lateral.min()}; allowed: none")
    if network.weight_exp != 0 or network.bias_exp != ALIGN_BITS:
        raise InputError(
            f"{path}: netx cannot express weight_exp {network.weight_exp}, bias_exp {network.bias_exp}; "
            f"allowed: 0 and {ALIGN_BITS}"
        )
    n, inputs = network.weights.shape
    with atomic_file(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(about)
        file.attrs["not_expressed"] = "; ".join(NOT_IN_NETX)
        file.attrs["steps"], file.attrs["rest_steps"] = network.steps, network.rest_steps
        file.create_dataset("neuron_labels", data=network.neuron_labels)
        first = file.create_group("layer/0")
        first.create_dataset("type", data=np.array([b"input"]))
        first.create_dataset("shape", data=np.array([inputs]))
        layer = file.create_group("layer/1")
        layer.create_dataset("type", data=np.array([b"dense"]))
        layer.create_dataset("shape", data=np.array([n]))
        layer.create_dataset("inFeatures", data=inputs)
        layer.create_dataset("outFeatures", data=n)
        layer.create_dataset("weight", data=network.weights.astype(np.float32), compression="gzip")
        layer.create_dataset("bias", data=network.bias_mant.astype(np.float32))
        neuron = layer.create_group("neuron")
        neuron.create_dataset("type", data=np.array([b"CUBA"]))
        neuron.create_dataset("iDecay", data=network.du + 1)
        neuron.create_dataset("vDecay", data=network.dv)
        neuron.create_dataset("vThMant", data=network.vth)
        neuron.create_dataset("refDelay", data=1)
        neuron.create_dataset("gradedSpike", data=False)
