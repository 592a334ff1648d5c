"""A `StockNetwork` as a NIR graph (the ``nir`` package), and back; and what NIR lacks.

NIR's neurons are differential equations. With Euler steps of 1 ms, the current first, `CubaLIF` computes what the stock
LIF does, but for the rounding of its integers: ``tau_syn = dt 4096 / (du + 1)``, ``tau_mem = dt 4096 / dv``, and
``w_in`` and ``r`` undo the factors ``dt / tau`` of the equations' inputs. Potentials are in units of the threshold's
least significant bit. The integers stand beside in the graph's metadata, from which `read_nir` makes the network again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nir
import numpy as np

from lavaprune.errors import InputError
from lavaprune.files import atomic_file
from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.stock_arithmetic import ALIGN_BITS, DECAY_UNITY

DT_S = 1e-3  # one step
NOT_IN_NIR = (
    "conductances and thresholds of the neurons' own: folded into the weights of current-based neurons (CubaLIF)",
    "integers: rounding, widths, weight and bias exponents are in the metadata only",
    "the step of 1 ms, and the delay of one step of every connection",
    "plasticity: the graph is for inference",
    "the rest between images: feed silence for rest_steps steps (metadata)",
    "labels: in the metadata",
)
_INTEGERS = ("weight_exp", "lateral_exp", "du", "dv", "vth", "bias_exp", "steps", "rest_steps")
_ARRAYS = ("bias_mant", "neuron_labels")


def nir_graph(network: StockNetwork, about: Mapping[str, Any] | None = None) -> nir.NIRGraph:
    """The graph: input -> synapses -> neurons -> output, and neurons -> lateral -> neurons.

    Raises
    ------
    InputError
        If NIR cannot express the network: a voltage that never leaks has no finite time constant.
    """
    if network.dv == 0:
        raise InputError("stock network: dv is 0, a time constant without end; allowed in NIR: 1 .. 4095")
    ones = np.ones(network.n_neurons)
    tau_steps = DECAY_UNITY / network.dv
    nodes = {
        "input": nir.Input({"input": np.array([network.n_inputs])}),
        "synapses": nir.Linear(weight=np.ldexp(network.weights.astype(np.float64), network.weight_exp)),
        "neurons": nir.CubaLIF(
            tau_syn=ones * DT_S * DECAY_UNITY / (network.du + 1),
            tau_mem=ones * DT_S * tau_steps,
            r=ones * tau_steps,
            v_leak=np.ldexp(network.bias_mant.astype(np.float64), network.bias_exp - ALIGN_BITS) * tau_steps,
            v_threshold=ones * network.vth,
            v_reset=ones * 0,
            w_in=ones * DECAY_UNITY / (network.du + 1),
        ),
        "output": nir.Output({"output": np.array([network.n_neurons])}),
    }
    edges = [("input", "synapses"), ("synapses", "neurons"), ("neurons", "output")]
    if network.has_lateral:
        nodes["lateral"] = nir.Linear(weight=np.ldexp(network.lateral.astype(np.float64), network.lateral_exp))
        edges += [("neurons", "lateral"), ("lateral", "neurons")]
    metadata = {name: getattr(network, name) for name in (*_INTEGERS, *_ARRAYS)}
    metadata |= {"dt_s": DT_S, "not_expressed": "; ".join(NOT_IN_NIR), **(about or {})}
    return nir.NIRGraph(nodes=nodes, edges=edges, metadata=metadata)


def write_nir(path: Path, network: StockNetwork, about: Mapping[str, Any]) -> None:
    """Write the network's graph; `about` joins its metadata.

    Raises
    ------
    InputError
        See `nir_graph`.
    OSError
        If the file cannot be written.
    """
    graph = nir_graph(network, about)
    with atomic_file(path) as temporary:
        nir.write(temporary, graph)


def read_nir(path: Path) -> StockNetwork:
    """Read a network that `write_nir` wrote, equal in every integer.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        graph = nir.read(path)
        integers: dict[str, Any] = {name: int(graph.metadata[name]) for name in _INTEGERS}
        arrays: dict[str, Any] = {name: np.asarray(graph.metadata[name]) for name in _ARRAYS}
        weights: Any = np.ldexp(graph.nodes["synapses"].weight, -integers["weight_exp"])
        n = len(weights)
        lateral: Any = np.zeros((n, n))
        if "lateral" in graph.nodes:
            lateral = np.ldexp(graph.nodes["lateral"].weight, -integers["lateral_exp"])
        return StockNetwork(weights=weights, lateral=lateral, **integers, **arrays)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (KeyError, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise InputError(f"{path}: not a stock network of lavaprune ({type(error).__name__}: {error})") from None
