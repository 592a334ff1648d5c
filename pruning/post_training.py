"""Pruning once, after training (Rathi et al. 2019, as Guo et al. 2020 compare it)."""

from __future__ import annotations

from lavaprune.pruning.registry import register_method
from lavaprune.pruning.threshold_methods import ThresholdPruning


@register_method("post")
class PostTrainingPruning(ThresholdPruning):
    """Post-training pruning: the weights below w0, for all neurons, go after the last training image.

    Training costs what it costs without pruning; labelling and inference run on what is left. Of the settings only
    `threshold` matters, whatever `start` and `batch` are. The decision takes 2 I N operations, once (Table 4's
    rule: one access and one comparison for each weight).
    """

    when = "after_training"
    rescale = "none"
