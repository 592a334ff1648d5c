"""Lava's actors: finding out which of them failed and why, and ending them.

Lava runs each Process, and each runtime service, in an OS process (an *actor*). When one of them raises or is
killed, its main process waits for ever, in `run` as well as in `stop`. Nothing here blocks, takes a lock of
Lava's or consumes what Lava itself will read later, so it may be called from another thread meanwhile.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import sys
import time
import weakref
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from lavaprune.runtime.process_group import describe_exit

if TYPE_CHECKING:
    from lava.magma.runtime.runtime import Runtime


class ActorTraceback(Exception):
    """Cause of a `RunError`: carries the traceback of another process, for whoever asks for the details."""


_HEADER = struct.Struct("!i")
_PICKLED_NONE_LENGTH = len(ForkingPickler.dumps(None))
_PEEK_BYTES = 1 << 20

# Runtimes whose actors we have killed on purpose.
_discarded: weakref.WeakSet[Runtime] = weakref.WeakSet()


@dataclass(frozen=True)
class ActorFailure:
    """Which actor failed, and how.

    Attributes
    ----------
    owner : str
        Such as ``Process FusedNetwork 'network'``.
    reason : str
        Such as ``raised ValueError: ...`` or ``was killed by SIGKILL``.
    details : str
        The traceback in the actor, if there is one.
    """

    owner: str
    reason: str
    details: str = ""

    def __str__(self) -> str:
        return f"{self.owner} {self.reason}"

    def cause(self) -> ActorTraceback | None:
        """What to raise a `RunError` from."""
        return ActorTraceback(self.details) if self.details else None


def own_runtimes() -> list[Runtime]:
    """Every Lava runtime that this OS process has started, in the order of their Processes."""
    module = sys.modules.get("lava.magma.core.process.process")
    if module is None:
        return []
    found = {id(p.runtime): p.runtime for p in list(module.ProcessServer().processes) if _has_runtime(p)}
    return [runtime for runtime in found.values() if _is_own(runtime)]


def await_failure(runtimes: Iterable[Runtime], timeout_s: float = 0.5) -> ActorFailure | None:
    """`find_failure` over several runtimes, for when something went wrong and an actor may be about to say why.

    Lava may notice before the actor's exception has reached the pipe that `find_failure` reads.
    """
    deadline = time.monotonic() + timeout_s
    candidates = list(runtimes)
    while True:
        for runtime in candidates:
            failure = find_failure(runtime)
            if failure is not None:
                return failure
        if not candidates or time.monotonic() > deadline:
            return None
        time.sleep(0.02)


def find_failure(runtime: Runtime) -> ActorFailure | None:
    """The first actor of the runtime that raised or died otherwise than by `stop`, or None."""
    infrastructure = runtime._messaging_infrastructure
    if infrastructure is None or runtime in _discarded:
        return None
    for index, actor in enumerate(list(infrastructure.actors)):
        problem = _problem(actor)
        if problem is not None:
            owners = _owners(runtime)
            owner = owners[index] if index < len(owners) else "Lava's runtime service"
            return ActorFailure(owner, *problem)
    manager = _manager_process(runtime)
    exitcode = _exitcode(manager) if manager is not None else None
    if exitcode is not None and exitcode != 0:
        return ActorFailure("Lava's shared-memory manager", describe_exit(exitcode))
    return None


def kill_actors(runtime: Runtime) -> None:
    """SIGKILL to every actor of the runtime and to its shared-memory manager."""
    infrastructure = runtime._messaging_infrastructure
    if infrastructure is None:
        return
    for process in [*infrastructure.actors, _manager_process(runtime)]:
        pid = _pid(process)
        if pid is not None and _exitcode(process) is None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def discard(runtime: Runtime, timeout_s: float = 5.0) -> None:
    """Kill the runtime's actors and take apart what is left of it, shared memory included.

    Afterwards `stop` of the runtime and of its Processes does nothing (it would wait for ever otherwise, and
    Lava calls it when a Process is deleted).
    """
    infrastructure = runtime._messaging_infrastructure
    _discarded.add(runtime)
    runtime._is_started = runtime._is_running = False
    if infrastructure is None:
        return
    kill_actors(runtime)
    for actor in infrastructure.actors:
        _collect(actor, timeout_s)
        actor._is_done = True  # what Lava's own `join` would say
        for end in (actor._pconn, actor._cconn):
            end.close()
    with suppress(Exception):
        runtime.join()  # lets the threads of the runtime's ports end
    memory = infrastructure._smm
    if memory is None or memory._manager is None:
        return
    manager = _manager_process(runtime)
    if manager is not None:
        _collect(manager, timeout_s)
    for handle in memory._shared_memory_handles:
        with suppress(BufferError):
            handle.close()
        with suppress(FileNotFoundError):
            handle.unlink()
    memory._shared_memory_handles.clear()
    # The manager's finaliser would wait for an answer of the process that has just been killed.
    memory._manager.shutdown.cancel()
    memory._manager = None


def _has_runtime(process: Any) -> bool:
    return getattr(process, "_runtime", None) is not None


def _is_own(runtime: Runtime) -> bool:
    infrastructure = runtime._messaging_infrastructure
    return infrastructure is not None and all(a._parent_pid == os.getpid() for a in infrastructure.actors)


def _owners(runtime: Runtime) -> list[str]:
    """Names of the runtime's actors: it builds one per Python Process, in this order, then its services."""
    from lava.magma.compiler.builders.py_builder import PyProcessBuilder

    names = []
    for process, builder in runtime._executable.proc_builders.items():
        if isinstance(builder, PyProcessBuilder):
            given = "" if process.name == f"Process_{process.id}" else f" {process.name!r}"
            names.append(f"Process {type(process).__name__}{given}")
    return names


def _problem(actor: Any) -> tuple[str, str] | None:
    """Reason and details, or None while the actor works or after it was stopped properly."""
    raised = actor._exception if actor._exception is not None else _peek_exception(actor)
    if raised is not None:
        error, trace = raised
        if error is None:
            return "raised an exception that cannot be shown", ""
        return f"raised {type(error).__name__}: {error}", str(trace)
    exitcode = _exitcode(actor)
    if exitcode is None or exitcode == 0:
        return None
    return describe_exit(exitcode), ""


def _peek_exception(actor: Any) -> tuple[Any, str] | None:
    """What the actor has put into its exception pipe, which stays there: Lava's `join` reads it too."""
    try:
        with socket.fromfd(actor._pconn.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as duplicate:
            data = duplicate.recv(_PEEK_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return None  # nothing there, or closed: joined meanwhile
    if len(data) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack_from(data)
    if length < 0:
        return None  # a pickle's first byte, 0x80: Lava, in another thread, has read the header and not yet the rest
    if length == _PICKLED_NONE_LENGTH:
        return None  # ended as it should
    try:
        error, trace = ForkingPickler.loads(data[_HEADER.size : _HEADER.size + length])
    except Exception:
        return None, ""
    return error, trace


def _manager_process(runtime: Runtime) -> BaseProcess | None:
    memory = getattr(runtime._messaging_infrastructure, "_smm", None)
    return getattr(getattr(memory, "_manager", None), "_process", None)


def _pid(process: Any) -> int | None:
    popen = getattr(process, "_popen", None)
    return None if popen is None else popen.pid


def _exitcode(process: Any) -> int | None:
    """`multiprocessing`'s exit code without reaping the process, so that a `join` elsewhere still can."""
    popen = getattr(process, "_popen", None)
    if popen is None:
        return None
    try:
        status = os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return popen.returncode
    if status is None:
        return None
    return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status


def _collect(process: BaseProcess, timeout_s: float) -> None:
    """Reap a process that has been killed."""
    deadline = time.monotonic() + timeout_s
    with suppress(ValueError):  # closed already
        while process.exitcode is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)
