"""SD-SNN once more, in plain Python loops written from the description of the rules, against the tensors."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: make setup-dl")

from lavaprune.pruning.structural.registry import build_plasticity  # noqa: E402
from lavaprune.pruning.structural.settings import StructuralSettings  # noqa: E402


def sorted_percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    left = int(place)
    right = min(left + 1, len(ordered) - 1)
    return ordered[left] + (place - left) * (ordered[right] - ordered[left])


class Synapse:
    """One weight and all that is remembered about it."""

    def __init__(self) -> None:
        self.live = True
        self.high = self.low = self.before = 0.0
        self.fell_before = False
        self.ups = self.downs = self.falls = 0
        self.over = self.under = 0.0

    def learn_range(self, w: float, window: int) -> None:
        if w >= self.high and self.before >= self.high:
            self.ups += 1
            self.over += w - self.high
        else:
            self.ups, self.over = 0, 0.0
        if w <= self.low and self.before <= self.low:
            self.downs += 1
            self.under += w - self.low
        else:
            self.downs, self.under = 0, 0.0
        falls = abs(w) < abs(self.before)
        self.falls = self.falls + 1 if falls and self.fell_before else 0
        if self.ups == window:
            self.high += self.over / window
            self.ups, self.over = 0, 0.0
        if self.downs == window:
            self.low += self.under / window
            self.downs, self.under = 0, 0.0
        if self.falls == window:
            self.high, self.low, self.falls = 0.75 * self.high, 0.75 * self.low, 0
        self.before, self.fell_before = w, falls


class Layer:
    """Units of kernels of synapses: ``synapses[unit][kernel][place]``, weights in the same nesting."""

    def __init__(self, weight: Any, is_fc: bool, rate: float) -> None:
        self.is_fc, self.rate = is_fc, rate
        nested = self.nest(weight)
        self.synapses = [[[Synapse() for _ in kernel] for kernel in unit] for unit in nested]
        self.waited = [[0 for _ in unit] for unit in nested]
        self.once = [False] * len(nested)

    def nest(self, weight: Any) -> list[list[list[float]]]:
        if self.is_fc:
            return [[[value] for value in row] for row in weight.tolist()]
        return [[[value for row in kernel for value in row] for kernel in unit] for unit in weight.tolist()]

    def each(self) -> list[tuple[int, int, int, Synapse]]:
        return [
            (u, k, p, synapse)
            for u, unit in enumerate(self.synapses)
            for k, kernel in enumerate(unit)
            for p, synapse in enumerate(kernel)
        ]


class Oracle:
    """The whole of it for one convolution and the fully connected layer behind it."""

    def __init__(self, config: StructuralSettings, layers: list[Layer]) -> None:
        self.config, self.layers = config, layers

    def end_epoch(self, epoch: int, weights: list[list[list[list[float]]]]) -> None:
        c = self.config
        for layer, w in zip(self.layers, weights, strict=True):
            masked = {(u, k, p): w[u][k][p] if s.live else 0.0 for u, k, p, s in layer.each()}
            if epoch == 0:
                for u, k, p, s in layer.each():
                    s.high, s.low, s.before = max(masked.values()), -max(masked.values()), masked[u, k, p]
            elif layer.is_fc or c.ranges_on == "all":
                for u, k, p, s in layer.each():
                    s.learn_range(masked[u, k, p], c.published_window)
            if epoch >= c.published_constraint and c.constraint:
                for u, k, p, s in layer.each():
                    w[u][k][p] = min(max(w[u][k][p], s.low), s.high)
            if epoch >= c.published_pruning:
                self.regrow(layer, w, epoch - c.published_pruning)
                self.prune(layer)
                for u, k, p, s in layer.each():
                    if not s.live:
                        w[u][k][p] = 0.0
        if epoch >= c.published_pruning:
            self.raise_rates(epoch - c.published_pruning)

    def regrow(self, layer: Layer, w: list[list[list[float]]], t: int) -> None:
        c = self.config
        start = c.percentile_fc if layer.is_fc else c.percentile_conv
        wait = c.published_wait_fc if layer.is_fc else c.published_wait_conv
        size = (lambda kernel: sum(map(abs, kernel))) if c.regrow_by == "magnitude" else sum
        bar = sorted_percentile([size(kernel) for unit in w for kernel in unit], min(99, start + 1.1**t))
        for u, unit in enumerate(layer.synapses):
            for k, kernel in enumerate(unit):
                if any(s.live for s in kernel) or size(w[u][k]) <= bar:
                    layer.waited[u][k] = 0
                    continue
                layer.waited[u][k] += 1
                if layer.waited[u][k] > wait:
                    layer.waited[u][k] = 0
                    for s in kernel:
                        s.live = True

    def prune(self, layer: Layer) -> None:
        widths = [s.high + abs(s.low) for *_, s in layer.each()]
        least, most = min(widths), max(widths)
        received = []
        for unit in layer.synapses:
            total = 0.0
            for kernel in unit:
                for s in kernel:
                    share = (s.high + abs(s.low) - least) / (most - least) if most > least else 1.0
                    total += share if s.live else 0.0
            received.append(round(total, 9))
        n_pruned = int(len(received) * layer.rate + 1e-9)
        exempt = self.config.exempt_fc if layer.is_fc else self.config.exempt_conv
        for u in sorted(range(len(received)), key=lambda u: received[u])[:n_pruned]:
            if exempt and layer.once[u]:
                continue
            layer.once[u] = True
            for kernel in layer.synapses[u]:
                for s in kernel:
                    s.live = False

    def raise_rates(self, t: int) -> None:
        left = []
        for layer in self.layers:
            inputs = [sum(s.live for kernel in unit for s in kernel) for unit in layer.synapses]
            left.append(sum(n >= self.config.sparse_unit_inputs for n in inputs))
        conv, fc = self.layers
        if left[1]:
            conv.rate = min(1.0, conv.rate + math.exp(-t / 5) * left[0] / left[1] / 100)
        switch = self.config.published_switch - self.config.published_pruning
        alpha = self.config.gain_fc * math.exp(-t) if t <= switch else self.config.floor_fc
        fc.rate = min(1.0, fc.rate + alpha * left[1] / self.config.outputs / 100)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"regrow_by": "magnitude", "exempt_fc": False},
    {"ranges_on": "fc", "exempt_conv": True, "constraint": False},
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("variant", VARIANTS)
def test_tensors_do_what_the_loops_do(seed: int, variant: dict[str, Any]) -> None:
    """40 random epochs with short windows, so that every rule acts many times."""
    config = StructuralSettings(
        epochs=40,
        outputs=2,
        rate_fc=0.3,
        rate_conv=0.25,
        gain_fc=4.0,
        floor_fc=0.5,
        sparse_unit_inputs=4,
        percentile_fc=30.0,
        percentile_conv=40.0,
        published_epochs=40,
        published_constraint=2,
        published_pruning=4,
        published_switch=9,
        published_window=2,
        published_wait_fc=1,
        published_wait_conv=2,
        **variant,
    )
    torch.manual_seed(seed)
    model = torch.nn.ModuleDict({"conv": torch.nn.Conv2d(3, 8, 2), "fc": torch.nn.Linear(12, 10)}).double()
    plasticity = build_plasticity(model, ["conv", "fc"], config)
    weights = [model["conv"].weight, model["fc"].weight]
    layers = [Layer(weights[0], False, 0.25), Layer(weights[1], True, 0.3)]
    oracle = Oracle(config, layers)
    pruned = regrown = expanded = contracted = 0
    for epoch in range(40):
        for weight in weights:
            # drifts that last a few epochs, so that windows fill
            generator = torch.Generator().manual_seed(1000 * seed + epoch // 4)
            drift = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.data = weight.data * 0.97 + 0.06 * drift
        nested = [layer.nest(weight) for layer, weight in zip(layers, weights, strict=True)]
        highs = [s.high for layer in layers for *_, s in layer.each()]
        change = plasticity.end_epoch(epoch)
        oracle.end_epoch(epoch, nested)
        pruned += sum(change.pruned.values())
        regrown += sum(change.regrown.values())
        now = [s.high for layer in layers for *_, s in layer.each()]
        expanded += sum(b > a > 0 for a, b in zip(highs, now, strict=True))
        contracted += sum(b < a for a, b in zip(highs, now, strict=True))
        for name, layer, weight, w in zip(("conv", "fc"), layers, weights, nested, strict=True):
            live = [s.live for *_, s in layer.each()]
            assert plasticity.masks[name].flatten().tolist() == live, (epoch, name)
            flat = [value for unit in w for kernel in unit for value in kernel]
            assert weight.flatten().tolist() == pytest.approx(flat, abs=1e-12), (epoch, name)
            assert plasticity.rates[name] == pytest.approx(layer.rate, abs=1e-12), (epoch, name)
    assert min(pruned, regrown, expanded, contracted) > 0  # or it proved nothing
