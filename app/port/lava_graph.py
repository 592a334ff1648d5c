"""A `StockNetwork` as a graph of stock Lava Processes, and images shown to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import Dense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.process import LIF
from lava.utils.weightutils import SignMode

from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.stock_arithmetic import ALIGN_BITS, DECAY_MAX, VTH_MAX
from lavaprune.runtime.heartbeat import heartbeat
from lavaprune.runtime.watchdog import guarded

TAG = "fixed_pt"  # under which Lava's RunConfigs find the bit-accurate models


@dataclass(frozen=True)
class StockProcesses:
    """The Processes of one graph, all of them Lava's own.

    Attributes
    ----------
    source : RingBuffer
        Sends the input spikes, one column per step.
    synapses : Dense
    neurons : LIF
    lateral : Dense or None
    counter_synapses : Dense
        One to one from the neurons to the counters.
    counter : LIF
        Neurons that never leak nor spike: 2**6 of their voltage are one spike received, with a step's delay.
    """

    source: RingBuffer
    synapses: Dense
    neurons: LIF
    lateral: Dense | None
    counter_synapses: Dense
    counter: LIF


def stock_processes(network: StockNetwork, spikes: npt.NDArray[np.int32]) -> StockProcesses:
    """Build and connect the Processes.

    Parameters
    ----------
    network : StockNetwork
    spikes : (T, I) int32
        Input spikes, 0 or 1; after T steps they start over.
    """
    n = network.n_neurons
    source = RingBuffer(data=np.ascontiguousarray(spikes.T))
    synapses = Dense(weights=network.weights, weight_exp=network.weight_exp, name="synapses")
    neurons = LIF(
        shape=(n,),
        du=network.du,
        dv=network.dv,
        vth=network.vth,
        bias_mant=network.bias_mant,
        bias_exp=np.full(n, network.bias_exp, np.int32),
        name="neurons",
    )
    source.s_out.connect(synapses.s_in)
    synapses.a_out.connect(neurons.a_in)
    lateral = None
    if network.has_lateral:
        lateral = Dense(
            weights=network.lateral, weight_exp=network.lateral_exp, sign_mode=SignMode.INHIBITORY, name="lateral"
        )
        neurons.s_out.connect(lateral.s_in)
        lateral.a_out.connect(neurons.a_in)
    counter_synapses = Dense(weights=np.eye(n, dtype=np.int32), name="counter_synapses")
    counter = LIF(shape=(n,), du=DECAY_MAX, dv=0, vth=VTH_MAX, name="counter")
    neurons.s_out.connect(counter_synapses.s_in)
    counter_synapses.a_out.connect(counter.a_in)
    return StockProcesses(source, synapses, neurons, lateral, counter_synapses, counter)


def show_on_lava(
    network: StockNetwork, spikes: npt.NDArray[np.int32], timeout_s: float = 600.0
) -> npt.NDArray[np.int64]:
    """Run images through a new graph on Lava's CPU backend.

    Parameters
    ----------
    network : StockNetwork
    spikes : (K * period, I) int32
        From `emulator.input_spikes`.
    timeout_s : float
        Seconds that one image may take.

    Returns
    -------
    numpy.ndarray, shape (K, N), int64
        Spikes of each neuron from the start of an image to that of the next.

    Raises
    ------
    RunError
        See `lavaprune.runtime.watchdog.guarded`.
    """
    graph = stock_processes(network, spikes)
    totals = [np.zeros(network.n_neurons, np.int64)]
    with guarded(graph.neurons, timeout_s):
        for k in range(len(spikes) // network.period):
            # the counters hear of a spike a step late
            steps = network.period + (1 if k == 0 else 0)
            graph.neurons.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag=TAG))
            totals.append(graph.counter.v.get().astype(np.int64) >> ALIGN_BITS)
            heartbeat()
    return np.diff(np.array(totals), axis=0)
