"""`lavaprune train` beside Brian2 2.9 (`cpp_standalone`) on the same network, in one run, taking turns.

Run with the project's environment; Brian2 lives in one of its own (see `brian2_standalone.py`), whose Python is
named by ``--brian-python`` or ``BRIAN2_PYTHON``::

    python benchmarks/brian2/compare.py --brian-python brian/bin/python --data-dir DIR
    python benchmarks/brian2/compare.py --presets mnist-800 --json ...

Both use the preset's parameters, input rates included, and one thread. Reported are milliseconds per training image,
median over the repetitions:

- Brian2: compiling and starting are excluded, by the difference of two runs' lengths; spikes are not recorded.
- lavaprune: ``seconds.train / train_images`` of ``train --json``, so Lava's runtime, the start and the end of its
  actors, progress, metrics and checkpoints are included; a first run that fills Numba's cache is not measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lavaprune.configuration import build_settings

STANDALONE = Path(__file__).resolve().with_name("brian2_standalone.py")
STYLES = ("documentation", "tuned")
PIXELS = 784
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMBA")}
TIMEOUT_S = 3600


def run_json(command: list[str]) -> dict[str, Any]:
    """Run a command on one thread and return the last line of its output, a JSON object."""
    done = subprocess.run(
        command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S
    )
    if done.returncode != 0:
        raise SystemExit(f"failed with {done.returncode}: {' '.join(command)}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


class Brian2:
    """The network in one style, compiled once; `measure` runs it."""

    def __init__(
        self, python: str, style: str, preset: str, data_dir: Path, work: Path, images: tuple[int, int]
    ) -> None:
        settings = build_settings(preset=preset)
        parameters = work / f"{preset}.json"
        parameters.write_text(json.dumps(dataclasses.asdict(settings.network_parameters(PIXELS))), "utf-8")
        self._command = [
            python,
            str(STANDALONE),
            *("--style", style, "--neurons", str(settings.neurons), "--parameters", str(parameters)),
            *("--data-dir", str(data_dir), "--build-dir", str(work / f"{preset}-{style}")),
            *("--short", str(images[0]), "--images", str(images[1])),
        ]
        print(f"compiling Brian2, {style}, {preset} ...", file=sys.stderr)
        subprocess.run([*self._command, "--build-only"], check=True, timeout=TIMEOUT_S, stdout=subprocess.DEVNULL)

    def measure(self) -> dict[str, Any]:
        result = run_json([*self._command, "--run-only"])
        return {
            "ms_per_image": result["ms_per_image"],
            "images": result["images"],
            "input_spikes_per_image": result["input_spikes_per_image"],
            "exc_spikes_per_image": result["exc_spikes_per_image"],
        }


class Lavaprune:
    """`lavaprune train` with a preset; `measure` runs it."""

    def __init__(self, preset: str, data_dir: Path, work: Path, images: int) -> None:
        self._preset, self._data_dir, self._images = preset, data_dir, images
        self._out = work / f"{preset}-run"
        print(f"compiling lavaprune, {preset} ...", file=sys.stderr)
        self._train(500)

    def _train(self, images: int) -> dict[str, Any]:
        shutil.rmtree(self._out, ignore_errors=True)
        changes = {"train_images": images, "label_images": 100, "test_images": 100}
        command = [sys.executable, "-m", "lavaprune", "train", "--preset", self._preset, "--json"]
        command += ["--data-dir", str(self._data_dir), "--out", str(self._out)]
        for name, value in changes.items():
            command += ["--set", f"{name}={value}"]
        return run_json(command)

    def measure(self) -> dict[str, Any]:
        result = self._train(self._images)
        spikes = result["spikes_per_image"]["training"]
        return {
            "ms_per_image": 1000 * result["seconds"]["train"] / result["train_images"],
            "images": result["train_images"],
            "input_spikes_per_image": spikes["input"],
            "exc_spikes_per_image": spikes["exc"],
        }


def summary(measured: list[dict[str, Any]]) -> dict[str, Any]:
    times = [m["ms_per_image"] for m in measured]
    return {**measured[-1], "ms_per_image": statistics.median(times), "all_ms_per_image": times}


def compare(preset: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Measure one preset; a dict by engine, with the ratio of each Brian2 style's time to ours."""
    neurons = build_settings(preset=preset).neurons
    long = options.brian_images or max(60, 30_000 // neurons)
    engines: dict[str, Any] = {
        f"brian2 {style}": Brian2(
            options.brian_python, style, preset, options.data_dir, work, (max(1, long // 6), long)
        )
        for style in options.styles
    }
    engines["lavaprune"] = Lavaprune(preset, options.data_dir, work, options.our_images)
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in engines}
    for repetition in range(options.repetitions):
        for name, engine in engines.items():
            measured[name].append(engine.measure())
            ms = measured[name][-1]["ms_per_image"]
            print(f"{preset} {name}, {repetition + 1}: {ms:.3f} ms per image", file=sys.stderr)
    results = {name: summary(values) for name, values in measured.items()}
    for result in results.values():
        result["ratio"] = result["ms_per_image"] / results["lavaprune"]["ms_per_image"]
    load = os.getloadavg()[0]  # above the number of cores, others were computing too: measure again
    return {"preset": preset, "neurons": neurons, "load_average": load, "cores": os.cpu_count(), "engines": results}


def table(comparisons: list[dict[str, Any]]) -> str:
    lines = [f"load average {c['load_average']:.1f} on {c['cores']} cores, {c['preset']}" for c in comparisons]
    row = "{:<12} {:<22} {:>9} {:>9} {:>8} {:>14} {:>12}"
    lines += [row.format("preset", "engine", "ms/image", "ratio", "images", "input spikes", "exc spikes")]
    for comparison in comparisons:
        for name, r in comparison["engines"].items():
            lines.append(
                row.format(
                    comparison["preset"],
                    name,
                    f"{r['ms_per_image']:.3f}",
                    f"{r['ratio']:.1f}",
                    r["images"],
                    f"{r['input_spikes_per_image']:.0f}",
                    f"{r['exc_spikes_per_image']:.1f}",
                )
            )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="lavaprune train beside Brian2 cpp_standalone.")
    parser.add_argument("--brian-python", default=os.environ.get("BRIAN2_PYTHON"), help="Python that has Brian2 2.9")
    parser.add_argument("--data-dir", type=Path, default=os.environ.get("LAVAPRUNE_DATA"), help="root of MNIST/raw")
    parser.add_argument("--presets", nargs="+", default=["mnist-100", "mnist-800"])
    parser.add_argument("--styles", nargs="+", choices=STYLES, default=list(STYLES))
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--our-images", type=int, default=60_000)
    parser.add_argument("--brian-images", type=int, help="default: 300 for 100 neurons, 60 for 800")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    options = parser.parse_args()
    if not options.brian_python:
        parser.error("--brian-python or BRIAN2_PYTHON is needed: Brian2 has an environment of its own")
    if options.data_dir is None:
        parser.error("--data-dir or LAVAPRUNE_DATA is needed")
    if options.repetitions < 1 or options.our_images < 1 or (options.brian_images or 2) < 2:
        parser.error("--repetitions and --our-images must be at least 1, --brian-images at least 2")
    options.data_dir = Path(options.data_dir).resolve()
    with tempfile.TemporaryDirectory(prefix="brian2-") as work:
        comparisons = [compare(preset, options, Path(work)) for preset in options.presets]
    print(json.dumps({"comparisons": comparisons}) if options.json else table(comparisons))
    return 0


if __name__ == "__main__":
    sys.exit(main())
