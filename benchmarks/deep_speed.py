"""CPU time per training image of a deep network, in its parts: the best of some batches.

.venv/bin/python benchmarks/deep_speed.py --preset mnist --data-dir DATA      (one thread: OMP_NUM_THREADS=1)
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from lavaprune.deep.building import best_device, build_network
from lavaprune.deep.configuration import build_deep_settings
from lavaprune.deep.data import load_deep_dataset


def main() -> None:
    """Train on a few batches from the first weights and print the fastest as JSON; no accuracy is claimed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="mnist")
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    settings = build_deep_settings(options.preset)
    data = load_deep_dataset(settings.dataset, settings.steps, options.data_dir)
    network = build_network(settings, data.shape, data.n_classes).to(best_device())
    optimiser = torch.optim.Adam(network.blocks.parameters(), lr=settings.optimiser.rate)
    generator = np.random.default_rng(0)
    best: dict[str, float] = {}
    for number in range(options.batches):
        rows = generator.choice(len(data.train), min(settings.batch, len(data.train)), replace=False)
        clock = [time.process_time()]
        spikes = torch.from_numpy(data.train.frames(rows, (number,))).to(network.device)
        target = torch.nn.functional.one_hot(torch.from_numpy(data.train_labels[rows]), data.n_classes).float()
        clock.append(time.process_time())
        counts = network.forward(spikes)
        clock.append(time.process_time())
        loss = torch.nn.functional.mse_loss(counts / settings.steps, target.to(network.device))
        optimiser.zero_grad()
        loss.backward()
        clock.append(time.process_time())
        optimiser.step()
        clock.append(time.process_time())
        spent = 1000 * np.diff(clock) / len(rows)
        found = dict(zip(("encode", "forward", "backward", "optimiser"), spent.tolist(), strict=True))
        if not best or sum(found.values()) < sum(best.values()):
            best = found
    device = network.device.type
    print(json.dumps({"preset": options.preset, "device": device, "ms_per_image": sum(best.values()), **best}))


if __name__ == "__main__":
    main()
