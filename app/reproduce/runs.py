"""Rows of the sweep's table, looked up by their settings and brought together over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lavaprune.errors import RunError
from lavaprune.settings import PruningSettings, Settings
from lavaprune.sweeps.identity import config_sha256, describe

identity = lru_cache(maxsize=None)(config_sha256)
"""What tells runs apart: the key of a run among the results of a sweep."""

_PHASES = ("training", "inference")
_PLAIN = "{}_sops_per_image_without_lateral"


@dataclass(frozen=True)
class Point:
    """One configuration over its seeds.

    Attributes
    ----------
    settings : Settings
        Those of the first seed.
    seeds : tuple of int
    values : mapping of str to (seeds,) ndarray of float64
        ``accuracy``, ``connectivity``, ``nonzero`` and ``unpruned`` (the share that still learns) in %; ``loss`` in
        points, against the unpruned network of the same seed; ``training``, ``inference``, ``total``: SOPs per image
        in % of that network's, lateral ones included, and ``training_plain``, ``inference_plain`` without them;
        ``training_saved``, ``inference_saved``: 100 less those; absolute ``training_sops``, ``inference_sops`` per
        image; and the setting ``threshold``.
    rows : tuple of dict
        The table's rows.
    """

    settings: Settings
    seeds: tuple[int, ...]
    values: Mapping[str, npt.NDArray[np.float64]]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def n(self) -> int:
        """Seeds."""
        return len(self.seeds)

    def mean(self, quantity: str) -> float:
        """Mean over the seeds."""
        return float(self.values[quantity].mean())

    def deviation(self, quantity: str) -> float:
        """Standard deviation over the seeds (n - 1); NaN for one seed."""
        return float(self.values[quantity].std(ddof=1)) if self.n > 1 else math.nan


def unpruned(settings: Settings) -> Settings:
    """The same network, seed and images, never pruned: what losses and savings are against."""
    schedule: dict[str, Any] = {}
    if isinstance(settings.train_images, int):  # a quick run: cut the times in proportion
        schedule = {"start": max(1, settings.train_images // 2), "batch": max(1, settings.train_images // 12)}
    return settings.model_copy(update={"pruning": PruningSettings(**schedule)})


def with_unpruned(configurations: Iterable[Settings]) -> list[Settings]:
    """The configurations and the unpruned network of each, every one once, in order."""
    found: dict[str, Settings] = {}
    for settings in configurations:
        for each in (unpruned(settings), settings):
            found.setdefault(identity(each), each)
    return list(found.values())


class Runs:
    """The table of a sweep by configuration.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of `lavaprune.sweeps.run_sweep`.
    """

    def __init__(self, table: pa.Table) -> None:
        self._rows = {row["config_sha256"]: row for row in table.to_pylist()}

    def row(self, settings: Settings) -> Mapping[str, Any]:
        """The row of one run.

        Raises
        ------
        RunError
            If the table does not have it.
        """
        row = self._rows.get(identity(settings))
        if row is None:
            raise RunError(f"results: no run of {describe(settings)}; allowed: a sweep that finished")
        return row

    def point(self, configurations: Sequence[Settings]) -> Point:
        """The runs of one configuration, one for each seed, with the unpruned networks that they are held against."""
        rows = [self.row(settings) for settings in configurations]
        bases = [self.row(unpruned(settings)) for settings in configurations]
        quantities = [_quantities(row, base) for row, base in zip(rows, bases, strict=True)]
        values = {name: np.array([each[name] for each in quantities]) for name in quantities[0]}
        values["threshold"] = np.array([float(each.pruning.threshold) for each in configurations])
        return Point(configurations[0], tuple(s.seed for s in configurations), values, tuple(rows))


def _quantities(row: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, float]:
    training, inference = row["training_sops_per_image"], row["inference_sops_per_image"]
    base_training, base_inference = base["training_sops_per_image"], base["inference_sops_per_image"]
    found = {
        "accuracy": 100 * row["accuracy"],
        "loss": 100 * (base["accuracy"] - row["accuracy"]),
        "connectivity": 100 * row["connectivity"],
        "nonzero": 100 * row["nonzero_weights"],
        "unpruned": 100 * row["plastic_share"],
        "training": _percent(training, base_training),
        "inference": _percent(inference, base_inference),
        "total": _percent(training + inference, base_training + base_inference),
        **{f"{name}_plain": _percent(row[_PLAIN.format(name)], base[_PLAIN.format(name)]) for name in _PHASES},
        "training_sops": training,
        "inference_sops": inference,
    }
    return found | {f"{name}_saved": 100 - found[name] for name in _PHASES}


def _percent(value: float, whole: float) -> float:
    return 100 * value / whole if whole else math.nan
