"""Signs of life from a run, by which a hang is told from slow work."""

from __future__ import annotations

import mmap
import time

_CLOCK_BYTES = 8  # a double


class Heartbeat:
    """The time of the last sign of life, shared between a process and the children it forks later.

    It lives in an anonymous memory map: nothing in the file system, and readable by the parent even while
    the child cannot run Python. A reader sees a whole time, never half of one: it is written as one double.
    """

    def __init__(self) -> None:
        # not struct.pack_into, which clears the bytes first: to who reads them then, it has not beaten since boot
        self._time = memoryview(mmap.mmap(-1, _CLOCK_BYTES)).cast("d")
        self.beat()

    def beat(self) -> None:
        """Say that the run has made progress."""
        self._time[0] = time.monotonic()

    def age_s(self) -> float:
        """Seconds since the last `beat`; the monotonic clock is the same for all processes of a machine."""
        last = self._time[0]
        return time.monotonic() - last


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
