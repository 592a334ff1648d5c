"""Soft pruning: weak weights are no longer learned (Shi et al. 2019, as Guo et al. 2020 compare it)."""

from __future__ import annotations

from lavaprune.pruning.method import Mask, PruningEvent
from lavaprune.pruning.registry import register_method
from lavaprune.pruning.threshold_methods import ConstantPruning, ThresholdPruning


@register_method("soft")
class SoftPruning(ThresholdPruning):
    """Freezes the weights below w0 at their current value: they conduct on, and are never updated again.

    The threshold is constant over time and neurons, as in the papers' comparison. Connectivity stays as it is; what
    the papers plot instead, the unpruned share, is that of the plastic synapses. A frozen weight saves STDP updates
    and is left out of the normalisation; it is accumulated (and counted) as ever, so inference saves nothing.

    Operations, by Table 4's rule: 2 I N, one access and one comparison for each weight, already frozen ones included.
    """

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        """Freeze the weights below the threshold."""
        return event.conducts, event.plastic & (event.weights >= self.thresholds(event))


@register_method("soft-lowest")
class SoftPruningAtLowest(ConstantPruning):
    """Freezes the weights below w0 at the lowest value, which is 0: *the same as the constant method*.

    A weight that is 0 for good adds nothing to any neuron, so its synapse is removed, neither stored nor counted: the
    rule that `weights` are 0 wherever `conducts` is 0 holds (Guo et al. 2020, "Comparison", say so themselves).
    The name exists so that Shi et al.'s two variants can both be asked for. Operations are those of `constant`.
    """
