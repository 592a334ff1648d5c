"""The job's side of `lavaprune.runtime.supervisor`: what runs in the forked process."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Literal

from lavaprune.errors import LavapruneError, RunError
from lavaprune.runtime.actors import ActorFailure, await_failure, find_failure, own_runtimes
from lavaprune.runtime.heartbeat import Heartbeat, listen
from lavaprune.runtime.process_group import die_with_parent, kill_rest_of_group
from lavaprune.runtime.shared_memory import name_own_segments, remove_segments

_POLL_S = 0.1


@dataclass(frozen=True)
class Report:
    """What the job tells its supervisor, once: ``value`` is the result, or a `LavapruneError`."""

    kind: Literal["result", "error"]
    value: Any
    details: str = ""


def run_supervised(
    sender: Connection,
    clock: Heartbeat,
    supervisor_pid: int,
    folder: str,
    target: Callable[..., object],
    args: tuple[object, ...],
    kwargs: Mapping[str, object],
) -> None:
    """Run the target, report its result or error through `sender`, and end this process.

    Parameters
    ----------
    sender : Connection
        Takes one `Report`.
    clock : Heartbeat
        Which the supervisor reads.
    supervisor_pid : int
        Should that process go, this one ends, and its actors with it.
    folder : str
        For `multiprocessing`'s sockets; removed with the rest.
    """
    os.setsid()
    _prepare(folder)
    listen(clock)
    reporter = _Reporter(sender)
    threading.Thread(
        target=_watch, args=(reporter, supervisor_pid, folder), name="lavaprune-watchdog", daemon=True
    ).start()
    try:
        report = Report("result", target(*args, **kwargs))
    except BaseException as error:
        report = _describe(error)
    reporter.send(report)
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    # Not a normal exit: that would wait for actors which the target has not stopped. The supervisor ends them.
    os._exit(0)


def _prepare(folder: str) -> None:
    """Make this process fit for Lava, whatever its parent was doing when it was forked."""
    multiprocessing.set_start_method(None, force=True)  # Lava sets it, once, when it is imported
    process = multiprocessing.current_process()
    process._config["tempdir"] = folder  # type: ignore[attr-defined]
    name_own_segments()
    _start_own_resource_tracker()
    _use_one_thread()
    # Actors are forked from here, by this thread: the kernel ends them with it. Ctrl-C is the supervisor's.
    os.register_at_fork(after_in_child=die_with_parent)


def _start_own_resource_tracker() -> None:
    """A tracker for this process alone, whose complaints about what a killed run left are not for users.

    The parent's would report at the parent's end what has long been removed.
    """
    tracker = resource_tracker._resource_tracker
    tracker._fd = tracker._pid = None  # type: ignore[attr-defined]
    visible = os.dup(2)
    silent = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silent, 2)
        tracker.ensure_running()
    finally:
        os.dup2(visible, 2)
        os.close(visible)
        os.close(silent)


def _use_one_thread() -> None:
    """Keep numerical libraries from starting a thread per core in each of Lava's processes."""
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = "1"
    with suppress(ImportError):
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=1)  # what is loaded already does not look at the variables any more


class _Reporter:
    """Sends the first report and drops the others: the target and the watchdog may both have one."""

    def __init__(self, sender: Connection) -> None:
        self._sender = sender
        self._lock = threading.Lock()
        self._has_sent = False

    def send(self, report: Report) -> None:
        with self._lock:
            if self._has_sent:
                return
            self._has_sent = True
            try:
                self._sender.send(report)
            except BrokenPipeError:
                pass  # the supervisor is gone; the watchdog sees that
            except Exception as error:
                problem = f"the run's result cannot be handed over: {type(error).__name__}: {error}"
                self._sender.send(Report("error", RunError(problem)))


def _watch(reporter: _Reporter, supervisor_pid: int, folder: str) -> None:
    """Until this process ends: look after the supervisor and the actors."""
    is_reported = False
    pause = threading.Event()
    while True:
        if os.getppid() != supervisor_pid:
            _end_orphan(folder)
        failure = None if is_reported else _any_failure()
        if failure is not None:
            reporter.send(Report("error", RunError(str(failure)), failure.details))
            is_reported = True  # the supervisor ends us all
        pause.wait(_POLL_S)


def _any_failure() -> ActorFailure | None:
    for runtime in own_runtimes():
        failure = find_failure(runtime)
        if failure is not None:
            return failure
    return None


def _end_orphan(folder: str) -> None:
    """The supervisor is gone, so this process has to clean up after itself."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    kill_rest_of_group()
    remove_segments(os.getpid())
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _describe(error: BaseException) -> Report:
    """The error as the supervisor will raise it; of a dead actor if there is one, as that is the cause."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    failure = await_failure(own_runtimes())
    if failure is not None:
        return Report("error", RunError(str(failure)), failure.details or trace)
    if isinstance(error, LavapruneError) and _survives_pickling(error):
        return Report("error", error, trace)
    if isinstance(error, LavapruneError):
        return Report("error", RunError(str(error)), trace)
    if isinstance(error, KeyboardInterrupt):
        return Report("error", RunError("the run was interrupted"), trace)
    text = f": {error}" if str(error) else ""
    return Report("error", RunError(f"the run raised {type(error).__name__}{text}"), trace)


def _survives_pickling(error: BaseException) -> bool:
    from multiprocessing.reduction import ForkingPickler

    try:
        return type(ForkingPickler.loads(ForkingPickler.dumps(error))) is type(error)
    except Exception:
        return False
