"""What structural plasticity is told: one frozen configuration for SD-SNN and for the baselines."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from lavaprune.pruning.errors import PruningError

METHODS = ("sdsnn", "none", "magnitude", "set", "rigl")
REGROW_BY = ("signed", "magnitude")
RANGES_ON = ("all", "fc")

_CHOICES = {"method": METHODS, "regrow_by": REGROW_BY, "ranges_on": RANGES_ON}
_SHARES = ("rate_fc", "rate_conv", "connectivity_fc", "connectivity_conv", "turnover")
_COUNTS = {"epochs": 1, "outputs": 1, "sparse_unit_inputs": 0, "published_epochs": 1, "seed": 0}


@dataclass(frozen=True)
class StructuralSettings:
    """Settings of structural plasticity; the defaults are SD-SNN's for MNIST.

    Epochs count from 0. "Published" epochs are those of the authors' schedule, which
    `lavaprune.pruning.structural.schedule` stretches over `epochs`.

    Attributes
    ----------
    method : {"sdsnn", "none", "magnitude", "set", "rigl"}
    epochs : int
        Length of the training, from 1.
    outputs : int
        Classes K, from 1.
    rate_fc, rate_conv : float
        First share of a layer's units that loses its inputs, 0 .. 1 (published 0.35 and 0.05).
    start_epoch : int or None
        First epoch at whose end synapses are pruned, from 1; None: as published.
    constraint : bool
        Whether weights are clamped to their ranges. Ranges are kept up in either case: pruning reads them.
    regrow : bool
        Whether pruned synapses may come back.
    adaptive : bool
        Whether pruning rates grow, or stay as they are set.
    regrow_by : {"signed", "magnitude"}
        What has to exceed the percentile: the value, or its magnitude, which does not favour excitation.
    masks_in_epoch : bool
        Whether pruned weights are zero inside the epochs too (`torch.nn.utils.prune`). A weight that is never
        trained does not come back: with SD-SNN this ends regrowth.
    remove_biases : bool
        Whether a unit without inputs loses its bias too, so that it cannot fire.
    ranges_on : {"all", "fc"}
        Layers whose ranges are updated (the authors' CIFAR-10 code: "fc").
    exempt_fc, exempt_conv : bool
        Whether a unit is pruned once at most, which protects what has grown back.
    percentile_fc, percentile_conv : float
        First percentile of regrowth, 0 .. 99.
    gain_fc, floor_fc : float
        Growth of the rate of fully connected layers, percent: ``gain * exp(-t)``, later `floor_fc` per epoch.
    sparse_unit_inputs : int
        A unit with fewer live inputs counts as one without (published: 10 .. 50, by layer).
    connectivity_fc, connectivity_conv : float
        Baselines only: share of a layer's synapses that stays, 0 .. 1.
    turnover : float
        SET and RigL: first share of the live synapses that is moved at an epoch's end, 0 .. 1.
    seed : int
        SET and the first masks of both: seed of the draws.
    published_epochs, published_constraint, published_pruning, published_switch, published_window : int
        The authors' schedule: its length, first epoch with clamped weights, first with pruning, last of the
        exponential growth of rates, and the window of ranges.
    published_wait_fc, published_wait_conv : int
        A synapse (kernel) comes back after more than so many epochs above the percentile.

    Raises
    ------
    PruningError
        A value out of range.
    """

    method: str = "sdsnn"
    epochs: int = 300
    outputs: int = 10
    rate_fc: float = 0.35
    rate_conv: float = 0.05
    start_epoch: int | None = None
    constraint: bool = True
    regrow: bool = True
    adaptive: bool = True
    regrow_by: str = "signed"
    masks_in_epoch: bool = False
    remove_biases: bool = False
    ranges_on: str = "all"
    exempt_fc: bool = True
    exempt_conv: bool = False
    percentile_fc: float = 60.0
    percentile_conv: float = 65.0
    gain_fc: float = 1.0
    floor_fc: float = 7.5e-4
    sparse_unit_inputs: int = 10
    connectivity_fc: float = 0.5
    connectivity_conv: float = 0.5
    turnover: float = 0.3
    seed: int = 0
    published_epochs: int = 300
    published_constraint: int = 19
    published_pruning: int = 37
    published_switch: int = 60
    published_window: int = 18
    published_wait_fc: int = 10
    published_wait_conv: int = 18

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                _refuse(name, getattr(self, name), " | ".join(allowed))
        for name in _SHARES:
            _require_number(name, getattr(self, name), 0, 1)
        for name in ("percentile_fc", "percentile_conv"):
            _require_number(name, getattr(self, name), 0, 99)
        for name in ("gain_fc", "floor_fc"):
            _require_number(name, getattr(self, name), 0, 100)
        published = [f.name for f in fields(self) if f.name.startswith("published_")]
        counts = {**dict.fromkeys(published, 0), **_COUNTS}
        for name, low in counts.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                _refuse(name, value, f"an integer from {low}")
        start = self.start_epoch
        if start is not None and (isinstance(start, bool) or not isinstance(start, int) or start < 1):
            _refuse("start_epoch", start, "an integer from 1, the epoch after the one that sets the ranges")


def _require_number(name: str, value: Any, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        _refuse(name, value, f"{low:g} .. {high:g}")


def _refuse(name: str, value: Any, allowed: str) -> None:
    raise PruningError(f"structural plasticity: {name} is {value!r}; allowed: {allowed}")
