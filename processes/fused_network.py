"""The whole winner-take-all network as one Process that presents whole samples."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.base import LavapruneProcess
from lavaprune.processes.checks import check_conducting, checked_array, checked_count
from lavaprune.processes.conductance_lif import THETA_MAX
from lavaprune.processes.control import CONTROL_COLUMNS
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import COLUMN_TARGET_MAX, NetworkState

REQUEST_NOTHING, REQUEST_STATE, REQUEST_STOP = range(3)  # what `request_in` takes


class FusedNetwork(LavapruneProcess):
    """Presents up to K samples in every Lava time step: the network of `WinnerTakeAll`, made for training.

    Spikes, weights, masks, thresholds and counters are bit-identical to the graph's. In a step it takes a
    message from each of the three inputs, presents the samples one after the other, and sends their spike counts.
    The sample of a pruning event is the last of its step that is not idle.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState
        The state to start from; copied.
    samples_per_step : int
        K, 1..65536.
    name : str, optional
    **proc_params
        As for any Process.

    Attributes
    ----------
    images_in : InPort, shape (K, I), uint8
        Pixels.
    control_in : InPort, shape (K, 6), int64
        Control rows, see `processes.control`; a row of phase 0 is skipped.
    request_in : InPort, shape (1,), int64
        ``REQUEST_STATE``: send the state after this step. ``REQUEST_STOP``: end the run after this step, as
        a host needs that has started a run without an end.
    counts_out : OutPort, shape (K, N), int32
        Excitatory spikes of each neuron in each sample; 0 for idle rows.
    counters_out : OutPort, shape (2, C), int64
        Event counters so far, training and inference, in the order of `energy.counts.COUNTER_NAMES`.
    weights_out, conducts_out, plastic_out : OutPort, shape (I, N), uint8
    theta_out : OutPort, shape (N,), int32
    batch_counts_out, column_targets_out : OutPort, shape (N,), int64
        The state, as in `NetworkState`, when requested.
    prune_trigger_out : OutPort, shape (1,), int64
    prune_counts_out : OutPort, shape (N,), int64
    prune_weights_out : OutPort, shape (I, N), uint8
    prune_conducts_in, prune_plastic_in : InPort, shape (I, N), uint8
    prune_targets_in : InPort, shape (N,), int64
    prune_ops_in : InPort, shape (1,), int64
        To and from a `PruningController`; see `connect_controller`.
    weights, conducts, plastic, theta, batch_counts, column_targets, counters : Var
        The same state. Lava moves single elements (20 to 40 us each), so use the ports for the big ones.

    Raises
    ------
    ValueError
        If the state's shape is not that of the parameters, a mask is not 0 or 1, a weight is not 0 or a synapse
        plastic where ``conducts`` is 0, or theta, a count or ``samples_per_step`` is out of range.
    """

    def __init__(
        self,
        parameters: NetworkParameters,
        state: NetworkState,
        samples_per_step: int = 64,
        *,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        k = checked_count("FusedNetwork", "samples_per_step", samples_per_step, 1, 65536)
        shape = n_inputs, n_neurons = parameters.n_inputs, parameters.n_neurons
        if state.weights.shape != shape:
            raise ValueError(f"FusedNetwork: weights have shape {state.weights.shape}; allowed: {shape}")
        _check_state("FusedNetwork", state)
        super().__init__(parameters=parameters, samples_per_step=k, name=name, **proc_params)
        self.images_in = InPort(shape=(k, n_inputs))
        self.control_in = InPort(shape=(k, CONTROL_COLUMNS))
        self.request_in = InPort(shape=(1,))
        self.counts_out = OutPort(shape=(k, n_neurons))
        self.counters_out = OutPort(shape=state.counters.shape)
        self.weights_out = OutPort(shape=shape)
        self.conducts_out = OutPort(shape=shape)
        self.plastic_out = OutPort(shape=shape)
        self.theta_out = OutPort(shape=(n_neurons,))
        self.batch_counts_out = OutPort(shape=(n_neurons,))
        self.column_targets_out = OutPort(shape=(n_neurons,))
        self.prune_trigger_out = OutPort(shape=(1,))
        self.prune_counts_out = OutPort(shape=(n_neurons,))
        self.prune_weights_out = OutPort(shape=shape)
        self.prune_conducts_in = InPort(shape=shape)
        self.prune_plastic_in = InPort(shape=shape)
        self.prune_targets_in = InPort(shape=(n_neurons,))
        self.prune_ops_in = InPort(shape=(1,))
        self.weights = Var(shape=shape, init=state.weights.copy())
        self.conducts = Var(shape=shape, init=state.conducts.copy())
        self.plastic = Var(shape=shape, init=state.plastic.copy())
        self.theta = Var(shape=(n_neurons,), init=state.theta.copy())
        self.batch_counts = Var(shape=(n_neurons,), init=state.batch_counts.copy())
        self.column_targets = Var(shape=(n_neurons,), init=state.column_targets.copy())
        self.counters = Var(shape=state.counters.shape, init=state.counters.copy())

    def open_pipes(self, steps_ahead: int = 2) -> None:
        """Let the host send samples and receive results, instead of other Processes; call it before the first run.

        Parameters
        ----------
        steps_ahead : int
            Lava steps whose messages fit into the pipes, 1..64.
        """
        checked_count("FusedNetwork", "steps_ahead", steps_ahead, 1, 64)
        for port in (self.images_in, self.control_in, self.request_in, self.counts_out, self.counters_out):
            port.flag_external_pipe(buffer_size=steps_ahead)
        for port in self.state_ports:
            port.flag_external_pipe(buffer_size=1)

    @property
    def state_ports(self) -> tuple[OutPort, ...]:
        """The ports of the state, in the order in which it is sent."""
        return (
            self.weights_out,
            self.conducts_out,
            self.plastic_out,
            self.theta_out,
            self.batch_counts_out,
            self.column_targets_out,
        )

    def connect_controller(self, controller: Any) -> None:
        """Connect a `PruningController` of the same size, in both directions."""
        controller.connect_network(self)


def _check_state(owner: str, state: NetworkState) -> None:
    """Refuse values out of range: the kernels check nothing."""
    limits = {"conducts": 1, "plastic": 1, "theta": THETA_MAX, "batch_counts": 2**53}
    limits["column_targets"] = COLUMN_TARGET_MAX
    for name, high in limits.items():
        array = getattr(state, name)
        checked_array(owner, name, array, array.shape, 0, high, array.dtype)
    checked_array(owner, "counters", state.counters, state.counters.shape, 0, 2**62, np.int64)
    check_conducting(owner, state.conducts, weights=state.weights, plastic=state.plastic)
