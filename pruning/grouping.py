"""Groups of neurons with similar firing activity (Guo et al. 2020, "APN" and "Implementation Overhead")."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.errors import PruningError

IntArray = npt.NDArray[np.int64]

Grouping = Callable[[npt.ArrayLike, int], IntArray]


def group_sorted(spike_counts: npt.ArrayLike, spike_interval: int) -> IntArray:
    """Group neurons by sorting (Guo et al. 2020, Algorithm 1, with n starting at 0 in every batch).

    The neurons are walked through from the lowest spike count up. A group takes all neurons within [S, S + SI),
    S being the count of its first; the next neuron opens the next group. No group is empty.

    Parameters
    ----------
    spike_counts : integers, shape (N,)
        Spikes of each neuron over the batch, at least 0.
    spike_interval : int
        SI in spikes, at least 1.

    Returns
    -------
    int64 array, shape (N,)
        Group index of each neuron, 0 for the weakest. Depends on the counts only, not on their order.

    Raises
    ------
    PruningError
        If the counts or the interval are out of range.
    """
    counts = _checked(spike_counts, spike_interval)
    levels = np.unique(counts)
    groups_of_levels = np.empty(levels.size, dtype=np.int64)
    group = first = 0
    while first < levels.size:
        # The first level at or above S + SI opens the next group.
        after = int(np.searchsorted(levels, levels[first] + spike_interval, side="left"))
        groups_of_levels[first:after] = group
        first, group = after, group + 1
    return groups_of_levels[np.searchsorted(levels, counts)]


def group_binned(spike_counts: npt.ArrayLike, spike_interval: int) -> IntArray:
    """Group neurons without sorting (Guo et al. 2020, "Implementation Overhead").

    Only the minimum is searched for (and the maximum, which bounds the number of groups); the range is cut
    into bins of SI from the minimum up. Bins may be empty.

    Parameters, returned value and errors are those of `group_sorted`.
    """
    counts = _checked(spike_counts, spike_interval)
    if counts.size == 0:
        return counts
    return (counts - counts.min()) // spike_interval


GROUPINGS: dict[str, Grouping] = {"sorted": group_sorted, "binned": group_binned}


def checked_interval(spike_interval: int) -> int:
    """Return a spike interval as an int.

    Raises
    ------
    PruningError
        Unless it is a whole number of at least 1.
    """
    whole = isinstance(spike_interval, (int, float, np.integer)) and not isinstance(spike_interval, bool)
    if not whole or not 1 <= spike_interval <= MAX_SPIKE_INTERVAL or int(spike_interval) != spike_interval:
        raise PruningError(
            f"pruning: spike_interval is {spike_interval!r}; allowed: a whole number 1 .. {MAX_SPIKE_INTERVAL}"
        )
    return int(spike_interval)


MAX_SPIKE_INTERVAL = 2**31 - 1
"""Largest spike interval; the largest makes one group of all neurons."""


def _checked(spike_counts: npt.ArrayLike, spike_interval: int) -> IntArray:
    checked_interval(spike_interval)
    counts = np.asarray(spike_counts)
    if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.integer):
        raise PruningError(
            f"grouping: spike counts are {counts.dtype} of shape {counts.shape}; allowed: integers of shape (N,)"
        )
    if counts.size and not 0 <= counts.min() <= counts.max() < 2**62:
        raise PruningError(f"grouping: spike counts reach {counts.min()} .. {counts.max()}; allowed: 0 .. 2**62 - 1")
    return counts.astype(np.int64)
