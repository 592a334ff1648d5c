"""Variants of a preset compared on validation images, over seeds: the last step before a preset is fixed.

The last 10,000 training images take the test images' place and are never learned from, as in ``lavaprune search``; all
other training images label the neurons. Seeds are those of searches, never the test seeds 1-5.

    python benchmarks/variants.py --preset mnist-100 --data-dir DATA --variant "" "learning.tau_y2_ms=120.0"

Pruning is chosen in the same way; connectivity and SOPs per image stand beside the accuracy. There are 50,000 images to
learn from instead of 60,000, so a schedule shrinks with them: a start at 25,000 and batches of 4,166 for 30,000 and
5,000.

    python benchmarks/variants.py --preset mnist-100 --data-dir DATA --variant "" \
        "pruning.method=contrast pruning.start=10000 pruning.batch=2500"
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.counts import INFERENCE_ROW, TRAINING_ROW, EventCounts
from lavaprune.errors import LavapruneError
from lavaprune.training.offline import accuracy_offline, train_offline
from lavaprune.training.search import FIRST_SEED, validation_split


def main() -> int:
    """Print one JSON line per variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--variant", nargs="+", required=True, metavar="'KEY=VALUE KEY=VALUE'")
    parser.add_argument("--seeds", nargs="+", type=int, default=[FIRST_SEED + k for k in (20, 21, 22)])
    parser.add_argument("--label-images", type=int, help="training images that label the neurons; default all")
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    if min(arguments.seeds) < FIRST_SEED:
        parser.error(f"--seeds are {arguments.seeds}; allowed: from {FIRST_SEED} on")
    try:
        dataset = build_settings(preset=arguments.preset).dataset
        data = validation_split(load_dataset(dataset, arguments.data_dir))
        n_train = len(data.train_images)
        for variant in arguments.variant:
            accuracies, connectivities, training, inference = [], [], [], []
            for seed in arguments.seeds:
                settings = build_settings(preset=arguments.preset, assignments=[*variant.split(), f"seed={seed}"])
                engine = train_offline(settings, data, n_train)
                connectivities.append(engine.state().connectivity)
                training.append(EventCounts.from_vector(engine.counters[TRAINING_ROW]).training_sops() / n_train)
                n_label = arguments.label_images or n_train
                accuracies.append(accuracy_offline(engine, data, n_label, len(data.test_images)))
                shown = EventCounts.from_vector(engine.counters[INFERENCE_ROW])
                inference.append(shown.inference_sops() / (n_label + len(data.test_images)))
            line = {
                "variant": variant,
                "mean": statistics.mean(accuracies),
                "connectivity": statistics.mean(connectivities),
                "training_sops_per_image": statistics.mean(training),
                "inference_sops_per_image": statistics.mean(inference),
                "accuracies": accuracies,
            }
            print(json.dumps(line), flush=True)
    except LavapruneError as error:
        print(f"variants: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
