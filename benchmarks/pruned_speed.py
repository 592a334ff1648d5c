"""Milliseconds per image of the fused engine, unpruned and pruned, and the pruning controller's share of the runtime.

    python benchmarks/pruned_speed.py --data-dir DATA --out speed.json
    python benchmarks/pruned_speed.py --data-dir DATA --at 10
    python benchmarks/pruned_speed.py --data-dir DATA --method contrast --set pruning.start=10000 pruning.batch=2500 \
        pruning.redundant=0.25 pruning.connectivity=0.1

The first trains a preset without pruning up to the image where pruning starts, keeps the largest weights at each
``--connectivity`` and lets each network learn ``--settle`` images. The second trains to the end, without pruning, and
with APTN and `contrast` as `lavaprune reproduce` sets them for ``--at`` percent, and keeps the largest weights at that
connectivity ``--settle`` images before the end. The third trains to the end, without pruning and with ``--method``,
but for the images that are timed. Then all networks are shown the same images in turn, round after round; since other
work on the machine can only add to a time, the least of the rounds counts, for every 25 images. Process time of one
thread. "in integers" steps all membranes in integers, as networks were before some were only watched
(`FusedEngine.most_followed`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.configuration import build_settings
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.counts import TRAINING_ROW, counter_index
from lavaprune.errors import LavapruneError
from lavaprune.files import write_text
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.processes.control import PHASE_TEST
from lavaprune.processes.state import NetworkState
from lavaprune.reproduce.grids import Grids
from lavaprune.settings import Settings
from lavaprune.training.control import inference_rows, training_rows
from lavaprune.training.offline import prune_offline, train_offline

BATCHES = (5_000, 100)  # the paper's
METHODS = ("aptn", "contrast")
TIMED = 25  # images that are timed together
EXC_SPIKES = counter_index("exc_spikes")


def process_ms(run: Callable[[], object]) -> float:
    """Process time in milliseconds."""
    began = time.process_time()
    run()
    return 1e3 * (time.process_time() - began)


def pruned(state: NetworkState, connectivity: float) -> NetworkState:
    """The network with its largest weights alone; ``connectivity`` is 0..1."""
    kept = np.zeros(state.weights.size, np.uint8)
    order = np.argsort(-state.weights.astype(np.int64), axis=None, kind="stable")
    kept[order[: round(connectivity * kept.size)]] = 1
    mask = kept.reshape(state.weights.shape)
    return replace(state, weights=state.weights * mask, conducts=mask, plastic=mask.copy())


def networks_at(arguments: argparse.Namespace, data: Dataset, n_images: int) -> tuple[dict[str, NetworkState], int]:
    """The ends of whole runs at ``--at`` percent; the images to be timed are the last ones, a second time."""
    grids = Grids()
    plain = grids.unpruned(arguments.preset)[0]
    before = max(0, n_images - arguments.settle)
    engine = train_offline(plain, data, n_images, last=before)
    largest = FusedEngine(plain.network_parameters(data.n_inputs), pruned(engine.state(), arguments.at / 100))
    for network in (engine, largest):
        train_offline(plain, data, n_images, engine=network, first=before)
    found = {"unpruned": engine.state(), "largest weights": largest.state()}
    for method in METHODS:
        chosen = grids.at(arguments.preset, method, arguments.at)
        if chosen is not None:
            found[method] = train_offline(chosen[0], data, n_images).state()
    return found, max(0, n_images - arguments.images)


def networks(arguments: argparse.Namespace, data: Dataset, n_images: int) -> tuple[dict[str, NetworkState], int]:
    """States by name, the unpruned one first, and the number of images that they have learned."""
    if arguments.at is not None:
        return networks_at(arguments, data, n_images)
    plain = build_settings(preset=arguments.preset, assignments=["pruning.method=none"])
    if arguments.method is not None:
        found = {}
        for name, assignments in (("unpruned", []), (arguments.method, arguments.changes)):
            method = "none" if name == "unpruned" else name
            settings = build_settings(preset=arguments.preset, assignments=[f"pruning.method={method}", *assignments])
            last = n_images - arguments.images
            found[name] = train_offline(settings, data, n_images, last=last).state()
        return found, last
    start = min(plain.pruning.start, n_images - arguments.settle - arguments.images)
    trained = train_offline(plain, data, n_images, last=start).state()
    last = start + arguments.settle
    found = {}
    for percent in sorted({100.0, *arguments.connectivity}, reverse=True):
        engine = FusedEngine(plain.network_parameters(data.n_inputs), pruned(trained, percent / 100))
        train_offline(plain, data, n_images, engine=engine, first=start, last=last)
        found["unpruned" if percent == 100 else f"{percent:g} %"] = engine.state()
    return found, last


def measure(
    settings: Settings, data: Dataset, states: dict[str, NetworkState], n_images: int, first: int, arguments: Any
) -> list[dict[str, Any]]:
    """One row for each network: milliseconds per image, least of the rounds for every few images, and their median."""
    parameters = settings.network_parameters(data.n_inputs)
    images = data.train_images[first : first + arguments.images].copy()
    controls = {
        "training": training_rows(settings, first, len(images), n_images),
        "inference": inference_rows(PHASE_TEST, first, len(images)),
    }
    variants = [(name, True) for name in states] + [("unpruned", False)]
    times: dict[tuple[str, bool, str], list[list[float]]] = {}
    spikes = {}
    for _ in range(arguments.rounds):
        for name, watching in variants:
            for phase, control in controls.items():
                engine = FusedEngine(parameters, states[name])
                if not watching:
                    engine.most_followed = -1
                before = engine.counters.copy()
                taken = [
                    process_ms(partial(engine.run, images[k : k + TIMED], control[k : k + TIMED]))
                    for k in range(0, len(images), TIMED)
                ]
                times.setdefault((name, watching, phase), []).append(taken)
                if phase == "training":
                    spikes[name] = int((engine.counters - before)[TRAINING_ROW, EXC_SPIKES]) / len(images)
    rows = []
    for name, watching in variants:
        state = states[name]
        row: dict[str, Any] = {
            "network": name if watching else f"{name}, in integers",
            "connectivity": state.connectivity,
            "neurons_with_synapses": int(state.conducts.any(axis=0).sum()),
            "spikes_per_image": spikes[name],
        }
        for phase in controls:
            least, reference = (
                float(np.min(times[key], axis=0).sum()) / len(images)
                for key in ((name, watching, phase), ("unpruned", True, phase))
            )
            row[f"{phase}_ms_min"] = least
            row[f"{phase}_ms_median"] = float(np.median(np.sum(times[name, watching, phase], axis=1))) / len(images)
            row[f"{phase}_speed"] = reference / least
        rows.append(row)
    return rows


def controller(
    settings: Settings, data: Dataset, state: NetworkState, ms_per_image: float, rounds: int
) -> list[dict[str, Any]]:
    """The time of a method's first event (decision, masks, weights), and its share of a batch's time."""
    found = []
    parameters = settings.network_parameters(data.n_inputs)
    for name in METHODS:
        assignments = [f"pruning.method={name}", "pruning.redundant=0.25"]
        method = build_settings(preset=settings.preset, assignments=assignments).pruning.build_method()
        engines = [FusedEngine(parameters, state) for _ in range(rounds)]
        event_ms = min(process_ms(partial(prune_offline, engine, method, 0)) for engine in engines)
        shares = {str(batch): event_ms / (event_ms + batch * ms_per_image) for batch in BATCHES}
        found.append({"method": name, "event_ms": event_ms, "share_by_batch": shares})
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown; times are least (median)."""
    lines = [
        "| network | connectivity | neurons with synapses | spikes / image | training, ms / image | times as fast"
        " | inference, ms / image | times as fast |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["network"], f"{row['connectivity']:.1%}", row["neurons_with_synapses"]]
        cells.append(f"{row['spikes_per_image']:.1f}")
        for phase in ("training", "inference"):
            cells.append(f"{row[f'{phase}_ms_min']:.3f} ({row[f'{phase}_ms_median']:.3f})")
            cells.append(f"{row[f'{phase}_speed']:.2f}")
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="mnist-800")
    parser.add_argument("--connectivity", nargs="+", type=float, default=[50, 30, 20, 10, 5], metavar="PERCENT")
    parser.add_argument("--at", type=int, metavar="PERCENT", help="compare whole runs of several methods at this one")
    parser.add_argument("--method", help="compare the ends of two whole runs, without pruning and with this method")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="changes", help="for --method")
    parser.add_argument("--settle", type=int, default=1_000, metavar="IMAGES", help="learned after synapses are taken")
    parser.add_argument("--images", type=int, default=500, help="timed in each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--train-images", type=int, metavar="N", help="default: the preset's")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    arguments = parser.parse_args()
    if not all(0 < percent <= 100 for percent in arguments.connectivity):
        parser.error(f"--connectivity is {arguments.connectivity}; allowed: above 0, up to 100")
    if min(arguments.images, arguments.rounds) < 1 or arguments.settle < 0:
        parser.error("--images and --rounds are at least 1, --settle at least 0")
    if arguments.at is not None and not 0 < arguments.at <= 100:
        parser.error(f"--at is {arguments.at}; allowed: 1 to 100")
    try:
        settings = build_settings(preset=arguments.preset, assignments=["pruning.method=none"])
        data = load_dataset(settings.dataset, arguments.data_dir)
        n_images = data.count("train_images", arguments.train_images or settings.train_images)
        states, learned = networks(arguments, data, n_images)
    except LavapruneError as error:
        print(f"pruned_speed: {error}", file=sys.stderr)
        return error.exit_code
    rows = measure(settings, data, states, n_images, learned, arguments)
    events = controller(settings, data, states["unpruned"], rows[0]["training_ms_min"], arguments.rounds)
    print(table(rows) + "\n")
    for event in events:
        shares = ", ".join(f"{share:.2%} at batch {int(batch):,}" for batch, share in event["share_by_batch"].items())
        print(f"The first event of {event['method']} takes {event['event_ms']:.1f} ms: {shares}.")
    if arguments.out is not None:
        described = {"preset": arguments.preset, "images_learned": learned, "images_timed": arguments.images}
        write_text(arguments.out, json.dumps({**described, "rows": rows, "controller": events}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
