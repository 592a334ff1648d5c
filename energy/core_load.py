"""What one core has to hold, and what a connection takes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lavaprune.energy.chip import Chip
from lavaprune.energy.connectivity import Split
from lavaprune.energy.network_description import Connection, NetworkDescription

COMPARTMENTS = "compartments"
INPUT_AXONS = "input_axons"
OUTPUT_AXONS = "output_axons"
SYNAPTIC_MEMORY = "synaptic_memory"
RESOURCES: tuple[str, ...] = (COMPARTMENTS, INPUT_AXONS, OUTPUT_AXONS, SYNAPTIC_MEMORY)
"""What a core can run out of. Where a chip keeps the state of neurons and of learning beside the synapses
(`Chip.memory_is_shared`), all of it counts as synaptic memory."""

_LIMITS = {
    COMPARTMENTS: "compartments_per_core",
    INPUT_AXONS: "input_axons_per_core",
    OUTPUT_AXONS: "output_axons_per_core",
    SYNAPTIC_MEMORY: "memory_bits_per_core",
}


def limits(chip: Chip) -> dict[str, int | None]:
    """What a core of the chip holds, by resource; None: unpublished, and then nothing is checked."""
    return {resource: chip.limit(name) for resource, name in _LIMITS.items()}


@dataclass(frozen=True)
class ConnectionLoad:
    """What one connection puts on one core.

    Attributes
    ----------
    synapses, input_axons : int
    sparse_bits : int
    dense_bits : int or None
        None: the encoding cannot hold it.
    """

    synapses: int
    input_axons: int
    sparse_bits: int
    dense_bits: int | None

    @property
    def bits(self) -> int:
        """The smaller one."""
        return self.sparse_bits if self.dense_bits is None else min(self.sparse_bits, self.dense_bits)


@dataclass(frozen=True)
class CoreLoad:
    """What neighbouring cores that are alike have to hold, each of them.

    Attributes
    ----------
    group : str
        Of the populations on them.
    first_core, cores : int
        Number of the first core, and how many are like it.
    compartments, input_axons, output_axons : int
    neuron_state_bits, learning_state_bits : int
        State of the neurons; traces of input axons and neurons.
    connections : mapping of str to ConnectionLoad
        By connection that ends here.
    memory_is_shared : bool
    """

    group: str
    first_core: int
    cores: int
    compartments: int
    input_axons: int
    output_axons: int
    neuron_state_bits: int
    learning_state_bits: int
    connections: Mapping[str, ConnectionLoad]
    memory_is_shared: bool

    @property
    def synaptic_bits(self) -> int:
        """Synapses, each connection in its smaller encoding."""
        return sum(load.bits for load in self.connections.values())

    @property
    def memory_bits(self) -> int:
        """What counts against the core's memory."""
        state = self.neuron_state_bits + self.learning_state_bits
        return self.synaptic_bits + (state if self.memory_is_shared else 0)

    def demand(self, resource: str) -> int:
        """How much of a resource it takes."""
        if resource == SYNAPTIC_MEMORY:
            return self.memory_bits
        return int(getattr(self, resource))


def group_loads(
    network: NetworkDescription, chip: Chip, cores: Mapping[str, int], group: str, first_core: int = 0
) -> list[CoreLoad]:
    """What the cores of one group hold.

    Parameters
    ----------
    network : NetworkDescription
    chip : Chip
    cores : mapping of str to int
        Cores of each group; the others' matter for output axons.
    group : str
    first_core : int
        Number of the group's first core.

    Returns
    -------
    list of CoreLoad
        In the order of the cores; neighbours that are alike stand together.
    """
    bounds = core_bounds(network, group, cores[group])
    found: list[CoreLoad] = []
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        load = replace(core_load(network, chip, cores, group, start), first_core=first_core + start)
        load = replace(load, cores=stop - start)
        if found and replace(found[-1], first_core=load.first_core, cores=load.cores) == load:
            found[-1] = replace(found[-1], cores=found[-1].cores + load.cores)
        else:
            found.append(load)
    return found


def core_bounds(network: NetworkDescription, group: str, n_cores: int) -> list[int]:
    """First cores of neighbours that are alike whatever their synapses, and the number of cores."""
    if is_even(network, group):
        # cores differ only where a population has no neuron left over for them
        return sorted({0, n_cores} | {member.neurons % n_cores for member in network.groups[group]})
    return list(range(n_cores + 1))


def is_even(network: NetworkDescription, group: str) -> bool:
    """Whether a core's load follows from the number of neurons on it alone."""
    return all(
        connection.connectivity.even
        for member in network.groups[group]
        for connection in (*network.into(member), *network.out_of(member))
    )


def core_load(network: NetworkDescription, chip: Chip, cores: Mapping[str, int], group: str, core: int) -> CoreLoad:
    """What one core of a group holds; `core` counts from the group's first."""
    parts = {member.name: Split(member.neurons, cores[group]).part(core) for member in network.groups[group]}
    compartments = sum(len(part) for part in parts.values())
    connections: dict[str, ConnectionLoad] = {}
    output_axons = neuron_state = traces = 0
    for member in network.groups[group]:
        part = parts[member.name]
        neuron_state += len(part) * (member.state_bits if chip.memory_is_shared else chip.count("neuron_state_bits"))
        traces += len(part) * member.post_traces
        for connection in network.into(member):
            load = _connection_load(network, chip, connection, part, compartments)
            connections[connection.name] = load
            traces += load.input_axons * connection.pre_traces
        for connection in network.out_of(member):
            post = network.population(connection.post)
            once = np.ones(len(part), np.int64)
            target = Split(post.neurons, cores[post.group])
            sent = connection.connectivity.messages(part, once, member.neurons, target)
            output_axons += int(sent.sum()) * connection.axon_slots
    return CoreLoad(
        group=group,
        first_core=core,
        cores=1,
        compartments=compartments,
        input_axons=sum(load.input_axons for load in connections.values()),
        output_axons=output_axons,
        neuron_state_bits=neuron_state,
        learning_state_bits=traces * chip.count("trace_bits"),
        connections=connections,
        memory_is_shared=chip.memory_is_shared,
    )


def _connection_load(
    network: NetworkDescription, chip: Chip, connection: Connection, post: range, compartments: int
) -> ConnectionLoad:
    """What a connection puts on a core with `compartments` compartments, `post` of them its targets."""
    n_pre = network.population(connection.pre).neurons
    n_post = network.population(connection.post).neurons
    kind = connection.connectivity
    lists = kind.lists(n_pre, post, n_post)
    if lists.total == 0:
        return ConnectionLoad(0, 0, 0, 0 if kind.dense_possible else None)
    encoding = chip.encoding
    width = connection.weight_bits + connection.delay_bits + connection.tag_bits
    sparse = encoding.list_bits(lists.synapses, width + encoding.index_bits(compartments)) * lists.copies
    dense = None
    if kind.dense_possible:
        dense = int(encoding.list_bits(np.array(len(post)), width)) * lists.occupied
    return ConnectionLoad(lists.total, kind.input_axons(n_pre, post, n_post), int(sparse.sum()), dense)
