"""Milliseconds per image of a deep network on Lava's CPU backend: Lava's models beside ours, Dense beside Sparse.

Random integers of the sizes of the `mnist` preset's network; only the time matters. Without what a run of Lava takes to
start: the difference of a long and a short run. Of some repetitions the fastest, and the least CPU time of all of
Lava's processes, which depends less on what else the machine does.

OMP_NUM_THREADS=1 .venv/bin/python benchmarks/deep_on_lava.py
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from lavaprune.deep.fixed_point import LavaChoices, run_on_lava
from lavaprune.deep.folding import FoldedLayer, fold_network
from lavaprune.deep.network import DeepNetwork


def dense_pair(density: float, rng: np.random.Generator) -> list[FoldedLayer]:
    """fc1 of 7,840 inputs with some of its weights, and the output."""
    layers = []
    for name, units, inputs, share in (("fc1", 300, 7840, density), ("out", 10, 300, 1.0)):
        weight = rng.integers(-128, 128, (units, inputs)) * 2 * (rng.random((units, inputs)) < share)
        shape, bias = (inputs, 1, 1), np.zeros(units, np.int32)
        layers.append(FoldedLayer(name, "dense", weight.astype(np.int32), bias, 2048, 1, 1, shape, (units, 1, 1)))
    return layers


def clocks_s() -> np.ndarray:
    """Wall clock; CPU time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)])


def per_image_ms(layers: Sequence[FoldedLayer], choices: LavaChoices, share: float, options: argparse.Namespace) -> Any:
    """(wall, CPU), from two runs on Lava."""
    rng = np.random.default_rng(0)
    channels, height, width = layers[0].inputs
    spikes = (rng.random((options.steps, options.images + 1, height, width, channels)) < share).astype(np.uint8)
    times = []
    for shown in (spikes[:, :1], spikes[:, :1], spikes):  # the first one imports and compiles
        run_on_lava(layers, shown, choices=choices)
        times.append(clocks_s())
    short, long = np.diff(times, axis=0)
    return 1000 * (long - short) / options.images


def main() -> None:
    """Print a line for each network and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.02, help="of fc1's inputs that spike in a step")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    ways = {
        "Dense, Lava's models": LavaChoices(stock=True),
        "Sparse, Lava's models": LavaChoices(sparse=True, stock=True),
        "Sparse, ours": LavaChoices(sparse=True),
    }
    cases = {
        "conv": (
            fold_network(DeepNetwork("conv", (28, 28, 1), 10)),
            0.12,
            {"Lava's models": LavaChoices(stock=True), "ours": LavaChoices()},
        ),
        **{f"fc1 {density:.0%}": (dense_pair(density, rng), options.share, ways) for density in (1.0, 0.5, 0.08)},
    }
    for name, (layers, share, choices) in cases.items():
        for way, choice in choices.items():
            found = [per_image_ms(layers, choice, share, options) for _ in range(options.repeats)]
            wall, cpu = np.min(found, axis=0)
            print(f"{name:9} {way:22} {wall:7.1f} ms per image, {cpu:7.1f} ms of CPU", flush=True)


if __name__ == "__main__":
    main()
