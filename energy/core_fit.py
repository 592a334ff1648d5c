"""How many cores of a chip a network needs, and of what it runs out first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from lavaprune.energy.chip import Chip
from lavaprune.energy.core_load import (
    OUTPUT_AXONS,
    RESOURCES,
    CoreLoad,
    core_bounds,
    core_load,
    group_loads,
    is_even,
    limits,
)
from lavaprune.energy.errors import FitError
from lavaprune.energy.network_description import NetworkDescription


@dataclass(frozen=True)
class ConnectionFit:
    """A connection over all cores that hold it.

    Attributes
    ----------
    name : str
    synapses, sparse_bits, bits : int
        `bits`: on each core the smaller encoding.
    dense_bits : int or None
        None: the dense encoding cannot hold it.
    cores : int
        Cores that hold at least one of its synapses.
    memory_fraction : float
        `bits` over the memory of these cores; 0 without synapses.
    """

    name: str
    synapses: int
    sparse_bits: int
    dense_bits: int | None
    bits: int
    cores: int
    memory_fraction: float


@dataclass(frozen=True)
class Exceeded:
    """A limit that no splitting of neurons keeps: what the fullest core of the layout needs, and what a core has."""

    resource: str
    needed: int
    limit: int


@dataclass(frozen=True)
class CoreFit:
    """A network laid out on the cores of a chip.

    Attributes
    ----------
    chip : Chip
    network : NetworkDescription
    cores_by_group : mapping of str to int
        The layout: groups take consecutive cores in this order.
    loads : tuple of CoreLoad
        Of all cores in order.
    limiting_resource : str
        Of `RESOURCES`: what forbids one core less in the group with most cores; with one core, what is fullest.
    exceeded : tuple of Exceeded
        Limits that cannot be kept by splitting neurons over more cores.
    """

    chip: Chip
    network: NetworkDescription
    cores_by_group: Mapping[str, int]
    loads: tuple[CoreLoad, ...]
    limiting_resource: str
    exceeded: tuple[Exceeded, ...]

    @property
    def cores(self) -> int:
        """Cores needed: those of the layout, unless limits are exceeded.

        Then it is, group by group, the largest quotient of what all its cores need of a resource and what one core
        has, rounded up: a lower limit, reached only if the inputs of one neuron could be split over cores too.
        """
        return sum(self._cores_at_least(group) for group in self.cores_by_group)

    def _cores_at_least(self, group: str) -> int:
        loads = [load for load in self.loads if load.group == group]
        asked = [
            math.ceil(Fraction(sum(load.demand(resource) * load.cores for load in loads), most))
            for resource, most in limits(self.chip).items()
            if most is not None
        ]
        return max(self.cores_by_group[group], *asked)

    @property
    def chips(self) -> int:
        """Chips needed: by cores, by neurons and by synapses."""
        neurons = sum(load.compartments * load.cores for load in self.loads)
        synapses = sum(connection.synapses for connection in self.connections())
        asked = ((self.cores, "cores"), (neurons, "neurons"), (synapses, "synapses"))
        return max(-(-amount // self.chip.count(f"{name}_per_chip")) for amount, name in asked)

    @property
    def chip_share(self) -> float:
        """Cores over those of one chip; above 1 it takes more than one."""
        return self.cores / self.chip.count("cores_per_chip")

    @property
    def synaptic_bits(self) -> int:
        """Synapses of all cores."""
        return sum(load.synaptic_bits * load.cores for load in self.loads)

    def first_cores(self) -> dict[str, int]:
        """Number of the first core of each group."""
        found, first = {}, 0
        for group, cores in self.cores_by_group.items():
            found[group] = first
            first += cores
        return found

    def connections(self) -> list[ConnectionFit]:
        """Each connection over all cores, in the network's order."""
        return [self.connection(connection.name) for connection in self.network.connections]

    def connection(self, name: str) -> ConnectionFit:
        """One connection over all cores."""
        parts = [(load.connections[name], load.cores) for load in self.loads if name in load.connections]
        dense = [part.dense_bits for part, _ in parts]
        bits = sum(part.bits * cores for part, cores in parts)
        used = sum(cores for part, cores in parts if part.synapses)
        return ConnectionFit(
            name=name,
            synapses=sum(part.synapses * cores for part, cores in parts),
            sparse_bits=sum(part.sparse_bits * cores for part, cores in parts),
            dense_bits=None if None in dense else sum((part.dense_bits or 0) * cores for part, cores in parts),
            bits=bits,
            cores=used,
            memory_fraction=bits / (used * self.chip.count("memory_bits_per_core")) if used else 0.0,
        )


def fit_network(network: NetworkDescription, chip: Chip) -> CoreFit:
    """Lay a network out on the smallest number of cores.

    Each group of populations has cores of its own, and each population of a group is split equally over them. What a
    core holds depends on how many neurons it has (width of indices, rounding of blocks, input axons that drop out), so
    the number of cores is searched for: the smallest at which the fullest core of the group keeps all limits. Output
    axons depend on the other groups' cores too; where they are exceeded, the sender's group is split further until
    nothing changes.

    A limit that not even one neuron per core keeps (a neuron with more inputs than a core has input axons, say)
    is left out of the search and reported in `CoreFit.exceeded`.

    Parameters
    ----------
    network : NetworkDescription
    chip : Chip

    Raises
    ------
    FitError
        If a connection has a width that the chip does not know.
    """
    _check_widths(network, chip)
    limit = limits(chip)
    cores = dict.fromkeys(network.groups, 1)
    kept: dict[str, list[str]] = {}
    for group in network.groups:
        apart = {**cores, group: _largest(network, group)}
        demand = _least_demand(network, chip, apart, group)
        kept[group] = [name for name in RESOURCES if name != OUTPUT_AXONS and _within(demand[name], limit[name])]
        cores[group] = _smallest(network, chip, cores, group, kept[group]) or apart[group]
    _spread_output_axons(network, chip, cores, kept)

    demands = {group: _demand(network, chip, cores, group) for group in network.groups}
    exceeded = tuple(
        Exceeded(name, worst, most)
        for name, most in limit.items()
        if most is not None and (worst := max(demand[name] for demand in demands.values())) > most
    )
    loads: list[CoreLoad] = []
    for group in network.groups:
        first = sum(load.cores for load in loads)
        loads += group_loads(network, chip, cores, group, first)
    return CoreFit(chip, network, cores, tuple(loads), _limiting(network, chip, cores, exceeded), exceeded)


def saved_share(before: float, after: float) -> float:
    """Share of `before` that is gone in `after`; 0 where there was nothing."""
    return 1 - after / before if before else 0.0


def _spread_output_axons(
    network: NetworkDescription, chip: Chip, cores: dict[str, int], kept: Mapping[str, list[str]]
) -> None:
    """Split groups whose cores send to more axons than they have entries for; changes `cores`."""
    most = limits(chip)[OUTPUT_AXONS]
    given_up: set[str] = set()
    changed = most is not None
    while changed:
        changed = False
        for group in network.groups:
            if group in given_up or _within(_demand(network, chip, cores, group)[OUTPUT_AXONS], most):
                continue
            found = _smallest(network, chip, cores, group, [*kept[group], OUTPUT_AXONS])
            if found is None:
                given_up.add(group)
            else:
                changed = changed or found != cores[group]
                cores[group] = found


def _smallest(
    network: NetworkDescription, chip: Chip, cores: Mapping[str, int], group: str, resources: list[str]
) -> int | None:
    """The smallest number of cores, from the present one on, that keeps the limits of `resources`; None: none does."""
    limit = limits(chip)
    members = network.groups[group]
    most = limit["compartments"]
    assert most is not None
    start = max(cores[group], math.ceil(sum(member.neurons for member in members) / most))
    suspect = 0.0  # how far along the cores the last one was that did not keep them
    for count in _candidates(network, group, start):
        tried = {**cores, group: count}
        places = core_bounds(network, group, count)[:-1]
        first = int(suspect * len(places))  # looked at first: it spares looking at all the others
        for place in (first, *range(len(places))):
            load = core_load(network, chip, tried, group, places[place])
            if not all(_within(load.demand(name), limit[name]) for name in resources):
                suspect = place / len(places)
                break
        else:
            return count
    return None


def _candidates(network: NetworkDescription, group: str, start: int) -> Iterator[int]:
    """Numbers of cores to try, ascending from `start` to one neuron per core.

    Where a core's load follows from its number of neurons, only those at which the largest share becomes smaller:
    between them nothing but the number of output axons changes, and that grows.
    """
    last = _largest(network, group)
    if not is_even(network, group):
        yield from range(start, last + 1)
        return
    count = start
    while count <= last:
        yield count
        shares = {member.neurons: -(-member.neurons // count) for member in network.groups[group]}
        count = min((-(-neurons // (share - 1)) for neurons, share in shares.items() if share > 1), default=last + 1)


def _largest(network: NetworkDescription, group: str) -> int:
    return max(member.neurons for member in network.groups[group])


def _demand(network: NetworkDescription, chip: Chip, cores: Mapping[str, int], group: str) -> dict[str, int]:
    """What the fullest core of a group needs of each resource."""
    loads = group_loads(network, chip, cores, group)
    return {name: max(load.demand(name) for load in loads) for name in RESOURCES}


def _least_demand(network: NetworkDescription, chip: Chip, apart: Mapping[str, int], group: str) -> dict[str, int]:
    """`_demand` where each neuron has a core of its own, but for output axons: those are of some cores only."""
    members = network.groups[group]
    if len(members) > 1 or is_even(network, group):
        return _demand(network, chip, apart, group)
    (member,) = members
    alone = [connection.connectivity.kinds(member.neurons) for connection in network.into(member)]
    loads = [core_load(network, chip, apart, group, core) for core in np.unique(np.concatenate([[0], *alone])).tolist()]
    return {name: max(load.demand(name) for load in loads) for name in RESOURCES}


def _within(demand: int, limit: int | None) -> bool:
    return limit is None or demand <= limit


def _limiting(network: NetworkDescription, chip: Chip, cores: Mapping[str, int], exceeded: tuple[Exceeded, ...]) -> str:
    if exceeded:
        return max(exceeded, key=lambda each: each.needed / each.limit).resource
    group = max(cores, key=lambda name: cores[name])
    one_less = {**cores, group: max(1, cores[group] - 1)}
    demand = _demand(network, chip, one_less, group)
    ratios = {name: demand[name] / most for name, most in limits(chip).items() if most is not None}
    return max(ratios, key=lambda name: ratios[name])


def _check_widths(network: NetworkDescription, chip: Chip) -> None:
    weights = chip.encoding.weight_widths
    for connection in network.connections:
        owner = f"connection {connection.name!r}"
        if connection.weight_bits not in weights:
            raise FitError(
                f"{owner}: weight_bits is {connection.weight_bits}; allowed on {chip.name}: "
                f"{', '.join(str(width) for width in weights)}"
            )
        for name in ("delay_bits", "tag_bits"):
            if getattr(connection, name) > chip.count(name):
                raise FitError(
                    f"{owner}: {name} is {getattr(connection, name)}; allowed on {chip.name}: 0 .. {chip.count(name)}"
                )
