"""Synapses of a convolution, or of a dense layer, behind average pooling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.energy.connectivity import Connectivity, Counts, Split, SynapseLists
from lavaprune.energy.errors import FitError

Shape = tuple[int, int, int]
Window = tuple[int, npt.NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class PooledConvolution(Connectivity):
    """A kernel per unit that moves by one pooling window at a time; each place where it acts has synapses of its own.

    Neurons on both sides stand in the order row, column, channel, so that a core holds neighbours. Average pooling is
    no layer on a chip: every member of a window has the synapses of the window. A dense layer is a kernel as large as
    the pooled map, without padding.

    Parameters
    ----------
    kernels : ndarray, shape (units, channels, kernel height, kernel width)
        Not 0 where there is a synapse, per window.
    source : (int, int, int)
        Height, width and channels of the source, before pooling.
    pool : int
        Side of the window; 1: no pooling. It divides the source's sides.
    padding : int
        Windows beyond the edge that the kernel reaches, on every side.
    shared : bool
        Whether the members of a window send to one input axon per core, which has their synapses once. Only for
        synapses that do not learn. Otherwise each has an axon, and the lists are stored for each.

    Raises
    ------
    FitError
        If shapes do not fit.
    """

    even = False
    kernels: npt.NDArray[Any]
    source: Shape
    pool: int = 1
    padding: int = 0
    shared: bool = True
    _reaches: dict[Split, list[Window]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        height, width, channels = self.source
        if self.pool < 1 or height % self.pool or width % self.pool:
            raise FitError(f"pooling: side is {self.pool}; allowed: one that divides {height} x {width}")
        if self.kernels.ndim != 4 or self.kernels.shape[1] != channels or min(self.outputs) < 1:
            raise FitError(
                f"kernels: have shape {self.kernels.shape}; allowed: (units, {channels}, height, width), within "
                f"{height // self.pool} x {width // self.pool} and a padding of {self.padding}"
            )

    @property
    def pooled(self) -> Shape:
        """Height, width and channels of the pooled map."""
        height, width, channels = self.source
        return height // self.pool, width // self.pool, channels

    @property
    def outputs(self) -> Shape:
        """Height, width and units of the target."""
        height, width, _ = self.pooled
        units, _, kernel_height, kernel_width = self.kernels.shape
        return height + 2 * self.padding - kernel_height + 1, width + 2 * self.padding - kernel_width + 1, units

    @property
    def synapses(self) -> int:
        """Synapses of all neurons of the source, each with its own: what spikes go through, however they are stored."""
        return int(self._synapses(range(int(np.prod(self.outputs))))[1].sum()) * self.pool**2

    def unpruned(self) -> PooledConvolution:
        """The same with all synapses."""
        return replace(self, kernels=np.ones(self.kernels.shape, bool))

    def check(self, owner: str, n_pre: int, n_post: int) -> None:
        sizes = int(np.prod(self.source)), int(np.prod(self.outputs))
        if sizes != (n_pre, n_post):
            raise FitError(f"{owner}: connects {n_pre} neurons with {n_post}; allowed: {sizes[0]} with {sizes[1]}")

    def lists(self, n_pre: int, post: range, n_post: int) -> SynapseLists:
        found = self._synapses(post)[1]
        found = found[found > 0]
        return SynapseLists(found, np.full_like(found, 1 if self.shared else self.pool**2))

    def kinds(self, n_post: int) -> range | npt.NDArray[np.int64]:
        """Interior places are all alike; at an edge a kernel is cut off."""
        height, width, units = self.outputs
        rows, columns = _distinct(height, self.kernels.shape[2]), _distinct(width, self.kernels.shape[3])
        places = (rows[:, None] * width + columns).ravel()
        return (places[:, None] * units + np.arange(units)).ravel()

    def messages(self, pre: range, weights: Counts, n_pre: int, post: Split) -> Counts:
        height, width, channels = self.source
        rows = range(pre.start // (width * channels), -(-pre.stop // (width * channels)))
        first, last = rows.start // self.pool, -(-rows.stop // self.pool)
        per_neuron = np.zeros((last - first) * self.pool * width * channels, np.int64)
        offset = first * self.pool * width * channels
        per_neuron[pre.start - offset : pre.stop - offset] = weights
        cells = per_neuron.reshape(last - first, self.pool, width // self.pool, self.pool, channels)
        per_window = cells.sum(axis=(1, 3))
        sent = np.zeros(post.cores, np.int64)
        windows = self._reached(post)
        tops, ends = np.array([(top, top + len(reached)) for top, reached in windows]).T
        for core in np.flatnonzero((tops < last) & (ends > first)).tolist():
            top, reached = windows[core]
            low, high = max(first, top), min(last, top + len(reached))
            sent[core] = per_window[low - first : high - first][reached[low - top : high - top]].sum()
        return sent

    def _reached(self, post: Split) -> list[Window]:
        """Of each core the first row of windows and which windows from there on it has a synapse of."""
        if post not in self._reaches:
            self._reaches.clear()  # the layout that is being tried is asked for over and over, earlier ones never again
            found = (self._synapses(post.part(core)) for core in range(post.cores))
            self._reaches[post] = [(top, synapses > 0) for top, synapses in found]
        return self._reaches[post]

    @cached_property
    def _before(self) -> npt.NDArray[np.int32]:
        """Synapses of the units before each: (units + 1, kernel height, kernel width, channels)."""
        live = (np.asarray(self.kernels) != 0).transpose(0, 2, 3, 1)
        before = np.zeros((len(live) + 1, *live.shape[1:]), np.int32)
        np.cumsum(live, axis=0, out=before[1:])
        return before

    def _synapses(self, post: range) -> tuple[int, Counts]:
        """Synapses of each window onto the neurons `post`: the first row of windows, and (rows, columns, channels)."""
        height, width, channels = self.pooled
        _, out_width, units = self.outputs
        if not len(post):
            return 0, np.zeros((0, width, channels), np.int64)
        _, kernel_height, kernel_width, _ = self._before.shape
        first, last = post.start // (out_width * units), (post.stop - 1) // (out_width * units)
        # in the frame of the padded map, from the first row that the kernel reaches
        found = np.zeros((last - first + kernel_height, width + 2 * self.padding, channels), np.int64)
        for rows, columns, kernel in self._rectangles(post):
            for y in range(kernel_height):
                place = slice(rows.start - first + y, rows.stop - first + y)
                for x in range(kernel_width) if len(columns) > 1 else (0,):
                    if len(columns) > 1:
                        found[place, columns.start + x : columns.stop + x] += kernel[y, x]
                    else:
                        found[place, columns.start : columns.start + kernel_width] += kernel[y]
        top = first - self.padding
        inside = found[max(0, -top) : height - top, self.padding : self.padding + width]
        return max(0, top), inside

    def _rectangles(self, post: range) -> Iterator[tuple[range, range, npt.NDArray[np.int32]]]:
        """Rows and columns of the target, and the kernel of all its units there that are among `post`."""
        _, out_width, units = self.outputs
        first, last = post.start // units, (post.stop - 1) // units  # places
        low, high = post.start - first * units, post.stop - last * units  # units of the first, and up to of the last
        pieces = [(first, low, units if last > first else high)]
        if last > first:
            pieces.append((last, 0, high))
        for place, begin, end in pieces:
            y, x = divmod(place, out_width)
            yield range(y, y + 1), range(x, x + 1), self._before[end] - self._before[begin]
        for rows, columns in _between(first + 1, last, out_width):
            yield rows, columns, self._before[-1]


def _between(start: int, stop: int, width: int) -> Iterator[tuple[range, range]]:
    """Places ``start .. stop - 1`` of a map, row by row, as up to three rectangles."""
    while start < stop:
        y, x = divmod(start, width)
        whole = (stop - start) // width if x == 0 else 0
        rows = range(y, y + max(1, whole))
        columns = range(width) if whole else range(x, min(width, x + stop - start))
        yield rows, columns
        start += len(rows) * len(columns)


def _distinct(places: int, kernel: int) -> npt.NDArray[np.int64]:
    """Places along one side, of which every other one is like one of these: near the edges, and one between."""
    edge = min(kernel, (places + 1) // 2)
    return np.unique([*range(edge), places // 2, *range(places - edge, places)])
