"""What is in the process table and in shared memory, for tests that something is not."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path

from lavaprune.runtime.shared_memory import FOLDER, name_own_segments, segment_prefix


def processes() -> dict[int, tuple[int, int, str]]:
    """All OS processes: pid -> (parent, group, state)."""
    table = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            table[int(folder.name)] = (int(fields[1]), int(fields[2]), fields[0])
    return table


def descendants(pid: int) -> set[int]:
    """Children, their children and so on, zombies included."""
    table = processes()
    found = {pid}
    while True:
        more = {child for child, (parent, _, _) in table.items() if parent in found} - found
        if not more:
            return found - {pid}
        found |= more


def segments() -> set[str]:
    """Names of shared-memory segments that runs have named; what is another live process's may change any time."""
    return {path.name for path in FOLDER.glob("lavaprune-*") if not _is_of_another(path.name)}


def _is_of_another(name: str) -> bool:
    pid = name.split("-")[2]
    return pid != str(os.getpid()) and Path(f"/proc/{pid}").exists()


def is_gone(group: int) -> bool:
    """No process of the group works, and it has no shared memory; a zombie is process 1's to collect."""
    working = [state for _, pgid, state in processes().values() if pgid == group and state not in "ZX"]
    return not working and not list(FOLDER.glob(segment_prefix(group) + "*"))


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def nothing_left(limit_s: float) -> Iterator[None]:
    """The block ends, within the limit, with the OS processes and the shared memory that it began with."""
    resource_tracker.ensure_running()  # stays, for the whole test run
    names = "_SHM_NAME_PREFIX", "_SHM_SAFE_NAME_LENGTH"
    stock = [getattr(shared_memory, name) for name in names]
    name_own_segments()  # also those of graphs in this process
    before = descendants(os.getpid()), segments()
    try:
        yield
    finally:
        for name, value in zip(names, stock, strict=True):
            setattr(shared_memory, name, value)
    assert wait_until(lambda: descendants(os.getpid()) <= before[0], limit_s), "processes are left"
    assert wait_until(lambda: segments() <= before[1], limit_s), "shared memory is left"
