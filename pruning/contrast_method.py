"""Contrast pruning: our own method, beyond Guo et al. 2020."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.redundancy import cosine_squared, without_redundant
from lavaprune.pruning.registry import MethodSettings, register_method
from lavaprune.pruning.threshold_functions import as_decimal

FloatArray = npt.NDArray[np.float64]


@register_method("contrast")
class ContrastPruning(PruningMethod):
    """Keeps the synapses by which a neuron differs from its rivals, at a given connectivity, and its drive.

    In a winner-take-all network a synapse matters as far as it tells its neuron from those that compete for the same
    images. Thresholds on weights keep what similar neurons share (the core of the stroke of a 4 and of a 9), and remove
    the faint weights that tell them apart. Here, with W the weights of the event and cos the cosine between the weights
    of two neurons::

        rival_ij = sum_k cos_ik**12 W_jk / sum_k cos_ik**12        over the other neurons k
        score_ij = (W_ji - 0.6 rival_ij) / |W_i|                   of the synapse from input j to neuron i

    and the synapses with the highest scores stay, whichever neuron they belong to; cos**12 is rounded down to 20 bits,
    so that a neuron unlike all others has no rivals. How many stay: after event k of K,
    ``connectivity ** sqrt((k + 1) / K)`` of all, so that most goes at once, when it is zeros, and little at the end,
    when every synapse counts. The division by the norm of the neuron's weights (Euclidean) keeps neurons comparable.

    Before that, over the first 3/10 of the events, the share `redundant` of the neurons is removed altogether: of the
    two most similar neurons the one that fired less, again and again. Others take over its images, and its synapses
    go to neurons that need them. Networks of 800 neurons hold many near-duplicates, those of 100 hardly any.

    Remaining weights are rescaled to the drive that the neuron had (``rescale = "drive"``), after the last event too.
    Every number is made of exact integer sums and single operations of IEEE 754, so that all machines decide alike.

    Not from the paper. Meant for an earlier start and shorter batches than the paper's, such as ``pruning.start`` 10000
    and ``pruning.batch`` 2500 of 60,000 images. Needs the number of events (`PruningEvent.n_events`). More
    work for the controller than a threshold: products of all pairs of neurons, see `operations`.

    Parameters
    ----------
    settings : MethodSettings
        `connectivity` (above 0) and `redundant`.

    Raises
    ------
    PruningError
        If one of them is out of range.
    """

    rivalry = 0.6
    """Part of the rivals' weight that is taken off; chosen on validation images, as the power 12 was."""

    def __init__(self, settings: MethodSettings) -> None:
        self._connectivity = as_decimal("pruning: connectivity", settings.connectivity, 0, 1)
        if self._connectivity == 0:
            raise PruningError("pruning: connectivity is 0 for the method contrast; allowed: above 0, up to 1")
        self._redundant = as_decimal("pruning: redundant", settings.redundant, 0, 1)

    def synapses_left(self, event: PruningEvent) -> int:
        """Number of synapses after an event, at most; in decimal arithmetic."""
        with localcontext() as context:
            context.prec = 40
            progress = (Decimal(min(event.k + 1, event.n_events)) / event.n_events).sqrt()
            share = (self._connectivity.ln() * progress).exp()
            return int(share * event.weights.size)

    def neurons_removed(self, event: PruningEvent) -> int:
        """Number of neurons that are to be gone after an event."""
        last = max(1, -(-3 * event.n_events // 10))
        total = int(self._redundant * event.weights.shape[1])
        return total * min(event.k + 1, last) // last

    def scores(self, weights: FloatArray) -> FloatArray:
        """Score of each synapse, shape (I, N); 0 where the neuron has no weights."""
        squares = cosine_squared(weights)
        fourth = squares * squares
        likeness = np.floor(fourth * squares * fourth * squares * 2.0**20)  # cos**12, in 20 bits: sums below are exact
        rival = (weights @ likeness) / np.maximum(likeness.sum(axis=0), 1.0)
        norm = np.sqrt((weights * weights).sum(axis=0))
        return (weights - self.rivalry * rival) / np.maximum(norm, 1.0)

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Keep the neurons that are not redundant, and of their synapses those with the highest scores."""
        alive = without_redundant(event, self.neurons_removed(event))
        weights: FloatArray = event.weights.astype(np.float64) * alive
        eligible = np.flatnonzero(weights)  # what conducts without a weight contributes nothing
        count = self.synapses_left(event)
        keep = np.zeros(weights.size, bool)
        if count >= eligible.size:
            keep[eligible] = True
        else:
            keep[eligible[largest(self.scores(weights).ravel()[eligible], count)]] = True
        return event.without(~keep.reshape(weights.shape))

    def operations(self, event: PruningEvent) -> int:
        """Count by Table 4's rule, one access and one operation for each term, of weights that are not 0.

        Similarities: a product for each input and each pair of neurons with weights from it. Rivals: a product for each
        weight and each neuron. Scores: each weight is read, and compared when the highest are found. Redundancy: each
        pair is compared.
        """
        of_inputs = np.count_nonzero(event.weights, axis=1)
        n_neurons = event.weights.shape[1]
        pairs = int((of_inputs * (of_inputs + 1)).sum())
        left = int(of_inputs.sum())
        return pairs + 2 * left * n_neurons + 2 * left + n_neurons * n_neurons


def largest(values: FloatArray, count: int) -> npt.NDArray[np.bool_]:
    """Which are the ``count`` largest, of equals the first; without sorting. ``count`` is less than their number."""
    if count == 0:
        return np.zeros(values.size, bool)
    least = np.partition(values, values.size - count)[values.size - count]
    found = values > least
    equals = np.flatnonzero(values == least)
    found[equals[: count - int(np.count_nonzero(found))]] = True
    return found
