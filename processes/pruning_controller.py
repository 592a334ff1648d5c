"""The Process that decides, at the end of a batch, which synapses stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.base import LavapruneProcess
from lavaprune.processes.checks import check_conducting, checked_array, checked_count
from lavaprune.processes.state import COLUMN_TARGET_MAX, NetworkState
from lavaprune.pruning.method import PruningMethod


class PruningController(LavapruneProcess):
    """Prunes the plastic synapses of a network by a `PruningMethod` (Guo et al. 2020, "Implementation Overhead").

    Both engines talk to it in the same way, within one Lava step and in this order:

    1. The network sends the trigger in *every* step: 0, or 1 + k for pruning event k. After 0 nothing more follows.
    2. It sends its spike counts, then its weights.
    3. The controller answers with both masks, with the sums that the neurons' plastic weights are to have from now on,
       and with the operations that the decision took.

    The controller holds the masks; the network applies what it receives: weights of synapses that do not conduct
    become 0, synapses that are not plastic are no longer updated. Nothing is sent after a trigger of 0, so that idle
    steps cost one message. Ports that are not connected do no harm: without `trigger_in` nothing ever happens, and
    without `counts_in` or `weights_in` an event leaves the masks as they are. An event that leaves no synapse is
    allowed, and logged as a warning (logger "lavaprune.pruning").

    Parameters
    ----------
    n_inputs, n_neurons : int
        I and N, 1..65536.
    method : PruningMethod
        What decides, see `lavaprune.pruning.registry.method_from_settings`.
    conducts, plastic : integers, shape (I, N), optional
        The masks to go on from: 1 where a synapse exists, and where it learns; all of them unless given.
    w_max : int
        The weight that is 1 to the method's thresholds, 1..255.
    n_events : int
        Pruning events of the whole run, which methods that aim at a connectivity want to know; 1..10**9.
    name : str, optional

    Attributes
    ----------
    trigger_in : InPort, shape (1,), int64
        0, or 1 + k.
    counts_in : InPort, shape (N,), int64
        Spikes of each neuron over the batch.
    weights_in : InPort, shape (I, N), uint8
        ``weights[j, i]`` leads from input j to neuron i.
    conducts_out, plastic_out : OutPort, shape (I, N), uint8
        The masks after the event.
    targets_out : OutPort, shape (N,), int64
        Sum to which each neuron's plastic weights are scaled now and whenever they are normalised, in weight steps;
        -1: as before, and nothing is scaled now (`lavaprune.pruning.rescaling`).
    ops_out : OutPort, shape (1,), int64
        Basic operations of this event (`lavaprune.pruning.controller_cost`).
    conducts, plastic : Var, shape (I, N), uint8
    column_targets : Var, shape (N,), int64
    operations : Var, shape (1,), int64
        Basic operations of all events since the Process was built.

    Raises
    ------
    ValueError
        If a size is out of range, `method` is no PruningMethod, a mask is not 0 or 1 of that shape, or a synapse is
        plastic where it does not conduct.
    """

    def __init__(
        self,
        n_inputs: int,
        n_neurons: int,
        method: PruningMethod,
        conducts: npt.ArrayLike = 1,
        plastic: npt.ArrayLike | None = None,
        *,
        w_max: int = 255,
        n_events: int = 1,
        column_targets: npt.ArrayLike = 0,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        owner = "PruningController"
        checked_count(owner, "n_inputs", n_inputs, 1, 65536)
        checked_count(owner, "n_neurons", n_neurons, 1, 65536)
        checked_count(owner, "w_max", w_max, 1, 255)
        checked_count(owner, "n_events", n_events, 1, 10**9)
        targets = checked_array(owner, "column_targets", column_targets, (n_neurons,), 0, COLUMN_TARGET_MAX, np.int64)
        if not isinstance(method, PruningMethod):
            raise ValueError(f"{owner}: method is {method!r}; allowed: a PruningMethod")
        shape = (n_inputs, n_neurons)
        exists = checked_array(owner, "conducts", conducts, shape, 0, 1, np.uint8)
        learns = checked_array(owner, "plastic", exists if plastic is None else plastic, shape, 0, 1, np.uint8)
        check_conducting(owner, exists, plastic=learns)
        super().__init__(method=method, w_max=w_max, n_events=n_events, name=name, **proc_params)
        self.trigger_in = InPort(shape=(1,))
        self.counts_in = InPort(shape=(n_neurons,))
        self.weights_in = InPort(shape=shape)
        self.conducts_out = OutPort(shape=shape)
        self.plastic_out = OutPort(shape=shape)
        self.targets_out = OutPort(shape=(n_neurons,))
        self.ops_out = OutPort(shape=(1,))
        self.conducts = Var(shape=shape, init=exists)
        self.plastic = Var(shape=shape, init=learns)
        self.column_targets = Var(shape=(n_neurons,), init=targets)
        self.operations = Var(shape=(1,), init=0)

    @classmethod
    def of_network(cls, network: Any, state: NetworkState, method: PruningMethod, n_events: int) -> PruningController:
        """The controller of a `PlasticSynapses` or a `FusedNetwork` that starts from ``state``, connected to it."""
        n_inputs, n_neurons = state.weights.shape
        controller = cls(
            n_inputs,
            n_neurons,
            method,
            state.conducts,
            state.plastic,
            n_events=n_events,
            column_targets=state.column_targets,
            name="controller",
        )
        controller.connect_network(network)
        return controller

    def connect_network(self, network: Any) -> None:
        """Connect a `PlasticSynapses` or a `FusedNetwork` of the same size, in both directions."""
        network.prune_trigger_out.connect(self.trigger_in)
        network.prune_counts_out.connect(self.counts_in)
        network.prune_weights_out.connect(self.weights_in)
        self.conducts_out.connect(network.prune_conducts_in)
        self.plastic_out.connect(network.prune_plastic_in)
        self.targets_out.connect(network.prune_targets_in)
        self.ops_out.connect(network.prune_ops_in)
