"""Variants of a preset compared on validation images, over seeds: the last step before a preset is fixed.

The last 10,000 training images take the test images' place and are never learned from, as in ``lavaprune search``; all
other training images label the neurons. Seeds are those of searches, never the test seeds 1-5.

    python benchmarks/variants.py --preset mnist-100 --data-dir DATA --variant "" "learning.tau_y2_ms=120.0"
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import LavapruneError
from lavaprune.training.offline import accuracy_offline, train_offline
from lavaprune.training.search import FIRST_SEED, validation_split


def main() -> int:
    """Print one JSON line per variant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", required=True)
    parser.add_argument("--variant", nargs="+", required=True, metavar="'KEY=VALUE KEY=VALUE'")
    parser.add_argument("--seeds", nargs="+", type=int, default=[FIRST_SEED + k for k in (20, 21, 22)])
    parser.add_argument("--data-dir", type=Path)
    arguments = parser.parse_args()
    if min(arguments.seeds) < FIRST_SEED:
        parser.error(f"--seeds are {arguments.seeds}; allowed: from {FIRST_SEED} on")
    try:
        dataset = build_settings(preset=arguments.preset).dataset
        data = validation_split(load_dataset(dataset, arguments.data_dir))
        n_train = len(data.train_images)
        for variant in arguments.variant:
            accuracies = []
            for seed in arguments.seeds:
                settings = build_settings(preset=arguments.preset, assignments=[*variant.split(), f"seed={seed}"])
                engine = train_offline(settings, data, n_train)
                accuracies.append(accuracy_offline(engine, data, n_train, len(data.test_images)))
            line = {"variant": variant, "mean": statistics.mean(accuracies), "accuracies": accuracies}
            print(json.dumps(line), flush=True)
    except LavapruneError as error:
        print(f"variants: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
