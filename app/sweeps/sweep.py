"""Many configurations on many cores; what is finished is kept and never run again."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from distributed import CancelledError, Client, Future, TimeoutError, wait

from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import DATA_DIR_VARIABLE, load_dataset
from lavaprune.errors import InputError, LavapruneError, RunError
from lavaprune.settings import Settings
from lavaprune.sweeps.cluster import open_client
from lavaprune.sweeps.identity import config_sha256, describe
from lavaprune.sweeps.plan import Task, plan
from lavaprune.sweeps.prefixes import FOLDER, trained_prefix
from lavaprune.sweeps.progress import sweep_bar
from lavaprune.sweeps.results import ResultsFile, load_results, open_results, remove_leftovers
from lavaprune.sweeps.rows import KEY
from lavaprune.sweeps.single_run import row_of_split
from lavaprune.training.presentation import image_counts

_LOG = logging.getLogger("lavaprune.sweeps")
_LOOK_SECONDS = 5.0  # between two looks at how many workers there are


def run_sweep(
    configurations: Sequence[Settings],
    out: Path,
    data_dir: Path | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> pa.Table:
    """Run the configurations that have no result yet.

    Parameters
    ----------
    configurations : sequence of Settings
        The same run may occur more than once; it is run once.
    out : Path
        Folder of ``results.parquet`` and of shared beginnings of runs (``prefixes/``). Workers of another machine
        need it, and the data, under the same path.
    data_dir : Path, optional
        See `lavaprune.datasets.loader.load_dataset`.
    scheduler : str, optional
        Address of a Dask scheduler; by default processes of this machine.
    workers : int, optional
        Local processes, one thread each; by default as many as there are cores.
    progress : bool
        Show a bar on stderr where that is a terminal, else write a line a minute.

    Returns
    -------
    pyarrow.Table
        All results in the folder; see `lavaprune.sweeps.results.rows_for`.

    Raises
    ------
    InputError
        A configuration does not fit the data, the folder or its results cannot be used, nobody answers at the
        scheduler's address.
    RunError
        At least one run failed; each is reported as a line, and the others are in the results.
    """
    folder = data_dir or (Path(os.environ[DATA_DIR_VARIABLE]) if os.environ.get(DATA_DIR_VARIABLE) else None)
    place = None if folder is None else str(folder.absolute())
    out = out.absolute()
    wanted: dict[str, tuple[str, Settings, Dataset, str]] = {}
    for settings in configurations:
        data, data_sha256 = _data(settings.dataset, place, settings.validation_images)
        image_counts(settings, data)
        wanted.setdefault(key := config_sha256(settings), (key, settings, data, data_sha256))
    table = load_results(out)
    if not _unfinished(wanted, table, out):
        return table
    with open_results(out) as results:
        missing = _unfinished(wanted, results.table, out)
        if missing:
            remove_leftovers(out / FOLDER)
            ready, tasks = plan(missing, out)
            with open_client(scheduler, workers) as client, sweep_bar(
                len(missing), sum(task.work for task in tasks), progress
            ) as bar:
                failures = _Coordinator(client, results, out, place, bar).run(ready)
            if failures:
                raise RunError(f"sweep {out}: {len(failures)} of {len(missing)} runs failed; the first: {failures[0]}")
        return results.table


def _unfinished(
    wanted: dict[str, tuple[str, Settings, Dataset, str]], table: pa.Table, out: Path
) -> list[tuple[str, Settings, Dataset, str]]:
    """What has no row; a row from other data is an error."""
    there = dict(zip(table[KEY].to_pylist(), table["data_sha256"].to_pylist(), strict=True))
    for key, settings, _, data_sha256 in wanted.values():
        if there.get(key, data_sha256) != data_sha256:
            raise InputError(
                f"results folder {out}: data of {describe(settings)} have sha256 {there[key][:16]}... there and "
                f"{data_sha256[:16]}... here; allowed: the same, or another folder"
            )
    return [task for key, task in wanted.items() if key not in there]


class _Coordinator:
    """Gives tasks to workers, as many at a time as those can take, and keeps the rows that come back.

    What is to be done next is decided here and not by Dask, so that a worker's death concerns the task it had alone,
    and workers that join later find something to do.
    """

    def __init__(self, client: Client, results: ResultsFile, out: Path, data_dir: str | None, bar: Any) -> None:
        self._client, self._results, self._out, self._data_dir, self._bar = client, results, out, data_dir, bar
        self._order = itertools.count()
        self._queue: list[tuple[bool, float, int, Task]] = []
        self._running: dict[Future, Task] = {}
        self._failures: list[str] = []

    def run(self, ready: Sequence[Task]) -> list[str]:
        """Run all tasks; return a line for each run that failed."""
        self._add(ready)
        try:
            while self._queue or self._running:
                self._submit()
                self._collect()
        except BaseException:
            self._client.cancel(list(self._running), force=True)
            raise
        return self._failures

    def _add(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            is_prefix, work = task.urgency
            heapq.heappush(self._queue, (not is_prefix, -work, next(self._order), task))

    def _submit(self) -> None:
        places = max(1, sum(self._client.nthreads().values()))
        while self._queue and len(self._running) < places:
            *_, task = heapq.heappop(self._queue)
            future = self._client.submit(
                run_task, task.settings, task.key, task.lengths, self._data_dir, task.data_sha256, str(self._out),
                pure=False,
            )  # fmt: skip
            self._running[future] = task

    def _collect(self) -> None:
        try:
            done = wait(list(self._running), timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            return
        except CancelledError:
            raise RunError(f"sweep {self._out}: the Dask scheduler has gone; what is finished is kept") from None
        rows = []
        for future in done:
            task = self._running.pop(future)
            if future.status == "finished":
                row = future.result()
                rows += [] if row is None else [row]
                self._bar.advance(task.work, int(row is not None))
                self._add(task.next)
            else:
                self._fail(task, future)
        if rows:
            self._results.append(rows)

    def _fail(self, task: Task, future: Future) -> None:
        error = future.exception() if future.status == "error" else None
        known = isinstance(error, LavapruneError)
        reason = f"{error}" if known else f"{type(error).__name__}: {error}" if error else future.status
        for run in task.runs():
            line = " ".join(f"{describe(run.settings)}: {reason}".split())
            _LOG.error("sweep: run failed: %s", line)
            self._failures.append(line)
            self._bar.advance(run.work, 1)


def run_task(
    settings: Settings,
    key: str | None,
    lengths: tuple[int, ...],
    data_dir: str | None,
    data_sha256: str,
    out: str,
) -> dict[str, Any] | None:
    """What a worker does: make a prefix (``key`` is None), or run a configuration and return its row."""
    logging.getLogger("lavaprune").setLevel(logging.ERROR)  # a sweep prunes everything here and there
    data, found = _data(settings.dataset, data_dir, settings.validation_images)
    if found != data_sha256:
        raise InputError(
            f"data of {settings.dataset} on the worker have sha256 {found[:16]}... and the coordinator's "
            f"{data_sha256[:16]}...; allowed: the same"
        )
    if key is None:
        trained_prefix(settings, data, Path(out), lengths, data_sha256)
        return None
    return row_of_split(settings, data, Path(out), data_sha256)


@lru_cache(maxsize=8)
def _data(dataset: str, data_dir: str | None, validation_images: int) -> tuple[Dataset, str]:
    """A data set without its validation images, and its SHA-256; loaded once in a process."""
    data = _whole(dataset, data_dir).hold_out(validation_images)
    return data, data.sha256()


@lru_cache(maxsize=4)
def _whole(dataset: str, data_dir: str | None) -> Dataset:
    return load_dataset(dataset, data_dir)
