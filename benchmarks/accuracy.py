"""Accuracy of presets over seeds: the README's table.

Each run is ``lavaprune train --preset P --set seed=S``: one pass over the training images on Lava, all test images, the
paper's readout. Finished runs in ``--out`` are not repeated, unfinished ones are continued.

    python benchmarks/accuracy.py --data-dir DATA --out runs/accuracy --preset mnist-100 --seeds 1 2 3 4 5
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from lavaprune.configuration import build_settings
from lavaprune.errors import LavapruneError
from lavaprune.files import write_text
from lavaprune.training.run import train


def run(preset: str, seed: int, changes: list[str], name: str, data_dir: Path | None, out: Path) -> dict[str, Any]:
    """Result of one run, from its folder where it has ended."""
    settings = build_settings(preset=preset, assignments=[*changes, f"seed={seed}"])
    folder = out / f"{name}-seed{seed}"
    return train(settings, data_dir, folder, resume=(folder / "config.toml").exists(), progress=True)


def summary(name: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and standard deviation over the seeds, and what a reader needs to compare runs."""
    accuracies = [result["accuracy"] for result in results]
    first = results[0]
    return {
        "name": name,
        "seeds": [result["seed"] for result in results],
        "train_images": first["train_images"],
        "label_images": first["label_images"],
        "test_images": first["test_images"],
        "accuracy_mean": statistics.mean(accuracies),
        "accuracy_std": statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
        "accuracies": accuracies,
        "training_sops_per_image": statistics.mean(result["sops"]["training_per_image"] for result in results),
        "inference_sops_per_image": statistics.mean(result["sops"]["inference_per_image"] for result in results),
        "train_ms_per_image": statistics.mean(
            1e3 * result["seconds"]["train"] / result["train_images"] for result in results
        ),
        "weights_sha256": [result["weights_sha256"] for result in results],
    }


def table(rows: list[dict[str, Any]]) -> str:
    """A Markdown table."""
    lines = ["| run | seeds | images (train / label / test) | accuracy, mean +- standard deviation | each seed |",
             "|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        each = ", ".join(f"{100 * value:.2f}" for value in row["accuracies"])
        images = f"{row['train_images']:,} / {row['label_images']:,} / {row['test_images']:,}"
        seeds = ", ".join(map(str, row["seeds"]))
        accuracy = f"{100 * row['accuracy_mean']:.2f} +- {100 * row['accuracy_std']:.2f} %"
        lines.append(f"| {row['name']} | {seeds} | {images} | {accuracy} | {each} |")
    return "\n".join(lines)


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", nargs="+", default=["mnist-100", "mnist-800", "fashion-100", "fashion-800"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("--name", help="of the runs, where settings are changed; default the preset's")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    path = arguments.out / "accuracy.json"
    rows = {row["name"]: row for row in json.loads(path.read_text())} if path.exists() else {}
    try:
        for preset in arguments.preset:
            name = arguments.name or preset
            results = [
                run(preset, seed, arguments.changes, name, arguments.data_dir, arguments.out)
                for seed in arguments.seeds
            ]
            rows[name] = summary(name, results)
            write_text(path, json.dumps(list(rows.values()), indent=1) + "\n")
            print(table([rows[name]]), flush=True)
    except LavapruneError as error:
        print(f"accuracy: {error}", file=sys.stderr)
        return error.exit_code
    print(table(list(rows.values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
