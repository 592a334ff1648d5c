"""A network as a chip has to hold it: populations, connections, and what they ask of the hardware."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from lavaprune.energy.connectivity import Connectivity
from lavaprune.energy.errors import FitError

MAX_NEURONS = 10_000_000
"""Largest population that can be described."""

WORD_BITS = 32
"""Assumed width of a state variable where a chip leaves the layout to microcode; unpublished."""


@dataclass(frozen=True)
class Population:
    """Neurons of one kind.

    Parameters
    ----------
    name : str
    neurons : int
        1 .. `MAX_NEURONS`.
    group : str
        Populations of one group share cores, each split equally over all of them; by default a group of its own.
    on_chip : bool
        Whether its neurons take compartments; those of input populations do not.
    state_bits : int
        State of one neuron, at least 0.
    post_traces : int
        Traces that its neurons keep for learning, at least 0.
    features : tuple of str
        What its neurons ask of the hardware, by the names in the chips' files.
    """

    name: str
    neurons: int
    group: str = ""
    on_chip: bool = True
    state_bits: int = 0
    post_traces: int = 0
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_range(f"population {self.name!r}", "neurons", self.neurons, 1, MAX_NEURONS)
        _check_range(f"population {self.name!r}", "state_bits", self.state_bits, 0, 2**20)
        _check_range(f"population {self.name!r}", "post_traces", self.post_traces, 0, 16)
        if not self.group:
            object.__setattr__(self, "group", self.name)


@dataclass(frozen=True)
class Connection:
    """Synapses between two populations.

    Parameters
    ----------
    name, pre, post : str
        Its own name, and the populations'.
    connectivity : Connectivity
    weight_bits, delay_bits, tag_bits : int
        Widths of one synapse.
    pre_traces : int
        Traces that each of its input axons keeps for learning, at least 0.
    axon_slots : int
        Entries of the sender's table of output axons for each target core: 1, or 2 for population axons of 32 bits.
    features : tuple of str
        What its synapses ask of the hardware.
    """

    name: str
    pre: str
    post: str
    connectivity: Connectivity
    weight_bits: int = 8
    delay_bits: int = 0
    tag_bits: int = 0
    pre_traces: int = 0
    axon_slots: int = 1
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        owner = f"connection {self.name!r}"
        for name in ("weight_bits", "delay_bits", "tag_bits"):
            _check_range(owner, name, getattr(self, name), 0, 32)
        _check_range(owner, "pre_traces", self.pre_traces, 0, 16)
        _check_range(owner, "axon_slots", self.axon_slots, 1, 2)


@dataclass(frozen=True)
class NetworkDescription:
    """Populations and connections, checked against each other.

    Parameters
    ----------
    populations : tuple of Population
    connections : tuple of Connection
    features : tuple of str
        What the network as a whole asks of the hardware.

    Raises
    ------
    FitError
        If names repeat or are unknown, a connection ends outside the chip, or sizes do not fit.
    """

    populations: tuple[Population, ...]
    connections: tuple[Connection, ...] = ()
    features: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        _check_names("populations", [population.name for population in self.populations])
        _check_names("connections", [connection.name for connection in self.connections])
        if not any(population.on_chip for population in self.populations):
            raise FitError("network: no population is on the chip; allowed: at least one")
        for connection in self.connections:
            owner = f"connection {connection.name!r}"
            for end in (connection.pre, connection.post):
                if end not in self._by_name:
                    raise FitError(f"{owner}: no population {end!r}; known: {', '.join(self._by_name)}")
            post = self.population(connection.post)
            if not post.on_chip:
                raise FitError(f"{owner}: ends at {post.name!r}, which is not on the chip; allowed: one that is")
            connection.connectivity.check(owner, self.population(connection.pre).neurons, post.neurons)

    @cached_property
    def _by_name(self) -> dict[str, Population]:
        return {population.name: population for population in self.populations}

    def population(self, name: str) -> Population:
        """The population of that name."""
        return self._by_name[name]

    def into(self, population: Population) -> list[Connection]:
        """Connections that end there."""
        return [connection for connection in self.connections if connection.post == population.name]

    def out_of(self, population: Population) -> list[Connection]:
        """Connections that begin there."""
        return [connection for connection in self.connections if connection.pre == population.name]

    @cached_property
    def groups(self) -> dict[str, tuple[Population, ...]]:
        """Populations that share cores, by the name of their group, in order."""
        found: dict[str, list[Population]] = {}
        for population in self.populations:
            if population.on_chip:
                found.setdefault(population.group, []).append(population)
        return {name: tuple(members) for name, members in found.items()}


def _check_range(owner: str, name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FitError(f"{owner}: {name} is {value!r}; allowed: an integer {low} .. {high}")


def _check_names(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FitError(f"network: two {what} are called {name!r}; allowed: different names")
        seen.add(name)
