"""Who connects to whom: what a connection puts on a core, and which cores a spike is sent to."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.energy.errors import FitError

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """`neurons` in order, split equally over `cores`: the first ``neurons % cores`` hold one more than the others."""

    neurons: int
    cores: int

    def part(self, core: int) -> range:
        """The neurons on one core."""
        share, more = divmod(self.neurons, self.cores)
        start = core * share + min(core, more)
        return range(start, start + share + (core < more))

    def bounds(self) -> Counts:
        """Where each core's neurons begin, and where the last one's end: shape (cores + 1,)."""
        share, more = divmod(self.neurons, self.cores)
        cores = np.arange(self.cores + 1, dtype=np.int64)
        return cores * share + np.minimum(cores, more)

    def sizes(self) -> Counts:
        """Neurons on each core, shape (cores,)."""
        return np.diff(self.bounds())

    def core_of(self, neurons: Counts) -> Counts:
        """The core of each neuron."""
        return np.searchsorted(self.bounds(), neurons, side="right") - 1


@dataclass(frozen=True)
class SynapseLists:
    """Lists of synapses stored on one core: `synapses` in each, `copies` lists of each length (shapes equal)."""

    synapses: Counts
    copies: Counts

    @classmethod
    def of(cls, *pairs: tuple[int, int]) -> SynapseLists:
        """From (synapses, copies) pairs."""
        return cls(*np.array(pairs, np.int64).reshape(-1, 2).T)

    @property
    def occupied(self) -> int:
        """Number of lists that are not empty."""
        return int(self.copies[self.synapses > 0].sum())

    @property
    def total(self) -> int:
        """Number of synapses."""
        return int((self.synapses * self.copies).sum())


class Connectivity(ABC):
    """Synapses from a population of `n_pre` neurons to one of `n_post`.

    Attributes
    ----------
    even : bool
        Whether what lies on a core depends on the number of its neurons alone, not on which they are.
    dense_possible : bool
        Whether the dense encoding can hold it.
    """

    even: bool = True
    dense_possible: bool = True

    def check(self, owner: str, n_pre: int, n_post: int) -> None:  # noqa: B027  most fit any sizes
        """Raise FitError if the populations' sizes do not fit."""

    @abstractmethod
    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        """Lists of synapses on a core that holds the neurons `post` of the target."""

    def input_axons(self, n_pre: int, post: range, n_post: int) -> int:
        """Input axons of that core: one for each list that is not empty."""
        return self.lists(n_pre, post, n_post).occupied

    def kinds(self, n_post: int) -> range | Counts:
        """Neurons of the target of which every other one is like one: alone on a core, it holds the same lists."""
        return range(min(n_post, 1)) if self.even else range(n_post)

    @abstractmethod
    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        """Spike messages to each core of the target, shape (cores,).

        Parameters
        ----------
        pre : range
            Neurons that spike.
        weights : ndarray of int64, shape (len(pre),)
            How often each does.
        n_pre : int
        post : Split
            Of the target population.
        """


@dataclass(frozen=True)
class Uniform(Connectivity):
    """Every neuron reaches the same share of the target: ``ceil(connectivity * neurons on the core)`` on each core.

    Parameters
    ----------
    connectivity : float or Fraction
        0 .. 1; a float is read as the decimal number that it is printed as.
    """

    connectivity: Fraction

    def __init__(self, connectivity: float | Fraction) -> None:
        try:
            exact = connectivity if isinstance(connectivity, Fraction) else Fraction(repr(float(connectivity)))
        except (TypeError, ValueError, OverflowError):  # NaN and infinity too
            exact = Fraction(-1)
        if not 0 <= exact <= 1:
            raise FitError(f"connectivity is {connectivity}; allowed: 0 .. 1")
        object.__setattr__(self, "connectivity", exact)

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        return SynapseLists.of((math.ceil(self.connectivity * len(post)), n_pre))

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        return weights.sum() * ((post.sizes() > 0) & (self.connectivity > 0))


@dataclass(frozen=True, eq=False)
class SynapseCounts(Connectivity):
    """A known number of synapses of each presynaptic neuron, spread evenly over the target (convolutions, say).

    On a core with n of N target neurons a neuron with s synapses has ``ceil(s * n / N)``: an upper limit.

    Parameters
    ----------
    counts : ndarray of integers, shape (n_pre,)
        At least 0, at most n_post.
    """

    counts: npt.ArrayLike

    @cached_property
    def _array(self) -> Counts:
        return np.asarray(self.counts, np.int64)

    @cached_property
    def _distinct(self) -> tuple[Counts, Counts]:
        values, copies = np.unique(self._array, return_counts=True)
        return values, copies.astype(np.int64)

    def check(self, owner: str, n_pre: int, n_post: int) -> None:
        _check_array(owner, "synapse counts", np.asarray(self.counts), (n_pre,))
        if not 0 <= self._array.min() <= self._array.max() <= n_post:
            raise FitError(
                f"{owner}: synapse counts are {self._array.min()} .. {self._array.max()}; allowed: 0 .. {n_post}"
            )

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        values, copies = self._distinct
        return SynapseLists(-(-values * len(post) // n_post), copies)

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        return weights[self._array[pre.start : pre.stop] > 0].sum() * (post.sizes() > 0)


@dataclass(frozen=True, eq=False)
class Mask(Connectivity):
    """The synapses themselves.

    Parameters
    ----------
    matrix : ndarray, shape (n_pre, n_post)
        Not 0 where there is a synapse: a mask, or weights without those of 0.
    """

    even = False
    matrix: npt.NDArray[Any]

    @cached_property
    def _before(self) -> npt.NDArray[np.int32]:
        """Synapses of each neuron before each target: shape (n_pre, n_post + 1)."""
        n_pre, n_post = self.matrix.shape
        before = np.zeros((n_pre, n_post + 1), np.int32)
        np.cumsum(self.matrix != 0, axis=1, out=before[:, 1:])
        return before

    def check(self, owner: str, n_pre: int, n_post: int) -> None:
        _check_array(owner, "mask", np.asarray(self.matrix), (n_pre, n_post))

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        synapses = (self._before[:, post.stop] - self._before[:, post.start]).astype(np.int64)
        return SynapseLists(synapses, np.ones_like(synapses))

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        bounds = post.bounds()
        before = self._before[pre.start : pre.stop]
        return weights @ (before[:, bounds[1:]] > before[:, bounds[:-1]])


@dataclass(frozen=True)
class OneToOne(Connectivity):
    """Neuron i reaches neuron i."""

    def check(self, owner: str, n_pre: int, n_post: int) -> None:
        _check_equal(owner, n_pre, n_post)

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        return SynapseLists.of((1, len(post)))

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        found = np.zeros(post.cores, np.int64)
        np.add.at(found, post.core_of(np.arange(pre.start, pre.stop)), weights)
        return found


@dataclass(frozen=True)
class AllButOwn(Connectivity):
    """Neuron i reaches every neuron but i, through synapses of its own: lateral inhibition as the paper draws it."""

    def check(self, owner: str, n_pre: int, n_post: int) -> None:
        _check_equal(owner, n_pre, n_post)

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        n = len(post)
        return SynapseLists.of((n, n_pre - n), (max(0, n - 1), n))

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        sizes = post.sizes()
        alone = sizes == 1  # a core that holds nothing but a neuron's own partner gets no message from it
        own = OneToOne().messages(pre, weights, n_pre, post)
        return weights.sum() * (sizes > 0) - own * alone


@dataclass(frozen=True)
class SharedAxon(Connectivity):
    """Every neuron reaches all of the target with one weight, through one input axon per core that all share.

    Only for synapses that do not learn: the axon cannot tell who spiked.
    """

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        return SynapseLists.of((len(post), 1))

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        return weights.sum() * (post.sizes() > 0)


@dataclass(frozen=True)
class SharedWeights(Connectivity):
    """A population whose axons share lists of weights, as a convolution's do: each core stores every list once.

    Parameters
    ----------
    n_lists : int
        Different lists, at least 1.
    synapses_per_list : int
        Synapses in each, at least 1.
    """

    dense_possible = False
    n_lists: int
    synapses_per_list: int

    def check(self, owner: str, n_pre: int, n_post: int) -> None:
        ranges = (("lists", self.n_lists, n_pre), ("synapses per list", self.synapses_per_list, n_post))
        for name, value, most in ranges:
            if not 1 <= value <= most:
                raise FitError(f"{owner}: {name} is {value}; allowed: 1 .. {most}")

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        return SynapseLists.of((min(self.synapses_per_list, len(post)), self.n_lists))

    def input_axons(self, n_pre: int, post: range, n_post: int) -> int:
        return n_pre if len(post) else 0

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        return weights.sum() * (post.sizes() > 0)


def _check_array(owner: str, name: str, array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    if array.shape != shape or array.dtype.kind not in "biu":
        raise FitError(
            f"{owner}: {name} is {array.dtype} of shape {array.shape}; allowed: integers or bool of shape {shape}"
        )


def _check_equal(owner: str, n_pre: int, n_post: int) -> None:
    if n_pre != n_post:
        raise FitError(f"{owner}: connects {n_pre} neurons with {n_post}; allowed: as many as there are partners")
