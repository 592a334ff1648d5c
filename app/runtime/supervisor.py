"""Running a job in a process of its own, so that it always ends and never leaves anything behind.

The job gets its own session (hence process group) and its own name for shared memory. This process waits for
its result; the job's process watches Lava's actors and this process. Whoever notices that something died ends
the rest.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import TypeVar

from lavaprune.errors import LavapruneError, RunError
from lavaprune.runtime.actors import ActorTraceback
from lavaprune.runtime.heartbeat import Heartbeat
from lavaprune.runtime.process_group import adopting_orphans, describe_exit, kill_group, reap_group
from lavaprune.runtime.shared_memory import remove_segments, remove_stale_segments
from lavaprune.runtime.supervised import Report, run_supervised

T = TypeVar("T")

_POLL_S = 0.1
_GRACE_S = 2.0  # for a process that has delivered its result to end by itself


def supervise(target: Callable[..., T], *args: object, hang_timeout_s: float = 600.0, **kwargs: object) -> T:
    """Call ``target(*args, **kwargs)`` in a forked process and return what it returns.

    Whatever happens to that process or to the Lava actors it starts - an exception, a signal, a hang, Ctrl-C
    or the death of this process - all of them end and their shared memory is removed, within 10 s.

    Parameters
    ----------
    target : callable
        Runs the job. It should call `lavaprune.runtime.heartbeat.heartbeat` after each Lava step.
        What it returns is pickled: plain data and NumPy arrays. stdout and stderr are this process's.
    hang_timeout_s : float
        Seconds without a heartbeat after which the job counts as hung. Positive.

    Returns
    -------
    object
        What `target` returned.

    Raises
    ------
    LavapruneError
        The error that `target` raised, if it is one of ours, as it was.
    RunError
        Anything else: names what died, with which exception or signal. Its cause holds the traceback.
    KeyboardInterrupt
        Ctrl-C, after everything has been ended.
    """
    if not hang_timeout_s > 0:
        raise RunError(f"supervise: hang_timeout_s={hang_timeout_s!r} must be positive")
    remove_stale_segments()
    # Not `multiprocessing.Pipe`: that would fix the default start method, which Lava insists on setting itself.
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    clock = Heartbeat()
    folder = tempfile.mkdtemp(prefix="lavaprune-")
    job = context.Process(
        target=run_supervised,
        args=(sender, clock, os.getpid(), folder, target, args, kwargs),
        name="lavaprune-run",
    )
    with adopting_orphans():
        try:
            job.start()
            sender.close()
            report = _wait_for(receiver, job, clock, hang_timeout_s)
            if report is not None and report.kind == "result":
                job.join(_GRACE_S)
        finally:
            with _without_ctrl_c():
                if job.pid is not None:
                    _end(job)
                receiver.close()
                sender.close()
                shutil.rmtree(folder, ignore_errors=True)
    if report is None:
        raise RunError(f"the run's process {describe_exit(job.exitcode or 0)} without a result")
    if report.kind == "result":
        result: T = report.value
        return result
    error = report.value
    assert isinstance(error, LavapruneError)
    raise error from (ActorTraceback(report.details) if report.details else None)


def _wait_for(
    receiver: Connection, job: multiprocessing.process.BaseProcess, clock: Heartbeat, hang_timeout_s: float
) -> Report | None:
    """The job's report, or None if it ended without one; raises if it hangs."""
    while True:
        # The exit code first: what was sent before the end is then sure to be in the pipe.
        has_ended = job.exitcode is not None
        if receiver.poll(0 if has_ended else _POLL_S):
            try:
                report: Report = receiver.recv()
                return report
            except EOFError:  # the last end of the pipe was closed: ended while sending
                job.join(_GRACE_S)
                return None
        if has_ended:
            return None
        if clock.age_s() > hang_timeout_s:
            raise RunError(f"the run made no progress for {hang_timeout_s:g} s and was ended")


def _end(job: multiprocessing.process.BaseProcess) -> None:
    assert job.pid is not None
    kill_group(job.pid)
    if job.exitcode is None:
        # It may not have reached its `setsid` yet, and then is in our own group.
        job.kill()
        job.join()
    reap_group(job.pid)
    remove_segments(job.pid)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Cleaning up takes a fraction of a second; a second Ctrl-C waits for it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
