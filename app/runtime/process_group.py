"""Ending whole groups of OS processes, without leaving zombies."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have the kernel kill this process (SIGKILL) when the thread that forked it ends. Linux only."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


_adoption_lock = threading.Lock()
_adoption_depth = 0


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Become the parent of descendants whose own parent dies, so that `end_group` can reap them.

    Without it they go to process 1, which in many containers never reaps: zombies would stay for good.
    """
    global _adoption_depth
    with _adoption_lock:
        _adoption_depth += 1
        if _LIBC is not None and _adoption_depth == 1:
            _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        with _adoption_lock:
            _adoption_depth -= 1
            if _LIBC is not None and _adoption_depth == 0:
                _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def kill_group(pgid: int) -> None:
    """SIGKILL to every process of the group; nothing happens if it is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, signal.SIGKILL)


def reap_group(pgid: int, timeout_s: float = 5.0) -> bool:
    """Collect the killed processes of the group that are our children, adopted ones included.

    Returns
    -------
    bool
        True if no process of the group is left, zombies included.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        with suppress(ChildProcessError):
            while os.waitpid(-pgid, os.WNOHANG)[0]:
                pass
        try:
            os.killpg(pgid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def group_members(pgid: int) -> list[int]:
    """Process ids of a group, zombies left out (read from ``/proc``; empty where there is none)."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            # "pid (name) state ppid pgrp ...": the name may hold blanks and brackets.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if fields[0] not in "ZX" and int(fields[2]) == pgid:
                members.append(int(folder.name))
    return members


def kill_rest_of_group(timeout_s: float = 5.0) -> None:
    """Kill every other process of this process's own group, and reap those that are its children."""
    deadline = time.monotonic() + timeout_s
    while True:
        others = [pid for pid in group_members(os.getpgrp()) if pid != os.getpid()]
        for pid in others:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not others or time.monotonic() > deadline:
            return
        time.sleep(0.02)


def describe_exit(exitcode: int) -> str:
    """How a process ended, in words, from `multiprocessing`'s exit code (negative: a signal)."""
    if exitcode < 0:
        try:
            return f"was killed by {signal.Signals(-exitcode).name}"
        except ValueError:
            return f"was killed by signal {-exitcode}"
    return f"ended with exit status {exitcode}"
