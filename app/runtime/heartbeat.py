"""Signs of life from a run, by which a hang is told from slow work."""

from __future__ import annotations

import mmap
import struct
import time

_CLOCK = struct.Struct("d")


class Heartbeat:
    """The time of the last sign of life, shared between a process and the children it forks later.

    It lives in an anonymous memory map: nothing in the file system, and readable by the parent even while
    the child cannot run Python.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _CLOCK.size)
        self.beat()

    def beat(self) -> None:
        """Say that the run has made progress."""
        _CLOCK.pack_into(self._memory, 0, time.monotonic())

    def age_s(self) -> float:
        """Seconds since the last `beat`; the monotonic clock is the same for all processes of a machine."""
        (last,) = _CLOCK.unpack_from(self._memory, 0)
        return float(time.monotonic() - last)


_listening: list[Heartbeat] = []


def listen(clock: Heartbeat) -> None:
    """Have `heartbeat` in this process (and in its forks) beat `clock` too."""
    _listening.append(clock)


def unlisten(clock: Heartbeat) -> None:
    """Undo `listen`."""
    if clock in _listening:
        _listening.remove(clock)


def heartbeat() -> None:
    """Tell whoever watches this run that it makes progress; call it after every Lava step.

    Does nothing where nobody watches, and costs about a microsecond.
    """
    for clock in _listening:
        clock.beat()
