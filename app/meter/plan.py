"""What is to be counted in a compiled graph: a board row for each connection and each population."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPortVectorDense, PyOutPortVectorDense
from lava.magma.core.process.ports.ports import InPort, OutPort, create_port_id
from lava.magma.core.process.process import AbstractProcess

from lavaprune.meter.graph import Labels, sources_of, targets_of
from lavaprune.meter.kinds import (
    Kind,
    Neurons,
    OffChip,
    OwnCounters,
    OwnNetwork,
    Synapses,
    Unknown,
    is_source,
    kind_of,
)

EXTERNAL = "external pipe"
NOTHING = "nothing"

FUSED_CONNECTIONS = ("input to exc", "exc to inh", "lateral")
FUSED_POPULATIONS = ("exc", "inh")


@dataclass(frozen=True)
class Connection:
    """A row of the board that counts spikes on their way to neurons.

    Attributes
    ----------
    row : int
    name : str
        ``source -> synapses -> target``, or ``source -> target`` without a Process of synapses between them.
    """

    row: int
    name: str


@dataclass(frozen=True)
class Population:
    """A row of the board that counts updates of neurons."""

    row: int
    name: str


@dataclass(frozen=True)
class ProcessPlan:
    """How one Process is counted, in its own OS process.

    Attributes
    ----------
    kind : Kind
    rows_by_source : mapping of str to mapping of str to int
        InPort -> port id of the source (or `EXTERNAL`) -> row.
    own_rows : tuple of int
        Rows that belong to the Process as a whole.
    """

    kind: Kind
    rows_by_source: Mapping[str, Mapping[str, int]]
    own_rows: tuple[int, ...] = ()


class MeterPlan:
    """Rows for everything that can be counted, and the names of what cannot.

    Parameters
    ----------
    models : mapping of AbstractProcess to class
        Leaf Processes and the ProcessModels that were chosen for them.
    like : mapping of class to class
        As in `kinds.kind_of`.

    Attributes
    ----------
    connections : list of Connection
    populations : list of Population
    processes : dict of AbstractProcess to ProcessPlan
    off_chip : list of str
        Processes of input, output and the host.
    not_counted : dict of str to str
        Other Processes, and why.
    n_rows : int
    """

    def __init__(self, models: Mapping[AbstractProcess, type], like: Mapping[type, type]) -> None:
        self.connections: list[Connection] = []
        self.populations: list[Population] = []
        self.processes: dict[AbstractProcess, ProcessPlan] = {}
        self.off_chip: list[str] = []
        self.not_counted: dict[str, str] = {}
        self.n_rows = 0
        ordered = sorted(models, key=lambda process: process.id)
        self._labels = Labels(ordered)
        self._kinds = {process: kind_of(process, like) for process in ordered}
        for process, kind in self._kinds.items():
            if isinstance(kind, Unknown) and is_source(process):
                self._kinds[process] = OffChip()
        for process in ordered:
            reason = _why_not(process, self._kinds[process], models[process])
            if reason is not None:
                self._kinds[process] = Unknown()
                self.not_counted[f"{self._labels[process]} ({type(process).__name__})"] = reason
        for process in ordered:
            self._plan(process)

    def _plan(self, process: AbstractProcess) -> None:
        kind, label = self._kinds[process], self._labels[process]
        if isinstance(kind, Synapses):
            rows = self._synapse_rows(process, label)
            self.processes[process] = ProcessPlan(kind, {"s_in": rows})
        elif isinstance(kind, Neurons):
            direct = {name: self._direct_rows(process, label, name) for name in kind.inputs}
            self.processes[process] = ProcessPlan(kind, direct, (self._population(label),))
        elif isinstance(kind, OwnCounters) and kind.is_synapses:
            sources = self._source_names(process.s_in)
            name = f"{' + '.join(sources.values()) or NOTHING} -> {label} -> {self._target(process)}"
            row = self._connection(name)
            self.processes[process] = ProcessPlan(kind, {"s_in": dict.fromkeys(sources, row)}, (row,))
        elif isinstance(kind, OwnCounters):
            inputs = [name for name in process.in_ports.member_names if name.startswith("a_")]
            direct = {name: self._direct_rows(process, label, name) for name in inputs}
            self.processes[process] = ProcessPlan(kind, direct, (self._population(label),))
        elif isinstance(kind, OwnNetwork):
            own_rows = [self._connection(f"{label}: {name}") for name in FUSED_CONNECTIONS]
            own_rows += [self._population(f"{label}: {name}") for name in FUSED_POPULATIONS]
            self.processes[process] = ProcessPlan(kind, {}, tuple(own_rows))
        elif isinstance(kind, OffChip):
            self.off_chip.append(label)

    def _synapse_rows(self, process: AbstractProcess, label: str) -> dict[str, int]:
        target = self._target(process)
        # Synapses without a source may still learn.
        names = self._source_names(process.s_in) or {"": NOTHING}
        return {source: self._connection(f"{name} -> {label} -> {target}") for source, name in names.items()}

    def _direct_rows(self, process: AbstractProcess, label: str, port_name: str) -> dict[str, int]:
        """Rows for what reaches neurons from other neurons, or from outside, without a Process of synapses."""
        port = getattr(process, port_name)
        names = self._source_names(port)
        kinds = {_port_id(source): self._kinds.get(source.process) for source in sources_of(port)}
        return {
            source: self._connection(f"{name} -> {label}")
            for source, name in names.items()
            if source == EXTERNAL or isinstance(kinds[source], Neurons | OffChip) or _is_own_population(kinds[source])
        }

    def _connection(self, name: str) -> int:
        row = self._next_row()
        self.connections.append(Connection(row, name))
        return row

    def _population(self, name: str) -> int:
        row = self._next_row()
        self.populations.append(Population(row, name))
        return row

    def _next_row(self) -> int:
        self.n_rows += 1
        return self.n_rows - 1

    def _source_names(self, port: InPort) -> dict[str, str]:
        """Port id of each source -> its name."""
        sources = sources_of(port)
        uses = Counter(source.process for source in sources)
        names = {
            _port_id(source): self._labels_of(source.process) + (f".{source.name}" if uses[source.process] > 1 else "")
            for source in sources
        }
        return names | ({EXTERNAL: EXTERNAL} if port.external_pipe_flag else {})

    def _labels_of(self, process: AbstractProcess) -> str:
        # A hierarchical Process without a source of its own is no leaf and has no label of its own.
        return self._labels[process] if process in self._kinds else process.name

    def _target(self, process: AbstractProcess) -> str:
        targets = [self._labels_of(target) for target in targets_of(process, "a_out") if target in self._kinds]
        return " + ".join(targets) or NOTHING


def _port_id(source: OutPort) -> str:
    """As Lava's builders name the other end of a channel."""
    return str(create_port_id(source.process.id, source.name))


def _is_own_population(kind: Kind | None) -> bool:
    return isinstance(kind, OwnCounters) and not kind.is_synapses


def _why_not(process: AbstractProcess, kind: Kind, model: type) -> str | None:
    """Why a Process cannot be counted, or None."""
    if isinstance(kind, OffChip):
        return None
    if isinstance(kind, Unknown):
        return "no counter for Processes of its class"
    if not issubclass(model, PyLoihiProcessModel):
        return f"its model {model.__name__} does not run in time steps on the CPU"
    if isinstance(kind, Synapses):
        return _what_is_missing(model, ("s_in", "a_out", kind.weights))
    if isinstance(kind, Neurons):
        return _what_is_missing(model, kind.members)
    if isinstance(kind, OwnCounters):
        return _what_is_missing(model, ("s_in", "a_out", "counters") if kind.is_synapses else ("counters",))
    return None


def _what_is_missing(model: Any, members: Iterable[str]) -> str | None:
    for name in members:
        lava_type = getattr(model, name, None)
        if lava_type is None:
            return f"its model {model.__name__} has no {name}"
        if name.endswith(("_in", "_out")) and lava_type.cls not in (PyInPortVectorDense, PyOutPortVectorDense):
            return f"port {name} of its model {model.__name__} does not carry dense vectors"
    return None
