"""Whole runs on Lava through the command line: results, resuming, failing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lavaprune.configuration import build_settings
from lavaprune.datasets.loader import load_dataset
from lavaprune.training.offline import accuracy_offline, train_offline
from lavaprune.training.result import weights_sha256
from lavaprune.training.run import train as train_here

SMALL = [
    "passes=1", "train_images=240", "label_images=100", "test_images=60", "steps=60", "neurons=20", "seed=3",
    "pictures=false",
]  # fmt: skip
PRUNED = ["pruning.method=aptn", "pruning.threshold=0.02", "pruning.start=80", "pruning.batch=80"]


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "lavaprune", *map(str, arguments)]


def train(out: Path, *settings: str, resume: bool = False) -> subprocess.CompletedProcess[str]:
    sets = [part for setting in settings for part in ("--set", setting)]
    more = ["--resume"] if resume else []
    return subprocess.run(
        command("train", *sets, "--out", out, "--json", *more), capture_output=True, text=True, timeout=240
    )


def result_of(run: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("run") / "pruned"
    return out, result_of(train(out, *SMALL, *PRUNED))


def test_result_has_what_the_contract_names(finished: tuple[Path, dict[str, Any]]) -> None:
    out, result = finished
    assert json.loads((out / "result.json").read_text()) == result
    for name in ("accuracy", "connectivity", "nonzero_weights"):
        assert 0 <= result[name] <= 1
    for name in ("dataset", "preset", "engine", "weights_sha256", "version", "spikes_per_image"):
        assert result[name]
    assert (result["train_images"], result["test_images"], result["neurons"], result["seed"]) == (240, 60, 20, 3)
    assert set(result["seconds"]) == {"train", "label", "test"}
    for phase in ("training", "inference"):
        assert set(result["sops"][phase]) == {"input", "lateral", "depression", "potentiation", "controller"}
    total = sum(v for k, v in result["sops"]["training"].items() if k != "controller")
    assert result["sops"]["training_per_image"] == total / 240
    assert result["sops"]["inference"]["depression"] == 0
    assert result["sops"]["training"]["controller"] > 0
    assert result["connectivity"] < 1
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["sample"] == 240


def test_evaluate_repeats_the_test(finished: tuple[Path, dict[str, Any]]) -> None:
    out, result = finished
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    run = subprocess.run(command("evaluate", out, "--json"), capture_output=True, text=True, timeout=240)
    again = result_of(run)
    for name in ("accuracy", "confusion", "neuron_labels", "sops", "counts", "weights_sha256"):
        assert again[name] == result[name]
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_lava_changes_nothing(tmp_path: Path) -> None:
    settings = build_settings(assignments=SMALL)
    result = train_here(settings, None, tmp_path / "run")
    data = load_dataset("digits")
    engine = train_offline(settings, data, 240)
    assert weights_sha256(engine.weights) == result["weights_sha256"]
    assert accuracy_offline(engine, data, 100, 60) == result["accuracy"]


def test_graph_engine_gives_the_same_result(tmp_path: Path) -> None:
    few = [
        "passes=1", "train_images=6", "label_images=4", "test_images=3", "steps=40", "neurons=8", "seed=5",
        "pictures=false", "pruning.method=aptn", "pruning.threshold=0.02", "pruning.start=3", "pruning.batch=2",
    ]  # fmt: skip
    fused, graph = (
        train_here(build_settings(assignments=[*few, f"engine={engine}"]), None, tmp_path / engine)
        for engine in ("fused", "graph")
    )
    for name in ("accuracy", "confusion", "counts", "weights_sha256", "connectivity"):
        assert graph[name] == fused[name]
    assert fused["counts"]["training"]["exc_spikes"] > 0


def test_killed_at_random_moments_and_resumed(tmp_path: Path, finished: tuple[Path, dict[str, Any]]) -> None:
    """``kill -9`` again and again; what is left in the end is bit-identical to an undisturbed run."""
    _, undisturbed = finished
    out = tmp_path / "run"
    often = ["checkpoint_images=20", "metrics_images=20"]
    sets = [part for setting in (*SMALL, *PRUNED, *often) for part in ("--set", setting)]
    moments, kills = random.Random(7), 0
    checkpoint = out / "checkpoint.npz"
    for kill in (True, True, False):
        seen = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        resume = ["--resume"] if (out / "config.toml").exists() else []
        process = subprocess.Popen(
            command("train", *sets, "--out", out, *resume), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if kill:  # at some moment after it has got a little further than the one before
            while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == seen):
                time.sleep(0.001)
            time.sleep(moments.uniform(0.0, 0.1))
            process.send_signal(signal.SIGKILL)
        process.wait(timeout=240)
        kills += process.returncode == -signal.SIGKILL
    assert process.returncode == 0
    result = json.loads((out / "result.json").read_text())
    assert kills > 0
    for name in ("weights_sha256", "accuracy", "confusion", "counts"):
        assert result[name] == undisturbed[name]
    samples = [json.loads(line)["sample"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert samples == list(range(20, 241, 20))


def _descendants(pid: int) -> list[int]:
    found, todo = [], [pid]
    while todo:
        parent = todo.pop()
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                child = int(status.parent.name)
                found.append(child)
                todo.append(child)
    return found


def test_a_killed_lava_process_ends_the_run_with_exit_1(tmp_path: Path) -> None:
    sets = [part for setting in ("train_images=1500", "passes=500") for part in ("--set", setting)]
    process = subprocess.Popen(
        command("train", *sets, "--out", tmp_path / "run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "metrics.jsonl").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    children = _descendants(process.pid)
    busiest = max(children, key=lambda pid: sum(map(int, Path(f"/proc/{pid}/stat").read_text().split()[13:15])))
    os.kill(busiest, signal.SIGKILL)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "SIGKILL" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


def test_inference_and_training_have_their_own_randomness() -> None:
    """A sample's Poisson spikes differ between phases, else labels would be those of the very spikes learned."""
    settings = build_settings(assignments=SMALL)
    data = load_dataset("digits")
    engine = train_offline(settings, data, 20)
    from lavaprune.processes.control import PHASE_LABEL, PHASE_TEST
    from lavaprune.training.control import inference_rows

    images = data.train_images[:1].copy()
    _, label = engine.run(images, inference_rows(PHASE_LABEL, 0, 1), record=True)
    _, test = engine.run(images, inference_rows(PHASE_TEST, 0, 1), record=True)
    assert label is not None
    assert test is not None
    assert not np.array_equal(label.inputs, test.inputs)
