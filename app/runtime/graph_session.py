"""The graph engine as the training loop sees it: the same samples in and results out as the fused engine's."""

from __future__ import annotations

import numpy as np
from lava.magma.core.process.ports.ports import OutPort

from lavaprune.processes.control import CONTROL_COLUMNS, PHASE, PHASE_IDLE
from lavaprune.processes.control_word import REPORT_COUNTERS, REPORT_NOTHING, REPORT_STATE, REPORT_STOP
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.sequencer import PIPE_SAMPLES
from lavaprune.processes.state import NetworkState
from lavaprune.processes.winner_take_all import WinnerTakeAll
from lavaprune.pruning.method import PruningMethod
from lavaprune.runtime.session import EngineSession


class GraphPipes:
    """`lavaprune.runtime.pipes.EnginePipes` of a `WinnerTakeAll`, one sample per ``steps`` Lava steps.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState
        To start from.
    method : PruningMethod, optional
        Without one, pruning events do nothing.
    n_events : int
        Pruning events of the whole run; see `PruningController`.
    """

    messages_ahead = 2
    # Whatever is under way has to fit into the pipes: then neither side ever waits for the other with both full.
    samples_per_message = PIPE_SAMPLES // messages_ahead - 1

    def __init__(
        self,
        parameters: NetworkParameters,
        state: NetworkState,
        method: PruningMethod | None = None,
        n_events: int = 1,
    ) -> None:
        self.process = WinnerTakeAll(parameters, state, pruning=method, n_events=n_events, name="network")
        self._no_image = np.zeros(parameters.n_inputs, np.uint8)
        self._no_row = np.zeros(CONTROL_COLUMNS, np.int64)
        self._phases: list[np.ndarray] = []

    def send(self, images: np.ndarray, control: np.ndarray) -> None:
        last = len(control) - 1
        for k, (image, row) in enumerate(zip(images, control, strict=True)):
            self._send_sample(image, row, REPORT_COUNTERS if k == last else REPORT_NOTHING)
        self._phases.append(control[:, PHASE].copy())

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        phases = self._phases.pop(0)
        port = self.process.procs.counter.counts_out.external_pipe_csp_recv_port
        counts = np.zeros((len(phases), *port.shape), np.int32)
        for k in np.flatnonzero(phases != PHASE_IDLE):
            counts[k] = port.recv()
        return counts, self._receive_counters()

    def fetch_state(self) -> NetworkState:
        self._send_sample(self._no_image, self._no_row, REPORT_STATE)
        weights, conducts, plastic, theta, batch_counts, targets = (
            port.external_pipe_csp_recv_port.recv() for port in self._state_ports()
        )
        return NetworkState(weights, conducts, plastic, theta, batch_counts, targets, self._receive_counters())

    def send_stop(self) -> None:
        self._send_sample(self._no_image, self._no_row, REPORT_STOP)

    def close(self) -> None:
        # Lava ends the threads of its own ports only.
        sequencer = self.process.procs.sequencer
        for port in (sequencer.images_in, sequencer.control_in, sequencer.request_in):
            port.external_pipe_csp_send_port.join()
        counters = [process.counters_out for process in self.process.counting_processes()]
        for port in (self.process.procs.counter.counts_out, *counters, *self._state_ports()):
            port.external_pipe_csp_recv_port.join()

    def _send_sample(self, image: np.ndarray, row: np.ndarray, request: int) -> None:
        sequencer = self.process.procs.sequencer
        sequencer.images_in.external_pipe_csp_send_port.send(image)
        sequencer.control_in.external_pipe_csp_send_port.send(row)
        sequencer.request_in.external_pipe_csp_send_port.send(np.array([request]))

    def _receive_counters(self) -> np.ndarray:
        network = self.process
        return network.join_counters(
            {p: p.counters_out.external_pipe_csp_recv_port.recv() for p in network.counting_processes()}
        )

    def _state_ports(self) -> tuple[OutPort, ...]:
        synapses = self.process.procs.synapses
        return (
            synapses.weights_out,
            synapses.conducts_out,
            synapses.plastic_out,
            self.process.procs.excitatory.theta_out,
            synapses.batch_counts_out,
            synapses.column_targets_out,
        )


class GraphSession(EngineSession):
    """One run of a network as a graph of Lava Processes; see `EngineSession`, whose methods it has.

    Bit-identical to the fused engine and 1000 times slower: for seeing, testing and porting, not for training.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState
        To start from; copied.
    method : PruningMethod, optional
        Decides at pruning events; without one, they do nothing.
    n_events : int
        Pruning events of the whole run; see `PruningController`.
    """

    def __init__(
        self,
        parameters: NetworkParameters,
        state: NetworkState,
        method: PruningMethod | None = None,
        n_events: int = 1,
    ) -> None:
        super().__init__(parameters, state, method, pipes=GraphPipes(parameters, state, method, n_events))
