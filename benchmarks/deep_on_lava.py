"""Milliseconds per image of a deep network on Lava's CPU backend: Lava's models beside ours, Dense beside Sparse.

Random integers of the sizes of the `mnist` preset's network; only the time matters. Without the time that a run of Lava
takes to start: the difference of a long and a short run, divided by the difference in images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from lavaprune.deep.fixed_point import LavaChoices, run_on_lava
from lavaprune.deep.folding import FoldedLayer, fold_network
from lavaprune.deep.network import DeepNetwork

WAYS = {
    "Lava's models": LavaChoices(stock=True),
    "ours": LavaChoices(),
    "Lava's models, Sparse": LavaChoices(sparse=True, stock=True),
    "ours, Sparse": LavaChoices(sparse=True),
}


def dense_pair(density: float, rng: np.random.Generator) -> list[FoldedLayer]:
    """fc1 of 7,840 inputs with some of its weights, and the output."""
    layers = []
    for name, units, inputs, share in (("fc1", 300, 7840, density), ("out", 10, 300, 1.0)):
        weight = rng.integers(-128, 128, (units, inputs)) * 2 * (rng.random((units, inputs)) < share)
        shape, bias = (inputs, 1, 1), np.zeros(units, np.int32)
        layers.append(FoldedLayer(name, "dense", weight.astype(np.int32), bias, 2048, 1, 1, shape, (units, 1, 1)))
    return layers


def per_image_ms(layers: Sequence[FoldedLayer], choices: LavaChoices, steps: int, images: int, share: float) -> float:
    """Of `images` images, from two runs on Lava."""
    rng = np.random.default_rng(0)
    channels, height, width = layers[0].inputs
    spikes = (rng.random((steps, images + 1, height, width, channels)) < share).astype(np.uint8)
    taken = []
    for shown in (spikes[:, :1], spikes):
        began = time.perf_counter()
        run_on_lava(layers, shown, choices=choices)
        taken.append(time.perf_counter() - began)
    return 1000 * (taken[1] - taken[0]) / images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.02, help="of fc1's inputs that spike in a step")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    networks = {"conv": (fold_network(DeepNetwork("conv", (28, 28, 1), 10)), 0.12)}
    for density in (1.0, 0.5, 0.08):
        networks[f"fc1 {density:.0%}"] = (dense_pair(density, rng), options.share)
    for name, (layers, share) in networks.items():
        for way, choices in WAYS.items():
            if name == "conv" and choices.sparse:
                continue
            found = per_image_ms(layers, choices, options.steps, options.images, share)
            print(f"{name:9} {way:22} {found:7.1f} ms per image", flush=True)


if __name__ == "__main__":
    main()
