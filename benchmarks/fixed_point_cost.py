"""What fixed point costs: the same network trained in fixed point and in floating point, points of accuracy apart.

    python benchmarks/fixed_point_cost.py --preset mnist-100 --out fixed_point_cost.json

Both see the same images with the same input spikes, start from the same weights, and are labelled and tested by the
paper's readout. Fixed point runs on the fused engine (the results of ``lavaprune train``, to the bit), floating point
on `lavaprune.proc_models.floating_network`. Nothing is pruned.

Every finished network is a line of OUT with the ending .jsonl; started again with the same settings, the script goes
on from there. OUT itself, JSON, is written at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.configuration import build_settings
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.errors import InputError
from lavaprune.files import write_text
from lavaprune.proc_models.floating_network import FloatingEngine
from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST, PHASE_TRAIN
from lavaprune.settings import Settings
from lavaprune.training.annealing import annealing_factor
from lavaprune.training.offline import accuracy_offline, train_offline
from lavaprune.training.readout import Labeller, classify

Counts = tuple[int, int, int]  # images to train, label and test with


def fixed_accuracy(settings: Settings, data: Dataset, counts: Counts) -> float:
    n_train, n_label, n_test = counts
    return accuracy_offline(train_offline(settings, data, n_train), data, n_label, n_test)


def annealing_factors(settings: Settings, n_images: int) -> np.ndarray:
    """The factor of every training image, of all passes together, in floating point; (n_images,) float64."""
    learning = settings.learning
    every = min(learning.anneal_every_images, n_images)
    blocks = [
        float(annealing_factor(image, n_images, learning.anneal_start, learning.anneal_end))
        for image in range(0, n_images, every)
    ]
    return np.repeat(blocks, every)[:n_images]


def floating_accuracy(settings: Settings, data: Dataset, counts: Counts) -> float:
    n_train, n_label, n_test = counts
    engine = FloatingEngine(settings.network_parameters(data.n_inputs))
    factors = annealing_factors(settings, n_train * settings.passes).reshape(settings.passes, n_train)
    for number, of_pass in enumerate(factors):
        samples = number * n_train + np.arange(n_train)
        engine.run(data.train_images[:n_train], samples, PHASE_TRAIN, of_pass)
    labeller = Labeller(data.n_classes, settings.neurons)
    shown = data.train_images[:n_label]
    labeller.add(engine.run(shown, np.arange(n_label), PHASE_LABEL)[0], data.train_labels[:n_label])
    spike_counts, _ = engine.run(data.test_images[:n_test], np.arange(n_test), PHASE_TEST)
    answers = classify(spike_counts, labeller.labels(), data.n_classes)
    return float(np.mean(answers == data.test_labels[:n_test]))


NETWORKS: dict[str, Callable[[Settings, Dataset, Counts], float]] = {
    "fixed": fixed_accuracy,
    "floating": floating_accuracy,
}


def identity(settings: Settings, data: Dataset, counts: Counts) -> str:
    """What results of one file have in common: everything but the seed."""
    values = {**settings.to_dict(), "seed": None}
    text = json.dumps([values, data.sha256(), counts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_lines(path: Path, experiment: str) -> list[dict[str, Any]]:
    """The finished networks; a last line that was cut off is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            records.append(json.loads(line))
            if records[-1]["experiment"] != experiment:
                raise InputError(f"{path} holds results of other settings, images or counts; use another --out")
    return records


def spread(values: Sequence[float]) -> dict[str, float | None]:
    """Mean and sample standard deviation; None where there is only one value."""
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "standard_deviation": deviation}


def summary(records: Sequence[dict[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    """Accuracies (0..1) of both by seed, and the difference, paired by seed, in points (percent)."""
    accuracy = {(r["arithmetic"], r["seed"]): r["accuracy"] for r in records}
    by_seed = {name: [accuracy[name, seed] for seed in seeds] for name in NETWORKS}
    points = [100 * (a - b) for a, b in zip(by_seed["fixed"], by_seed["floating"], strict=True)]
    return {
        "seeds": list(seeds),
        **{name: {"accuracy": values, **spread(values)} for name, values in by_seed.items()},
        "fixed_minus_floating_points": {"by_seed": points, **spread(points)},
    }


def table(result: dict[str, Any]) -> str:
    """The summary as text."""
    difference = result["fixed_minus_floating_points"]
    rows = [("seed", "fixed %", "floating %", "difference")]
    for k, seed in enumerate(result["seeds"]):
        fixed, floating = (f"{100 * result[name]['accuracy'][k]:.2f}" for name in NETWORKS)
        rows.append((str(seed), fixed, floating, f"{difference['by_seed'][k]:+.2f}"))
    for name in ("mean", "standard_deviation"):
        if result["fixed"][name] is not None:
            fixed, floating = (f"{100 * result[arithmetic][name]:.2f}" for arithmetic in NETWORKS)
            sign = "+" if name == "mean" else ""
            rows.append((name.replace("standard_", "std "), fixed, floating, f"{difference[name]:{sign}.2f}"))
    return "\n".join("".join(f"{cell:>14}" for cell in row) for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="mnist-100", help="settings to start from (default %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5], metavar="SEED")
    parser.add_argument("--train-images", type=int, metavar="N", help="default: the preset's")
    parser.add_argument("--label-images", type=int, metavar="N", help="default: the preset's")
    parser.add_argument("--test-images", type=int, metavar="N", help="default: the preset's")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="default: LAVAPRUNE_DATA")
    parser.add_argument("--out", type=Path, default=Path("fixed_point_cost.json"), metavar="FILE.json")
    chosen = parser.parse_args()
    assignments = [*chosen.set, "pruning.method=none"]
    for name in ("train_images", "label_images", "test_images"):
        if getattr(chosen, name) is not None:
            assignments.append(f"{name}={getattr(chosen, name)}")
    try:
        settings = build_settings(None, chosen.preset, assignments)
        data = load_dataset(settings.dataset, chosen.data_dir)
        data = data.hold_out(settings.validation_images)
        n_train = data.count("train_images", settings.train_images)
        n_label = data.count("label_images", settings.label_images)
        counts = n_train, n_label, data.count("test_images", settings.test_images, "test")
        experiment = identity(settings, data, counts)
        lines = chosen.out.with_suffix(".jsonl")
        if lines == chosen.out:
            raise InputError(f"--out is {chosen.out}; allowed: another ending than .jsonl")
        records = read_lines(lines, experiment)
        write_text(lines, "".join(json.dumps(record) + "\n" for record in records))  # without a line cut off
        seeded = {seed: build_settings(None, chosen.preset, [*assignments, f"seed={seed}"]) for seed in chosen.seeds}
    except InputError as error:
        print(error, file=sys.stderr)
        return 2

    done = {(record["arithmetic"], record["seed"]) for record in records}
    for seed, of_seed in seeded.items():
        for name, accuracy_of in NETWORKS.items():
            if (name, seed) in done:
                continue
            started = time.perf_counter()
            accuracy = accuracy_of(of_seed, data, counts)
            seconds = round(time.perf_counter() - started, 1)
            print(f"seed {seed}, {name}: {accuracy:.2%} in {seconds} s", file=sys.stderr, flush=True)
            record = {"experiment": experiment, "arithmetic": name, "seed": seed, "accuracy": accuracy}
            records.append({**record, "seconds": seconds})
            with lines.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(records[-1]) + "\n")

    result = summary(records, list(seeded))
    images = dict(zip(("train", "label", "test"), counts, strict=True))
    described = {"preset": settings.preset, "dataset": settings.dataset, "neurons": settings.neurons, "images": images}
    write_text(chosen.out, json.dumps({**described, "passes": settings.passes, **result}, indent=1) + "\n")
    print(table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
