"""Cores on a chip's mesh of tiles, and the spike messages between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lavaprune.energy.checks import checked_count
from lavaprune.energy.chip import Chip
from lavaprune.energy.connectivity import Counts, Split
from lavaprune.energy.core_fit import CoreFit
from lavaprune.energy.errors import CountsError
from lavaprune.energy.network_description import Connection, Population

INPUT_TILE = (0, 0)
"""Where spikes from outside the cores enter the mesh (column, row): our choice; no document places the embedded
processors or the chip's interface."""


@dataclass(frozen=True)
class Mesh:
    """Tiles of cores in rows and columns.

    Cores fill the tiles in order, `cores_per_tile` each, and the tiles a chip row by row from the north-west corner. A
    further chip continues to the east, so that its columns follow those of the chip before it; a hop from chip to chip
    counts as any other.

    Attributes
    ----------
    cores_per_tile, tiles_wide, cores_per_chip : int
    """

    cores_per_tile: int
    tiles_wide: int
    cores_per_chip: int

    @classmethod
    def of(cls, chip: Chip) -> Mesh:
        """The chip's mesh."""
        return cls(*(chip.count(name) for name in ("cores_per_tile", "tiles_wide", "cores_per_chip")))

    def tiles(self, cores: Counts) -> tuple[Counts, Counts]:
        """Column and row of the tile of each core."""
        chip, core = np.divmod(cores, self.cores_per_chip)
        row, column = np.divmod(core // self.cores_per_tile, self.tiles_wide)
        return column + chip * self.tiles_wide, row


@dataclass(frozen=True)
class Messages:
    """Spike messages in a chip's terms; each attribute is an int, at least 0.

    Attributes
    ----------
    spikes_within_tile : int
        Messages delivered. Each passes from the router of its target's tile to a core once, wherever it came from.
    hops_ew, hops_ns : int
        Hops between tiles on the way there: first along the row, then along the column.
    """

    spikes_within_tile: int
    hops_ew: int
    hops_ns: int

    def to_dict(self) -> dict[str, int]:
        """By name, as `HardwareEvents` calls them."""
        return {
            "spikes_within_tile": self.spikes_within_tile,
            "hops_ew": self.hops_ew,
            "hops_ns": self.hops_ns,
        }


def route(fit: CoreFit, spikes: Mapping[str, int | npt.NDArray[np.int64]]) -> Messages:
    """Count the messages that spikes cause on the layout of a core fit, and their hops.

    One message for each spike, connection and core with at least one synapse: the chip has no multicast, and a neuron
    has an output axon for each. Populations outside the cores send from `INPUT_TILE`.

    Parameters
    ----------
    fit : CoreFit
    spikes : mapping of str to int or ndarray of integers, shape (neurons,)
        By population, those of each neuron or of all together. A total is taken to be spread equally over the
        neurons; the population's messages and hops are then rounded to the nearest integer, halves up.

    Raises
    ------
    CountsError
        If a population is unknown, or a number of spikes is no integer 0 .. 2**63 - 1.
    """
    known = {population.name: population for population in fit.network.populations}
    total = np.zeros(3, object)
    for name, given in spikes.items():
        if name not in known:
            raise CountsError(f"spikes: no population {name!r}; known: {', '.join(known)}")
        total += _of_population(fit, known[name], given)
    return Messages(*(int(value) for value in total))


def _of_population(fit: CoreFit, population: Population, given: int | npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    owner = f"spikes of {population.name!r}"
    if np.ndim(given) == 0:
        spikes = checked_count(owner, "total", given if isinstance(given, int) else np.asarray(given).item())
        each = _weighted(fit, population, np.ones(population.neurons, np.int64))
        return np.array([_rounded(spikes * int(value), population.neurons) for value in each], object)
    by_neuron = np.asarray(given)
    if by_neuron.shape != (population.neurons,) or by_neuron.dtype.kind not in "iu" or (by_neuron < 0).any():
        raise CountsError(
            f"{owner}: {by_neuron.dtype} of shape {by_neuron.shape}; allowed: integers from 0 of shape "
            f"({population.neurons},)"
        )
    return _weighted(fit, population, by_neuron.astype(np.int64))


def _rounded(numerator: int, denominator: int) -> int:
    """To the nearest integer, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def _weighted(fit: CoreFit, population: Population, weights: Counts) -> npt.NDArray[np.object_]:
    """Messages, hops east-west and north-south where each neuron spikes `weights` times."""
    total = np.zeros(3, object)
    mesh = Mesh.of(fit.chip)
    first = fit.first_cores()
    for connection in fit.network.out_of(population):
        post = fit.network.population(connection.post)
        target = Split(post.neurons, fit.cores_by_group[post.group])
        to_x, to_y = mesh.tiles(first[post.group] + np.arange(target.cores, dtype=np.int64))
        for part, (from_x, from_y) in _senders(fit, mesh, population):
            sent = _messages(connection, part, weights, population, target)
            total += [
                int(sent.sum()),
                int((sent * abs(to_x - from_x)).sum()),
                int((sent * abs(to_y - from_y)).sum()),
            ]
    return total


def _senders(fit: CoreFit, mesh: Mesh, population: Population) -> Iterator[tuple[range, tuple[int, int]]]:
    """The population's neurons by the tile that they send from."""
    if not population.on_chip:
        yield range(population.neurons), INPUT_TILE
        return
    split = Split(population.neurons, fit.cores_by_group[population.group])
    x, y = mesh.tiles(fit.first_cores()[population.group] + np.arange(split.cores, dtype=np.int64))
    for core in range(split.cores):
        yield split.part(core), (int(x[core]), int(y[core]))


def _messages(connection: Connection, part: range, weights: Counts, pre: Population, target: Split) -> Counts:
    return connection.connectivity.messages(part, weights[part.start : part.stop], pre.neurons, target)
