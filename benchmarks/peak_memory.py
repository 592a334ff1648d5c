"""Peak memory of a run: all its processes together, shared pages counted once (proportional set size).

    python benchmarks/peak_memory.py -- train --preset mnist-800 --data-dir DATA --out RUN

What follows ``--`` is a command of lavaprune. Needs Linux (/proc/PID/smaps_rollup).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

INTERVAL_S = 0.25


def tree(pid: int) -> set[int]:
    """A process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        parents.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = {pid}, [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found.update(children)
        todo.extend(children)
    return found


def proportional_kb(pid: int) -> int:
    """Proportional set size of a process, kB; 0 if it has gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def main() -> int:
    """Run the command and print its peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs="+", help="a command of lavaprune, after --")
    command = parser.parse_args().command
    process = subprocess.Popen([sys.executable, "-m", "lavaprune", *command], stdout=subprocess.DEVNULL)
    peak_kb, n_processes = 0, 0
    while process.poll() is None:
        pids = tree(process.pid)
        total = sum(proportional_kb(pid) for pid in pids)
        if total > peak_kb:
            peak_kb, n_processes = total, len(pids)
        time.sleep(INTERVAL_S)
    print(json.dumps({"command": command, "peak_mb": peak_kb / 1000, "processes": n_processes}))
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
