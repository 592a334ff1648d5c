"""All figures and tables by their ids, and how they are made: one sweep for all that is asked for, then the drawing."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from lavaprune.errors import InputError
from lavaprune.files import writable_folder
from lavaprune.reproduce import (
    adaptation,
    choices,
    dynamics,
    functions,
    maps,
    method_tables,
    methods,
    operations,
    overhead_tables,
    prior_work,
    runtime,
)
from lavaprune.reproduce.compare import Comparison
from lavaprune.reproduce.experiment import Context, Experiment
from lavaprune.reproduce.grids import Grids
from lavaprune.reproduce.outcome import comparison_rows, write_index, write_outcome
from lavaprune.reproduce.runs import Runs, with_unpruned
from lavaprune.sweeps.sweep import run_sweep

ALL = "all"
_LOG = logging.getLogger("lavaprune.reproduce")
_MODULES = (
    adaptation,
    choices,
    dynamics,
    functions,
    maps,
    method_tables,
    methods,
    operations,
    overhead_tables,
    prior_work,
    runtime,
)
_IDS = (*(f"fig{number}" for number in range(2, 16)), *(f"table{number}" for number in range(2, 6)))
_MADE = {name: experiment for module in _MODULES for name, experiment in module.EXPERIMENTS.items()}
EXPERIMENTS: dict[str, Experiment] = {name: _MADE[name] for name in _IDS}


def wanted_ids(ids: Sequence[str]) -> list[str]:
    """The ids asked for, each once, in the paper's order; ``all`` is every one.

    Raises
    ------
    InputError
        For an unknown id.
    """
    for name in ids:
        if name != ALL and name not in EXPERIMENTS:
            raise InputError(f"reproduce: id is {name!r}; allowed: {' '.join(EXPERIMENTS)} {ALL}")
    return [name for name in EXPERIMENTS if ALL in ids or name in ids]


def reproduce(
    ids: Sequence[str],
    out: Path,
    data_dir: Path | None = None,
    quick: bool = False,
    seeds: Sequence[int] | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    grids: Grids | None = None,
) -> dict[str, Any]:
    """Make figures and tables: pictures, CSVs, texts, and an index over the folder.

    Parameters
    ----------
    ids : sequence of str
        ``fig2`` .. ``fig15``, ``table2`` .. ``table5``, or ``all``.
    out : Path
        Its ``results.parquet`` holds every run that was ever made there; none is made twice.
    data_dir : Path, optional
        See `lavaprune.datasets.loader.load_dataset`.
    quick : bool
        A taste in minutes; its numbers claim nothing.
    seeds : sequence of int, optional
        Instead of the grids'.
    scheduler, workers
        See `lavaprune.sweeps.sweep.run_sweep`.
    grids : Grids, optional
        Others than the package's; `quick` and `seeds` are then theirs.

    Returns
    -------
    dict
        ``out``, ``quick``, ``runs`` (number of runs used), and by id ``title``, ``agree``, ``differ``,
        ``not_compared`` and the ``lines``.

    Raises
    ------
    InputError
        Unknown ids or seeds, a folder that cannot be written, data that are missing.
    RunError
        A run failed.
    """
    names = wanted_ids(ids)
    if not names:
        raise InputError(f"reproduce: no id is given; allowed: {' '.join(EXPERIMENTS)} {ALL}")
    grids = grids or Grids(seeds=seeds, quick=quick)
    try:
        with writable_folder(out):
            pass
    except OSError as error:
        raise InputError(f"output folder {out}: cannot be written ({error.strerror or error})") from None
    configurations = with_unpruned(each for name in names for each in EXPERIMENTS[name].configurations(grids))
    table = run_sweep(configurations, out, data_dir, scheduler, workers) if configurations else pa.table({})
    runs = Runs(table)
    context = Context(grids, out, data_dir)
    result: dict[str, Any] = {"out": str(out), "quick": grids.quick, "runs": len(configurations), "results": {}}
    rows: list[dict[str, Any]] = []
    for name in names:
        _LOG.info("drawing %s", name)
        experiment = EXPERIMENTS[name]
        outcome = experiment.draw(context, runs)
        if grids.quick and experiment.measured:
            outcome.comparisons = [_without_claim(each) for each in outcome.comparisons]
        write_outcome(out, name, outcome, grids.quick)
        rows += comparison_rows(name, outcome.comparisons)
        result["results"][name] = {"title": outcome.title, **_counts(outcome.comparisons)}
        result["results"][name]["lines"] = [each.line() for each in outcome.comparisons]
    write_index(out, grids.quick, {name: each.title for name, each in EXPERIMENTS.items()}, rows)
    return result


def _without_claim(comparison: Comparison) -> Comparison:
    return dataclasses.replace(comparison, verdict="not compared: quick run")


def _counts(comparisons: Sequence[Comparison]) -> dict[str, int]:
    verdicts = [each.agrees for each in comparisons]
    return {
        "agree": verdicts.count(True),
        "differ": verdicts.count(False),
        "not_compared": verdicts.count(None),
    }
