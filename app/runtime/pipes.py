"""What an engine's Process looks like from the host: pipes for samples, results and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from lavaprune.processes.fused_network import REQUEST_NOTHING, REQUEST_STATE, REQUEST_STOP, FusedNetwork
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.processes.state import NetworkState
from lavaprune.pruning.method import PruningMethod

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess


class EnginePipes(Protocol):
    """The host's side of one engine; what an `EngineSession` needs to drive it.

    Attributes
    ----------
    process : AbstractProcess
        Any Process of the graph, not yet compiled; its run is without an end.
    samples_per_message : int
        The most samples that `send` takes at once, at least 1.
    messages_ahead : int
        Messages that may be sent before the first result is received.
    """

    process: AbstractProcess
    samples_per_message: int
    messages_ahead: int

    def send(self, images: np.ndarray, control: np.ndarray) -> None:
        """Send 1..samples_per_message samples: (n, I) uint8 and (n, 6) int64."""
        ...

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for the results of the oldest message: spike counts (n, N) int32, counters (2, C) int64."""
        ...

    def fetch_state(self) -> NetworkState:
        """The state now; called when every result has been received."""
        ...

    def send_stop(self) -> None:
        """Ask the engine to end its run after all that was sent; called when every result has been received."""
        ...

    def close(self) -> None:
        """Release the pipes after the run has ended."""
        ...


class FusedPipes:
    """`EnginePipes` of a `FusedNetwork`, with a `PruningController` where there is a method.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState
        To start from.
    samples_per_step : int
        Samples of one message and one Lava step.
    method : PruningMethod, optional
        Without one, pruning events do nothing.
    n_events : int
        Pruning events of the whole run; see `PruningController`.
    """

    messages_ahead = 2

    def __init__(
        self,
        parameters: NetworkParameters,
        state: NetworkState,
        samples_per_step: int = 64,
        method: PruningMethod | None = None,
        n_events: int = 1,
    ) -> None:
        self.samples_per_message = samples_per_step
        self.process = network = FusedNetwork(parameters, state, samples_per_step, name="network")
        network.open_pipes(self.messages_ahead)
        if method is not None:
            PruningController.of_network(network, state, method, n_events)
        self._images = np.zeros(network.images_in.shape, np.uint8)
        self._control = np.zeros(network.control_in.shape, np.int64)
        self._lengths: list[int] = []

    def send(self, images: np.ndarray, control: np.ndarray) -> None:
        self._send(images, control, REQUEST_NOTHING)

    def receive(self) -> tuple[np.ndarray, np.ndarray]:
        counts = self.process.counts_out.external_pipe_csp_recv_port.recv()
        counters = self.process.counters_out.external_pipe_csp_recv_port.recv()
        return counts[: self._lengths.pop(0)], counters

    def fetch_state(self) -> NetworkState:
        self._send(self._images[:0], self._control[:0], REQUEST_STATE)
        weights, conducts, plastic, theta, batch_counts, targets = (
            port.external_pipe_csp_recv_port.recv() for port in self.process.state_ports
        )
        _, counters = self.receive()
        return NetworkState(weights, conducts, plastic, theta, batch_counts, targets, counters)

    def send_stop(self) -> None:
        self._send(self._images[:0], self._control[:0], REQUEST_STOP)
        self.receive()

    def close(self) -> None:
        # Lava ends the threads of its own ports only.
        network = self.process
        for port in (network.images_in, network.control_in, network.request_in):
            port.external_pipe_csp_send_port.join()
        for port in (network.counts_out, network.counters_out, *network.state_ports):
            port.external_pipe_csp_recv_port.join()

    def _send(self, images: np.ndarray, control: np.ndarray, request: int) -> None:
        n = len(control)
        self._images[:n] = images
        self._control[:n] = control
        self._control[n:] = 0  # idle rows, of which the images do not matter
        self._lengths.append(n)
        # The pipes copy.
        self.process.images_in.external_pipe_csp_send_port.send(self._images)
        self.process.control_in.external_pipe_csp_send_port.send(self._control)
        self.process.request_in.external_pipe_csp_send_port.send(np.array([request]))
