"""The authors' schedule of epochs, stretched over a training of any length.

An epoch of ours stands for ``published_epochs / epochs`` published ones: windows and waiting times scale, and what
happens once per published epoch happens as often in all. With as many epochs as published nothing changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from lavaprune.pruning.structural.settings import StructuralSettings

_LEAST_WINDOW = 5  # shorter ones fill by chance: ranges would shrink for no reason
_RATE_DECAY_CONV = 5.0  # published epochs in which the growth of a convolution's rate falls by e


@dataclass(frozen=True)
class Schedule:
    """When the rules act, in epochs from 0; built by `Schedule.of`.

    Attributes
    ----------
    epochs, published_epochs : int
    constraint_from, pruning_from : int
        First epochs at whose end weights are clamped, and synapses pruned.
    window : int
        Epochs in a row after which a range changes; it scales, but not below 5 (or what is published).
    wait_fc, wait_conv : int
        A pruned synapse (kernel) comes back after more than so many epochs in a row.
    switch : int
        Published epochs after the first pruning in which a fully connected layer's rate grows exponentially.
    """

    epochs: int
    published_epochs: int
    constraint_from: int
    pruning_from: int
    window: int
    wait_fc: int
    wait_conv: int
    switch: int

    @classmethod
    def of(cls, settings: StructuralSettings) -> Schedule:
        """The schedule of a configuration.

        Epoch 0 only sets the ranges, so pruning starts at 1 at the earliest.
        """
        scale = settings.epochs / settings.published_epochs
        first = settings.published_pruning * settings.epochs // settings.published_epochs
        return cls(
            epochs=settings.epochs,
            published_epochs=settings.published_epochs,
            constraint_from=settings.published_constraint * settings.epochs // settings.published_epochs,
            pruning_from=max(1, first) if settings.start_epoch is None else settings.start_epoch,
            window=max(1, min(settings.published_window, max(_LEAST_WINDOW, round(settings.published_window * scale)))),
            wait_fc=round(settings.published_wait_fc * scale),
            wait_conv=round(settings.published_wait_conv * scale),
            switch=settings.published_switch - settings.published_pruning,
        )

    def clock(self, epoch: int) -> range:
        """Published epochs since the first pruning (0, 1, ...) that fall to `epoch`; may be empty."""
        return range(self._published(epoch), self._published(epoch + 1))

    def fc_growth_percent(self, epoch: int, gain: float, floor: float) -> float:
        """alpha of a fully connected layer: the sum of ``gain * exp(-t)``, or `floor` beyond `switch`."""
        return sum(gain * math.exp(-t) if t <= self.switch else floor for t in self.clock(epoch))

    def conv_growth_percent(self, epoch: int) -> float:
        """The same for a convolution: the sum of ``exp(-t / 5)``."""
        return sum(math.exp(-t / _RATE_DECAY_CONV) for t in self.clock(epoch))

    def percentile(self, epoch: int, first: float) -> float:
        """Percentile that regrowth must exceed: ``min(99, first + 1.1**t)`` at the last t of `epoch`."""
        last = max(0, self._published(epoch + 1) - 1)
        return min(99.0, first + 1.1 ** min(last, 1000))

    def _published(self, epoch: int) -> int:
        """The first published epoch since the start of pruning that is not before ours."""
        return -((self.pruning_from - epoch) * self.published_epochs // self.epochs)
