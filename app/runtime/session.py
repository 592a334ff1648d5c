"""A network on Lava's runtime, as the training loop sees it: samples in, spike counts out."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from lavaprune.errors import RunError
from lavaprune.processes.control import CONTROL_COLUMNS, PRUNE_EVENT
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState
from lavaprune.pruning.method import PruningMethod
from lavaprune.runtime.actors import await_failure, discard
from lavaprune.runtime.heartbeat import heartbeat
from lavaprune.runtime.pipes import EnginePipes, FusedPipes

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess

DEFAULT_SAMPLES_PER_STEP = 64
# Lava's default of 64 messages per channel would take 64 weight matrices between network and controller.
_COMPILE_CONFIG = {"pypy_channel_size": 4}


class EngineSession:
    """One run of a network on Lava, for use inside `supervise` (or `guarded`): Lava alone may hang.

    Samples are sent ahead while the engine works on the ones before. Results come in the order in which samples
    were sent.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState
        To start from; copied.
    method : PruningMethod, optional
        Decides at pruning events; without one, they do nothing.
    samples_per_step : int
        Samples per Lava step, 1..65536.
    pipes : EnginePipes, optional
        Another engine than the fused one, in which case the parameters above are only kept.
    n_events : int
        Pruning events of the whole run; see `PruningController`.

    Examples
    --------
    >>> with EngineSession(parameters, state) as session:  # doctest: +SKIP
    ...     for rows, counts, counters in session.present(images, control):
    ...         ...
    ...     state = session.fetch_state()
    """

    def __init__(
        self,
        parameters: NetworkParameters,
        state: NetworkState,
        method: PruningMethod | None = None,
        samples_per_step: int = DEFAULT_SAMPLES_PER_STEP,
        pipes: EnginePipes | None = None,
        n_events: int = 1,
    ) -> None:
        self.parameters = parameters
        self._pipes = pipes or FusedPipes(parameters, state, samples_per_step, method, n_events)
        self._n_pending = 0
        self._is_running = False

    @property
    def process(self) -> AbstractProcess:
        """A Process of the graph, for `guarded`."""
        return self._pipes.process

    @property
    def samples_per_step(self) -> int:
        """The most samples of one `submit`."""
        return self._pipes.samples_per_message

    def start(self) -> None:
        """Compile the graph and start Lava's runtime."""
        from lava.magma.core.run_conditions import RunContinuous

        from lavaprune.processes.run_config import RegisteredSimCfg

        # Lava prints the traceback of a model that cannot be built to stdout, which is the command's own.
        with contextlib.redirect_stdout(io.StringIO()):
            self.process.create_runtime(RegisteredSimCfg(select_tag="fixed_pt"), compile_config=dict(_COMPILE_CONFIG))
        # Without an end: starting and ending a run costs more than a step, and only this lets samples queue.
        self.process.run(RunContinuous())
        self._is_running = True
        heartbeat()

    def submit(self, images: np.ndarray, control: np.ndarray) -> None:
        """Send samples without waiting for their results.

        Parameters
        ----------
        images : (n, I) uint8
            1 <= n <= ``samples_per_step``.
        control : (n, 6) int64
            See `lavaprune.processes.control`; a row with a pruning event must be the last.

        Raises
        ------
        ValueError
            If a shape or dtype differs, an event is not last, or too much is under way.
        """
        n = len(control)
        self._check(images, control)
        if not 1 <= n <= self.samples_per_step:
            raise ValueError(f"engine session: {n} samples at once; allowed: 1 to {self.samples_per_step}")
        if np.any(control[:-1, PRUNE_EVENT] > 0):
            raise ValueError("engine session: a pruning event before the last sample; allowed: in the last only")
        if self._n_pending >= self._pipes.messages_ahead:
            raise ValueError(f"engine session: {self._n_pending} results not collected; collect one first")
        self._pipes.send(images, control)
        self._n_pending += 1

    def collect(self) -> tuple[np.ndarray, np.ndarray]:
        """Wait for the results of the oldest samples under way.

        Returns
        -------
        counts : (n, N) int32
            Spikes of each excitatory neuron in each sample.
        counters : (2, C) int64
            Event counters after these samples (and never of later ones), training and inference.
        """
        if self._n_pending == 0:
            raise ValueError("engine session: no results under way; submit samples first")
        results = self._pipes.receive()
        self._n_pending -= 1
        heartbeat()
        return results

    def run_chunk(self, images: np.ndarray, control: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`submit` and `collect` in one, for samples that must not overlap with others."""
        if self._n_pending:
            raise ValueError(f"engine session: {self._n_pending} results not collected; collect them first")
        self.submit(images, control)
        return self.collect()

    def present(self, images: np.ndarray, control: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Present any number of samples, cut into Lava steps; a step ends at each pruning event.

        Parameters
        ----------
        images : (n, I) uint8
        control : (n, 6) int64

        Yields
        ------
        rows : slice
            The samples of this step.
        counts, counters
            As from `collect`. While the caller works on them the engine has begun with the samples after.
        """
        self._check(images, control)
        under_way: list[slice] = []
        for rows in split_steps(control, self.samples_per_step):
            self.submit(images[rows], control[rows])
            under_way.append(rows)
            if len(under_way) == self._pipes.messages_ahead:
                yield under_way.pop(0), *self.collect()
        while under_way:
            yield under_way.pop(0), *self.collect()

    def fetch_state(self) -> NetworkState:
        """The state after all samples collected so far, through pipes (milliseconds).

        Raises
        ------
        ValueError
            If results are under way: the state would be one between two known samples.
        """
        if self._n_pending:
            raise ValueError(f"engine session: {self._n_pending} results not collected; collect them first")
        state = self._pipes.fetch_state()
        heartbeat()
        return state

    def close(self) -> None:
        """End the run and Lava's processes in order; may be called again."""
        if not self._is_running:
            return
        while self._n_pending:
            self.collect()
        self._pipes.send_stop()
        self.process.wait()
        self._is_running = False
        self._pipes.close()
        heartbeat()

    def __enter__(self) -> EngineSession:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        self._is_running = False
        runtime = self.process.runtime
        if runtime is not None:
            failure = None if isinstance(error, KeyboardInterrupt) else await_failure([runtime])
            discard(runtime)  # an engine in an unknown state might never answer a stop
            if failure is not None:
                raise RunError(str(failure)) from failure.cause()

    def _check(self, images: np.ndarray, control: np.ndarray) -> None:
        n = len(control)
        for name, array, shape, dtype in (
            ("images", images, (n, self.parameters.n_inputs), np.uint8),
            ("control", control, (n, CONTROL_COLUMNS), np.int64),
        ):
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(
                    f"engine session: {name} is {array.dtype}{array.shape}; allowed: {np.dtype(dtype)}{shape}"
                )


def split_steps(control: np.ndarray, samples_per_step: int) -> Iterator[slice]:
    """Cut samples into Lava steps, so that a sample with a pruning event is the last of its step.

    Parameters
    ----------
    control : (n, 6) int64
    samples_per_step : int
        At least 1.
    """
    begin = 0
    while begin < len(control):
        end = min(begin + samples_per_step, len(control))
        events = np.flatnonzero(control[begin:end, PRUNE_EVENT] > 0)
        if events.size:
            end = begin + int(events[0]) + 1
        yield slice(begin, end)
        begin = end
