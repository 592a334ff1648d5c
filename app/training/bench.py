"""Milliseconds per image: both engines, several sizes, training and inference, and Lava's share of it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lavaprune.configuration import build_settings
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import PHASE_TEST
from lavaprune.runtime.session import EngineSession
from lavaprune.runtime.supervisor import supervise
from lavaprune.settings import Settings
from lavaprune.training.control import inference_rows, training_rows
from lavaprune.training.engines import open_session

SIZES = (100, 400, 800, 1600)
WARM_UP_IMAGES = 200  # learned before the clock starts, so that firing is as in a run
IMAGE_SIDE = 28


def bench(
    data_dir: Path | None = None, sizes: Sequence[int] = SIZES, images: int = 1024, graph_images: int = 2
) -> dict[str, Any]:
    """Measure both engines on this machine as it is; every figure is wall time of one thread, the best of four parts.

    Parameters
    ----------
    data_dir : Path, optional
        Root of the data sets for MNIST; without one, the embedded digits enlarged to 28 x 28.
    sizes : sequence of int
        Excitatory neurons; settings are those of preset mnist-100 below 400 neurons, else of mnist-800.
    images : int
        Images timed on the fused engine.
    graph_images : int
        Images timed on the graph engine, which is about a thousand times slower; 0 leaves it out.

    Returns
    -------
    dict
        ``rows`` (engine, neurons, phase, ms_per_image, kernel_ms_per_image, lava_share), ``machine``, ``images``.
    """
    data = load_dataset("mnist", data_dir) if data_dir is not None else enlarged_digits()
    rows: list[dict[str, Any]] = []
    for n_neurons in sizes:
        preset = "mnist-100" if n_neurons < 400 else "mnist-800"
        settings = build_settings(preset=preset, assignments=[f"neurons={n_neurons}", "samples_per_step=64"])
        rows += supervise(_measure, settings, data, images, graph_images)
    result = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "images": images, "rows": rows}
    _show(rows)
    return result


def enlarged_digits() -> Dataset:
    """The embedded digits at 28 x 28: each pixel three times three, with a border."""
    small = load_dataset("digits")

    def enlarge(images: np.ndarray) -> np.ndarray:
        big = np.zeros((len(images), IMAGE_SIDE, IMAGE_SIDE), np.uint8)
        big[:, 2:26, 2:26] = np.kron(images.reshape(-1, 8, 8), np.ones((1, 3, 3), np.uint8))
        return big.reshape(len(images), -1)

    return Dataset(
        "digits",
        enlarge(small.train_images),
        small.train_labels.copy(),
        enlarge(small.test_images),
        small.test_labels.copy(),
        (IMAGE_SIDE, IMAGE_SIDE),
        small.n_classes,
    )


def _measure(settings: Settings, data: Dataset, images: int, graph_images: int) -> list[dict[str, Any]]:
    """Rows of one size; runs in a supervised process."""
    parameters = settings.network_parameters(data.n_inputs)
    engine = FusedEngine(parameters, initial_state(parameters))
    total = WARM_UP_IMAGES + images
    engine.run(_images(data, 0, WARM_UP_IMAGES), training_rows(settings, 0, WARM_UP_IMAGES, total))
    start = engine.state()
    shown = _images(data, WARM_UP_IMAGES, images)
    controls = {
        "training": training_rows(settings, WARM_UP_IMAGES, images, total),
        "inference": inference_rows(PHASE_TEST, 0, images),
    }
    rows = []
    for phase, control in controls.items():
        kernel_ms = _time_kernel(FusedEngine(parameters, start), shown, control, settings.samples_per_step)
        for name, n_timed in (("fused", images), ("graph", graph_images)):
            if n_timed == 0:
                continue
            chosen = settings.model_copy(update={"engine": name})
            with open_session(chosen, parameters, start) as session:
                ms = _time_session(session, shown[:n_timed], control[:n_timed])
            rows.append(
                {
                    "engine": name,
                    "neurons": settings.neurons,
                    "phase": phase,
                    "ms_per_image": ms,
                    "kernel_ms_per_image": kernel_ms,
                    "lava_share": max(0.0, 1.0 - kernel_ms / ms),
                }
            )
    return rows


def _time_kernel(engine: FusedEngine, images: np.ndarray, control: np.ndarray, size: int) -> float:
    """Milliseconds per image of the kernels alone, in chunks as on Lava."""

    def run(part: slice) -> None:
        for first in range(part.start, part.stop, size):
            rows = slice(first, min(first + size, part.stop))
            engine.run(images[rows], control[rows])

    return _best_ms_per_image(run, len(images))


def _time_session(session: EngineSession, images: np.ndarray, control: np.ndarray) -> float:
    """Milliseconds per image through Lava, compilation and start-up left out."""

    def run(part: slice) -> None:
        for _ in session.present(images[part], control[part]):
            pass

    for _ in session.present(images[:1], inference_rows(PHASE_TEST, len(images), 1)):
        pass
    return _best_ms_per_image(run, len(images))


def _best_ms_per_image(run: Callable[[slice], None], images: int) -> float:
    """The best of up to four parts of the images: other work on the machine can only add to a time."""
    part = -(-images // 4)
    times = []
    for first in range(0, images, part):
        last = min(first + part, images)
        began = time.perf_counter()
        run(slice(first, last))
        times.append((time.perf_counter() - began) / (last - first))
    return min(times) * 1e3


def _images(data: Dataset, first: int, count: int) -> np.ndarray:
    index = np.arange(first, first + count) % len(data.train_images)
    return np.ascontiguousarray(data.train_images[index])


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table(title="milliseconds per image, one thread")
    for title in ("engine", "neurons", "phase", "ms / image", "fused kernel alone", "the rest is Lava"):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(
            row["engine"],
            str(row["neurons"]),
            row["phase"],
            f"{row['ms_per_image']:.3f}",
            f"{row['kernel_ms_per_image']:.3f}",
            f"{row['lava_share']:.1%}",
        )
    Console(stderr=True).print(table)
