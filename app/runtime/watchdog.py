"""Running a Lava graph in this OS process so that it ends, whatever happens to its actors.

`lavaprune.runtime.supervisor` runs whole jobs in a process of their own and is what the command line uses;
this is for notebooks and tests, where the graph's Vars are to be read afterwards.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from lavaprune.errors import RunError
from lavaprune.runtime.actors import ActorFailure, await_failure, discard, find_failure, kill_actors
from lavaprune.runtime.heartbeat import Heartbeat, listen, unlisten
from lavaprune.runtime.process_group import die_with_parent

if TYPE_CHECKING:
    from lava.magma.core.process.process import AbstractProcess
    from lava.magma.core.run_conditions import AbstractRunCondition
    from lava.magma.core.run_configs import RunConfig

T = TypeVar("T")

_POLL_S = 0.05
_STOP_TIMEOUT_S = 20.0
# A real-time signal, which hardly anything else uses; it only serves to interrupt a wait of the main thread.
_WAKE = signal.SIGRTMIN + 7


class _Interrupted(BaseException):
    """Raised in the main thread to get it out of one of Lava's endless waits."""


class _Watch(threading.Thread):
    """Looks at the Process's runtime until `finish`; on failure or time-out kills its actors and interrupts."""

    def __init__(self, process: AbstractProcess, timeout_s: float) -> None:
        super().__init__(name="lavaprune-watchdog", daemon=True)
        self._process = process
        self._done = threading.Event()
        self.timeout_s = timeout_s
        self.clock = Heartbeat()
        self.problem: str | None = None
        self.failure: ActorFailure | None = None

    def run(self) -> None:
        while not self._done.wait(_POLL_S):
            if self.problem is None:
                self.problem = self._look()
            if self.problem is not None:
                # Again and again: the main thread may just be between two waits, or start new actors.
                if self._process.runtime is not None:
                    kill_actors(self._process.runtime)
                signal.pthread_kill(threading.main_thread().ident or 0, _WAKE)

    def finish(self) -> None:
        self._done.set()

    @property
    def is_finished(self) -> bool:
        return self._done.is_set()

    def _look(self) -> str | None:
        runtime = self._process.runtime
        self.failure = find_failure(runtime) if runtime is not None else None
        if self.failure is not None:
            return str(self.failure)
        if self.clock.age_s() > self.timeout_s:
            return f"Lava made no progress for {self.timeout_s:g} s"
        return None


@contextmanager
def guarded(process: AbstractProcess, timeout_s: float = 600.0) -> Iterator[None]:
    """Run a Lava graph inside the block; at its end the graph is stopped, and nothing of it is left.

    Lava itself waits for ever when a ProcessModel raises, is killed or hangs. Here such a run ends in a
    `RunError` that names the Process, within a second of a failure or `timeout_s` after the last sign of life.

    Parameters
    ----------
    process : AbstractProcess
        Any Process of the graph.
    timeout_s : float
        Seconds the block may take without a call of `lavaprune.runtime.heartbeat.heartbeat`. Positive.

    Raises
    ------
    RunError
        An actor raised, died or hung, or this is not the main thread (only that can be interrupted).

    Examples
    --------
    >>> with guarded(lif):  # doctest: +SKIP
    ...     lif.run(condition=RunSteps(10), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    ...     voltages = lif.v.get()
    """
    if threading.current_thread() is not threading.main_thread():
        raise RunError("guarded: a Lava graph can be guarded in the main thread only")
    if not timeout_s > 0:
        raise RunError(f"guarded: timeout_s={timeout_s!r} must be positive")
    watch = _Watch(process, timeout_s)
    before = signal.signal(_WAKE, lambda _, frame: _interrupt(watch, frame))
    listen(watch.clock)
    with _actors_die_with_us():
        watch.start()
        try:
            yield
            watch.clock.beat()
            watch.timeout_s = min(timeout_s, _STOP_TIMEOUT_S)
            process.stop()
            watch.finish()
        except BaseException as error:
            # Before anything else: it would interrupt what follows.
            watch.finish()
            watch.join()
            runtime = process.runtime
            is_ctrl_c = isinstance(error, KeyboardInterrupt)  # of which the actors die too: no failure of theirs
            if watch.problem is None and runtime is not None and not is_ctrl_c:
                # Lava may have noticed first; its own error says only that there was one.
                watch.failure = await_failure([runtime])
                watch.problem = str(watch.failure) if watch.failure is not None else None
            if runtime is not None:
                discard(runtime)
            if watch.problem is None or is_ctrl_c:
                raise
            raise RunError(watch.problem) from (watch.failure.cause() if watch.failure is not None else None)
        finally:
            watch.finish()
            unlisten(watch.clock)
            watch.join()
            signal.signal(_WAKE, before)


def run_guarded(
    process: AbstractProcess,
    condition: AbstractRunCondition,
    run_cfg: RunConfig,
    timeout_s: float = 600.0,
    read: Callable[[], T] | None = None,
) -> T | None:
    """Run a Lava graph to the end of `condition`, read what is asked for, and stop it; see `guarded`.

    Parameters
    ----------
    process : AbstractProcess
        Any Process of the graph.
    condition : AbstractRunCondition
        Such as ``RunSteps(num_steps=100)``.
    run_cfg : RunConfig
        Such as ``Loihi2SimCfg(select_tag="fixed_pt")``.
    timeout_s : float
        Seconds the whole may take without a heartbeat.
    read : callable, optional
        Called after the run and before the stop, when Vars can be read, such as ``lambda: lif.v.get()``.

    Returns
    -------
    object
        What `read` returned.

    Raises
    ------
    RunError
        As in `guarded`.
    """
    with guarded(process, timeout_s):
        process.run(condition=condition, run_cfg=run_cfg)
        result = read() if read is not None else None
    return result


# Where an exception out of nowhere would leave a lock held or a fork half done; never entered for long.
_UNSAFE_FILES = ("logging/__init__.py", "weakref.py") + tuple(
    f"multiprocessing/{name}.py" for name in ("popen_fork", "process", "util")
)


def _interrupt(watch: _Watch, frame: FrameType | None) -> None:
    if watch.problem is None or watch.is_finished:
        return
    while frame is not None:
        if frame.f_code.co_filename.endswith(_UNSAFE_FILES):
            return  # the watch tries again
        frame = frame.f_back
    raise _Interrupted


_guarded_depth = 0
_is_fork_hook_set = False


@contextmanager
def _actors_die_with_us() -> Iterator[None]:
    """Actors forked inside the block are killed by the kernel when this process is."""
    global _guarded_depth, _is_fork_hook_set
    if not _is_fork_hook_set:
        os.register_at_fork(after_in_child=_after_fork)
        _is_fork_hook_set = True
    _guarded_depth += 1
    try:
        yield
    finally:
        _guarded_depth -= 1


def _after_fork() -> None:
    if _guarded_depth > 0:
        die_with_parent()
