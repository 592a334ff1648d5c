"""Neuron pruning: neurons that hardly fire lose all of their synapses (after Guo et al. 2020b, Electronics 9:1059)."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.registry import MethodSettings, register_method
from lavaprune.pruning.threshold_functions import (
    MAX_FACTOR,
    PAPER_FACTORS_TIME,
    as_decimal,
    geometric,
    integer_threshold,
)

STRATEGIES = ("fixed", "constant", "adaptive")

MAX_SPIKES_PER_IMAGE = 100_000
"""No neuron fires more: one spike in each of the most steps that an image may have."""


@register_method("neuron")
class NeuronPruning(PruningMethod):
    """Online neuron pruning: at each event, the living neurons with the fewest spikes per image go.

    A neuron's mean spike count per training image is its total over the batch divided by the batch's images
    (`MethodSettings.images_counted`). A neuron lives as long as one of its synapses conducts; removed ones are not
    ranked again.

    ======== ========================================================================================
    strategy removes
    ======== ========================================================================================
    fixed    the `neurons_removed` weakest of those that live; of equals the first by index
    constant those with fewer than `spike_threshold` spikes per image
    adaptive those with fewer than `spike_threshold` * `factor_time` ** k at event k
    ======== ========================================================================================

    Guo et al. name these three strategies, and spike counts as what ranks neurons; the exact law of the adaptive one
    is not public. **The law above is ours**: f1's without a bound, with f1's best factor over time (1.3) unless
    another is set. Mean counts are never divided out: totals are compared with an integer threshold, exactly.

    Operations, by Table 4's rule (memory accesses and comparisons; upper limits, removed neurons are visited): 2 N to
    read and compare each count; for `fixed`, which ranks, 2 N for each neuron removed, as the weakest is searched for
    one at a time. No weight is visited: a neuron is switched off as a whole.

    Parameters
    ----------
    settings : MethodSettings
        `strategy`, and by strategy `neurons_removed`, `spike_threshold`, `factor_time`; `start` and `batch`.

    Raises
    ------
    PruningError
        If a setting is unknown or out of range.
    """

    def __init__(self, settings: MethodSettings) -> None:
        if settings.strategy not in STRATEGIES:
            raise PruningError(f"pruning: strategy is {settings.strategy!r}; known: {', '.join(STRATEGIES)}")
        self._settings = settings
        self._is_fixed = settings.strategy == "fixed"
        for name, low in (("neurons_removed", 1), ("start", 1), ("batch", 1)):
            value = getattr(settings, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise PruningError(f"pruning: {name} is {value!r}; allowed: an integer of at least {low}")
        self._theta0 = as_decimal("pruning: spike_threshold", settings.spike_threshold, 0, MAX_SPIKES_PER_IMAGE)
        factor = PAPER_FACTORS_TIME["f1"] if settings.factor_time is None else settings.factor_time
        self._factor = Decimal(1)
        if settings.strategy == "adaptive":
            self._factor = as_decimal("pruning: factor_time", factor, 1, MAX_FACTOR)

    def threshold(self, k: int) -> int:
        """Return the threshold of event k in spikes over its batch, rounded up; neurons strictly below it go."""
        images = self._settings.images_counted(k)
        per_image = geometric(self._theta0, self._factor, k, MAX_SPIKES_PER_IMAGE)
        return integer_threshold(per_image, images)

    def removed(self, event: PruningEvent) -> npt.NDArray[np.bool_]:
        """Return which neurons go at this event, shape (N,)."""
        lives = event.conducts.any(axis=0)
        if not self._is_fixed:
            return lives & (event.spike_counts < self.threshold(event.k))
        weakest_first = np.argsort(event.spike_counts, kind="stable")
        goes = np.zeros(lives.shape, dtype=np.bool_)
        goes[weakest_first[lives[weakest_first]][: self._settings.neurons_removed]] = True
        return goes

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Remove all synapses of the neurons that go."""
        return event.without(np.broadcast_to(self.removed(event), event.weights.shape))

    def operations(self, event: PruningEvent) -> int:
        """Count by Table 4's rule: 2 N, or 2 N for each neuron removed."""
        passes = int(np.count_nonzero(self.removed(event))) if self._is_fixed else 1
        return 2 * event.weights.shape[1] * passes
