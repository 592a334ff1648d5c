"""Walking a graph of Lava Processes, and names for what is in it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from lava.magma.core.process.ports.ports import AbstractPort, AbstractVirtualPort, OutPort
from lava.magma.core.process.process import AbstractProcess

_AUTOMATIC_NAME = re.compile(r"Process_\d+")


def connected_processes(start: AbstractProcess) -> list[AbstractProcess]:
    """All Processes that are connected with `start`, hierarchical ones and their known parts too, by their ids.

    What a SubProcessModel builds is not among them before the graph is compiled.
    """
    found = {start}
    to_visit = [start]
    while to_visit:
        for neighbour in _neighbours(to_visit.pop()):
            if neighbour not in found:
                found.add(neighbour)
                to_visit.append(neighbour)
    return sorted(found, key=lambda process: process.id)


def parent_of(process: AbstractProcess) -> AbstractProcess | None:
    """The hierarchical Process that `process` is part of."""
    # Of a member of another Process, Lava notes the owner as it does for a port.
    parent = process.parent_proc or getattr(process, "process", None)
    return parent if isinstance(parent, AbstractProcess) else None


def sources_of(port: AbstractPort) -> list[OutPort]:
    """The OutPorts whose messages arrive at an InPort, in the order of their connection."""
    sources = dict.fromkeys(port.get_src_ports())
    return [source for source in sources if isinstance(source, OutPort)]


def targets_of(process: AbstractProcess, port_name: str) -> list[AbstractProcess]:
    """The Processes that the messages of an OutPort end at."""
    port = getattr(process, port_name)
    return list(dict.fromkeys(target.process for target in port.get_dst_ports() if target.process is not None))


def _neighbours(process: AbstractProcess) -> Iterator[AbstractProcess]:
    yield from process.procs.members
    parent = parent_of(process)
    if parent is not None:
        yield parent
    ports: list[Any] = [
        *process.in_ports.members,
        *process.out_ports.members,
        *process.ref_ports.members,
        *process.var_ports.members,
    ]
    seen = set(ports)
    while ports:
        port = ports.pop()
        for other in (*port.in_connections, *port.out_connections):
            if isinstance(other, AbstractVirtualPort):
                if other not in seen:
                    seen.add(other)
                    ports.append(other)
            elif other.process is not None:
                yield other.process


class Labels:
    """Names of Processes for people: the user's own, or the class and a number.

    A part of a hierarchical Process follows its owner and a dot, such as ``Dense_2.neuron``, unless all parts in the
    graph have one and the same owner. Where that leaves two with one name, all their owners are written out.

    Parameters
    ----------
    processes : iterable of AbstractProcess
        All that are to be named; those of a class are numbered in the order of their making.
    """

    def __init__(self, processes: Iterable[AbstractProcess]) -> None:
        lineages = {process: _lineage(process) for process in processes}
        self._numbers: Counter[str] = Counter()
        everyone = {process for lineage in lineages.values() for process in lineage}
        self._names = {process: self._own_name(process) for process in sorted(everyone, key=lambda p: p.id)}
        owners = {lineage[-2] for lineage in lineages.values() if len(lineage) > 1}
        shown = 1 if len(owners) == 1 else 2
        self._labels = {process: self._path(lineage[-shown:]) for process, lineage in lineages.items()}
        for way in (self._path, lambda lineage: f"{self._path(lineage)} (id {lineage[-1].id})"):
            uses = Counter(self._labels.values())
            for process, label in self._labels.items():
                if uses[label] > 1:
                    self._labels[process] = way(lineages[process])

    def __getitem__(self, process: AbstractProcess) -> str:
        return self._labels[process]

    def _own_name(self, process: AbstractProcess) -> str:
        if not _AUTOMATIC_NAME.fullmatch(process.name):
            return str(process.name)
        parent = parent_of(process)
        if parent is not None:  # what a SubProcessModel has made is called as its attribute
            for name, member in zip(parent.procs.member_names, parent.procs.members, strict=True):
                if member is process:
                    return str(name)
        cls = type(process).__name__
        self._numbers[cls] += 1
        return f"{cls}_{self._numbers[cls]}"

    def _path(self, lineage: list[AbstractProcess]) -> str:
        return ".".join(self._names[process] for process in lineage)


def _lineage(process: AbstractProcess) -> list[AbstractProcess]:
    """The owners of a Process, from the outermost, and the Process itself."""
    parent = parent_of(process)
    return [*([] if parent is None else _lineage(parent)), process]
