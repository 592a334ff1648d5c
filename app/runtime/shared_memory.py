"""Names of the shared memory that runs use, so that what a killed run leaves can be found and removed.

Lava takes its segments from `multiprocessing.shared_memory`, which calls them ``psm_<random>``. A supervised
run calls them ``lavaprune-<process-id namespace>-<process id>-<random>``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from multiprocessing import shared_memory
from pathlib import Path

FOLDER = Path("/dev/shm")
_STEM = "lavaprune"
_RANDOM_CHARACTERS = 16


def _pid_namespace() -> str:
    # Containers may share /dev/shm but not process ids: "that process is gone" holds only in one's own.
    with suppress(OSError):
        return f"{os.stat('/proc/self/ns/pid').st_ino:x}"
    return "0"


def segment_prefix(pid: int) -> str:
    """What the names of the segments of the run in process `pid` begin with."""
    return f"{_STEM}-{_pid_namespace()}-{pid}-"


def name_own_segments() -> None:
    """Give the segments that this process and its forks create from now on this process's prefix."""
    prefix = "/" + segment_prefix(os.getpid())
    shared_memory._SHM_NAME_PREFIX = prefix  # type: ignore[attr-defined]
    shared_memory._SHM_SAFE_NAME_LENGTH = len(prefix) + _RANDOM_CHARACTERS  # type: ignore[attr-defined]


def remove_segments(pid: int) -> None:
    """Remove every segment of the run in process `pid`, which must have ended."""
    _remove(segment_prefix(pid))


def remove_stale_segments() -> None:
    """Remove the segments of runs whose process is gone (killed together with whoever watched it)."""
    stem = f"{_STEM}-{_pid_namespace()}-"
    for path in FOLDER.glob(f"{stem}*"):
        pid = path.name[len(stem) :].partition("-")[0]
        if pid.isdecimal() and not _exists(int(pid)):
            _remove(segment_prefix(int(pid)))


def _exists(pid: int) -> bool:
    with suppress(OSError, IndexError):
        # A zombie, which process 1 of a container may never collect, uses nothing any more.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


def _remove(prefix: str) -> None:
    for path in FOLDER.glob(f"{prefix}*"):
        with suppress(OSError):  # someone else was faster, or it belongs to another user
            path.unlink()
