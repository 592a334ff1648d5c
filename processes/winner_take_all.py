"""The whole network as a graph of Processes (Guo et al. 2020, "Network Architecture")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.variable import Var

from lavaprune.energy.counts import COUNTER_NAMES, counter_index
from lavaprune.processes.base import LavapruneProcess
from lavaprune.processes.checks import checked_array
from lavaprune.processes.controlled import CountingProcess
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.pruning.method import PruningMethod


class WinnerTakeAll(LavapruneProcess):
    """A hierarchical Process: sequencer, encoder, plastic synapses, neurons, lateral inhibition and spike counter.

    ::

        Sequencer --image--> PoissonEncoder --> PlasticSynapses --> ConductanceLIF --> SpikeCounter
            |                                     ^  |     ^             |   ^
            +--control word--> (all)              |  |     +---spikes----+   |
                                                  v  |                   v   |
                                         PruningController           OneToOne -> InhibitoryLIF -> LateralInhibition

    With ``inhibition="direct"`` the spikes of ConductanceLIF go straight to LateralInhibition. The controller is there
    only if a pruning method is given. Lava takes one step per step of the network; ``steps`` of them make a sample.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState, optional
        Copied; a fresh one (`proc_models.initial_state`) unless given.
    images, control : integers, shapes (K, I) and (K, 6), optional
        Samples in memory, see `Sequencer`; otherwise they come from the host through its pipes.
    pruning : PruningMethod, optional
        What a pruning event decides; without it events are passed over.
    n_events : int
        Pruning events of the whole run; see `PruningController`.
    name : str, optional

    Attributes
    ----------
    s_out : OutPort, shape (N,), int32
        Spikes of the excitatory neurons, of the same step.
    weights, conducts, plastic : Var, shape (I, N)
    theta, spike_counts, batch_counts, column_targets : Var, shape (N,)
        The Vars of these names of PlasticSynapses, ConductanceLIF and (``spike_counts``) SpikeCounter.

    Raises
    ------
    ValueError
        If the state does not fit the parameters, or what `Sequencer`, `PlasticSynapses`, `ConductanceLIF` raise.
    """

    def __init__(
        self,
        parameters: NetworkParameters,
        state: NetworkState | None = None,
        images: npt.ArrayLike | None = None,
        control: npt.ArrayLike | None = None,
        pruning: PruningMethod | None = None,
        *,
        n_events: int = 1,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        shape = (parameters.n_inputs, parameters.n_neurons)
        if state is not None and state.weights.shape != shape:
            raise ValueError(f"WinnerTakeAll: state is of shape {state.weights.shape}; allowed: {shape}")
        counters = np.zeros((2, len(COUNTER_NAMES)), np.int64) if state is None else state.counters
        self._counters_before = checked_array(
            "WinnerTakeAll", "counters", counters, (2, len(COUNTER_NAMES)), 0, 2**62, np.int64
        )
        super().__init__(
            parameters=parameters,
            state=state,
            images=images,
            control=control,
            pruning=pruning,
            n_events=n_events,
            name=name,
            **proc_params,
        )
        neurons = shape[1:]
        self.s_out = OutPort(shape=neurons)
        self.weights = Var(shape=shape)
        self.conducts = Var(shape=shape)
        self.plastic = Var(shape=shape)
        self.theta = Var(shape=neurons)
        self.spike_counts = Var(shape=neurons)
        self.batch_counts = Var(shape=neurons)
        self.column_targets = Var(shape=neurons)

    def read_counters(self) -> np.ndarray:
        """All counters, the state's included, put together from the Processes' Vars; not while the network runs.

        Returns
        -------
        numpy.ndarray, shape (2, n_counters), int64
            Training (row 0) and inference (row 1), in the order of `energy.counts.COUNTER_NAMES`.
        """
        return self.join_counters({process: process.counters.get() for process in self.counting_processes()})

    def counting_processes(self) -> list[CountingProcess]:
        """The Processes that count; empty before the network is compiled."""
        return [process for process in self.procs if isinstance(process, CountingProcess)]

    def join_counters(self, parts: Mapping[CountingProcess, np.ndarray]) -> np.ndarray:
        """Put the counters of Processes into one array, and add those of the state that the network began with.

        Returns
        -------
        numpy.ndarray, shape (2, n_counters), int64
        """
        total = self._counters_before.copy()
        for process, counters in parts.items():
            total[:, [counter_index(name) for name in process.COUNTERS]] += counters.astype(np.int64)
        return total
