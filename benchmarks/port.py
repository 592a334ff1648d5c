"""The port to stock Lava Processes beside the network it is made from, on all test images; see docs/porting.md.

For each RUN, both ports on the emulator; with ``--lava N`` the first N test images also through the graph of stock
Processes on Lava's CPU backend, whose counts must be the emulator's. That part writes a line per chunk into ``--out``
and goes on from there when it is started again.

    python benchmarks/port.py runs/mnist-100 runs/mnist-800 --data-dir DATA --out runs/port --lava 1000
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from lavaprune.errors import LavapruneError
from lavaprune.files import write_text
from lavaprune.port.emulator import StockEmulator, input_spikes
from lavaprune.port.folding import FORWARD_PORTS, LATERAL_PORTS
from lavaprune.port.lava_graph import show_on_lava
from lavaprune.port.porting import Trained, load_trained, stock_network
from lavaprune.port.stock_network import StockNetwork
from lavaprune.processes.control import PHASE_TEST
from lavaprune.runs import RunFolder
from lavaprune.training.readout import classify

PORTS = {"lateral": LATERAL_PORTS, "forward": FORWARD_PORTS}
CHUNK_IMAGES = 50


def on_emulator(network: StockNetwork, trained: Trained) -> dict[str, Any]:
    """All test images."""
    began = time.perf_counter()
    counts, _ = StockEmulator(network, trained.parameters).present(np.array(trained.data.test_images), PHASE_TEST)
    answers = classify(counts, network.neuron_labels, trained.data.n_classes)
    return {
        "accuracy": float(np.mean(answers == trained.data.test_labels)),
        "spikes_per_image": float(counts.sum(axis=1).mean()),
        "ms_per_image": 1e3 * (time.perf_counter() - began) / len(counts),
    }


def on_lava(network: StockNetwork, trained: Trained, n_images: int, path: Path) -> dict[str, Any]:
    """The first test images, in chunks that each have a graph of their own; what ``path`` holds is not run again."""
    data = trained.data
    chunks = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = sum(chunk["images"] for chunk in chunks)
    while done < n_images:
        began = time.perf_counter()
        images = np.array(data.test_images[done : min(n_images, done + CHUNK_IMAGES)])
        spikes = input_spikes(trained.parameters, images, PHASE_TEST, done, network.period)
        counts = show_on_lava(network, spikes)
        emulated, _ = StockEmulator(network, trained.parameters).present(images, PHASE_TEST, done)
        answers = classify(counts, network.neuron_labels, data.n_classes)
        chunk = {
            "images": len(images),
            "right": int(np.count_nonzero(answers == data.test_labels[done : done + len(images)])),
            "differ_from_emulator": int(np.count_nonzero((counts != emulated).any(axis=1))),
            "seconds": time.perf_counter() - began,
        }
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(chunk) + "\n")
        chunks.append(chunk)
        done += len(images)
    totals = {name: sum(chunk[name] for chunk in chunks) for name in chunks[0]}
    return {
        "images": totals["images"],
        "accuracy": totals["right"] / totals["images"],
        "differ_from_emulator": totals["differ_from_emulator"],
        "ms_per_image": 1e3 * totals["seconds"] / totals["images"],
    }


def measure(run_dir: Path, data_dir: Path | None, ports: list[str], lava_images: int, out: Path) -> dict[str, Any]:
    """One run's row: its own accuracy, and each port's."""
    trained = load_trained(run_dir, data_dir)
    result = RunFolder.open(run_dir).read_result() or {}
    row: dict[str, Any] = {"run": run_dir.name, "accuracy": result.get("accuracy")}
    row["connectivity"] = result.get("connectivity")
    for name in ports:
        network = stock_network(trained, PORTS[name])
        row[name] = on_emulator(network, trained) | {
            "vth": network.vth,
            "nonzero_weights": float(np.count_nonzero(network.weights) / network.weights.size),
        }
        if lava_images > 0:
            path = out / f"{run_dir.name}-{name}.jsonl"
            row[name]["lava"] = on_lava(network, trained, min(lava_images, len(trained.data.test_images)), path)
    return row


def main() -> int:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--port", nargs="+", choices=list(PORTS), default=list(PORTS), dest="ports")
    parser.add_argument("--lava", type=int, default=0, metavar="N")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    try:
        for run_dir in arguments.runs:
            row = measure(run_dir, arguments.data_dir, arguments.ports, arguments.lava, arguments.out)
            write_text(arguments.out / f"{run_dir.name}.json", json.dumps(row, indent=1) + "\n")
            print(json.dumps(row), flush=True)
    except LavapruneError as error:
        print(f"port: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
