"""Methods that remove the weights below a threshold: none, zero, constant, APT, APN, APTN (Guo et al. 2020)."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.controller_cost import controller_operations
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.grouping import GROUPINGS, checked_interval
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.registry import MethodSettings, register_method
from lavaprune.pruning.threshold_functions import (
    MAX_FACTOR,
    NEUTRAL_FACTORS,
    PAPER_FACTORS_NEURONS,
    PAPER_FACTORS_TIME,
    Number,
    as_decimal,
    integer_threshold,
    threshold_function,
)


@register_method("none")
class NoPruning(PruningMethod):
    """Removes nothing, and does nothing."""

    def __init__(self, settings: MethodSettings) -> None:
        del settings  # every registered method is made from settings; this one needs none

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Return the masks as they are."""
        return event.conducts, event.plastic

    def operations(self, event: PruningEvent) -> int:
        """Return 0."""
        return 0


@register_method("zero")
class ZeroWeightPruning(PruningMethod):
    """Removes the weights that are exactly 0: a named baseline, which any method has to beat.

    8-bit weights under depression and normalisation are 0 for over half of the synapses without any pruning.
    """

    def __init__(self, settings: MethodSettings) -> None:
        del settings  # every registered method is made from settings; this one needs none

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Remove the weights that are 0."""
        return event.without(event.weights == 0)


class ThresholdPruning(PruningMethod):
    """Removes each weight below its neuron's threshold; subclasses say how the threshold adapts.

    threshold(n, k) = f(f(w0, factor_time, k), factor_neurons, n) as a share of w_max: the time-adapted threshold
    is the base that the group of the neuron adapts. This is Algorithm 1 of Guo et al. 2020 with its slips
    mended (as printed, n is never reset in a batch and f_N overwrites what f_T computed).

    Parameters
    ----------
    settings : MethodSettings
        `function`, `threshold` (w0), and as far as the method adapts: `factor_time`, `factor_neurons`,
        `spike_interval`, `grouping`.

    Raises
    ------
    PruningError
        If a setting is unknown or out of range.
    """

    adapts_over_time = False
    adapts_over_neurons = False

    def __init__(self, settings: MethodSettings) -> None:
        self._function = threshold_function(settings.function)
        neutral = Decimal(NEUTRAL_FACTORS[settings.function])
        self._w0 = as_decimal("pruning: threshold", settings.threshold, 0, 1)
        self._factor_time = neutral
        self._factor_neurons = neutral
        if self.adapts_over_time:
            paper = PAPER_FACTORS_TIME[settings.function]
            self._factor_time = _factor("factor_time", settings.factor_time, paper, neutral)
        if self.adapts_over_neurons:
            paper = PAPER_FACTORS_NEURONS[settings.function]
            self._factor_neurons = _factor("factor_neurons", settings.factor_neurons, paper, neutral)
        self._spike_interval = checked_interval(settings.spike_interval)
        if settings.grouping not in GROUPINGS:
            raise PruningError(f"pruning: grouping is {settings.grouping!r}; known: {', '.join(GROUPINGS)}")
        self._group = GROUPINGS[settings.grouping]

    def groups(self, event: PruningEvent) -> npt.NDArray[np.int64]:
        """Return the group of each neuron, shape (N,); 0 for all where the method does not group."""
        if not self.adapts_over_neurons:
            return np.zeros(event.spike_counts.shape, dtype=np.int64)
        return self._group(event.spike_counts, self._spike_interval)

    def thresholds(self, event: PruningEvent) -> npt.NDArray[np.int64]:
        """Return each neuron's integer threshold, shape (N,), 0..w_max; weights strictly below it go."""
        base = self._function(self._w0, self._factor_time, event.k)
        present, which = np.unique(self.groups(event), return_inverse=True)
        of_groups = [
            integer_threshold(self._function(base, self._factor_neurons, int(n)), event.w_max) for n in present
        ]
        return np.array(of_groups, dtype=np.int64)[which]

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Remove the weights below their neuron's threshold."""
        thresholds = self.thresholds(event).astype(np.uint8)  # as narrow as the weights, which is compared faster
        return event.without(event.weights < thresholds)

    def operations(self, event: PruningEvent) -> int:
        """Count by Table 4 of Guo et al. 2020, with the number of groups of this event."""
        n_inputs, n_neurons = event.weights.shape
        n_groups = int(self.groups(event).max()) + 1 if self.adapts_over_neurons else 0
        return controller_operations(n_inputs, n_neurons, n_groups).total


@register_method("constant")
class ConstantPruning(ThresholdPruning):
    """Online constant pruning: the threshold w0 for all neurons at all events."""


@register_method("apt")
class AdaptivePruningOverTime(ThresholdPruning):
    """APT: f_T(k), one threshold for all neurons that rises from event to event."""

    adapts_over_time = True


@register_method("apn")
class AdaptivePruningOverNeurons(ThresholdPruning):
    """APN: f_N(n) by groups of neurons, constant over time; the weakest group has w0."""

    adapts_over_neurons = True


@register_method("aptn")
class AdaptivePruningOverTimeAndNeurons(ThresholdPruning):
    """APTN: f_N(n) on top of f_T(k); for f1 that is w0 * a_T**k * a_N**n."""

    adapts_over_time = True
    adapts_over_neurons = True


def _factor(name: str, value: Number | None, paper: float, neutral: Decimal) -> Decimal:
    """Return the factor set, or the paper's; below the neutral one a threshold would only be clipped to w0."""
    return as_decimal(f"pruning: {name}", paper if value is None else value, neutral, MAX_FACTOR)
