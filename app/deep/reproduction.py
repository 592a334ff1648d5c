"""`lavaprune deep reproduce`: the runs of a suite, each once, and their table."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lavaprune.deep.run_folder import DeepRunFolder
from lavaprune.deep.settings import DeepSettings
from lavaprune.deep.suite_table import RunOutcome, write_suite
from lavaprune.deep.suites import SuiteRun, find_suite
from lavaprune.errors import InputError
from lavaprune.files import writable_folder


def reproduce_suite(
    name: str, out: Path, data_dir: Path | None = None, workers: int | None = None, table_only: bool = False
) -> dict[str, Any]:
    """Make the runs of a suite that `out` does not hold, go on with those begun, and write the table.

    Parameters
    ----------
    name : str
        See `suites.toml`.
    out : Path
        Gets ``<suite>/<variant>-seed<seed>`` for each run, and ``deep-<suite>.md`` and ``.csv``.
    data_dir : Path or None
    workers : int, optional
        Local processes of one thread each; by default one per core.
    table_only : bool
        Make the table of the runs that are finished, and train nothing.

    Returns
    -------
    dict
        ``suite``, ``out``, ``runs`` (finished ones), ``missing``, and ``rows``, the table; null where a number needs
        more runs.

    Raises
    ------
    InputError
        Unknown suite, data or folder are wrong, a folder holds a run of other settings, no run is finished.
    """
    suite = find_suite(name)
    runs = suite.runs()
    folder = out / name
    try:
        with writable_folder(folder):
            pass
    except OSError as error:
        raise InputError(f"output folder {folder}: cannot be written ({error.strerror or error})") from None
    results = [_result(folder / run.name, run.settings) for run in runs]
    todo = [run for run, result in zip(runs, results, strict=True) if result is None]
    if todo and not table_only:
        _train(todo, folder, data_dir, workers)
        results = [_result(folder / run.name, run.settings) for run in runs]
    outcomes = [
        RunOutcome.of(run, result, folder / run.name)
        for run, result in zip(runs, results, strict=True)
        if result is not None
    ]
    if not outcomes:
        raise InputError(f"{folder}: holds no finished run of suite {name!r}; allowed: one at least")
    rows = write_suite(name, suite, outcomes, out)
    return {
        "suite": name,
        "out": str(out),
        "runs": len(outcomes),
        "missing": len(runs) - len(outcomes),
        "rows": [{name: _finite(value) for name, value in row.items()} for row in rows],
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN: the error of one run, or the loss without a partner, is null."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _result(path: Path, settings: DeepSettings) -> dict[str, Any] | None:
    """What a folder's run came to, None if it is not finished; the run must be the one that is wanted."""
    if not path.exists():
        return None
    run = DeepRunFolder.open(path)
    run.require_settings(settings, "in the suite")
    return run.read_result()


def _train(runs: list[SuiteRun], folder: Path, data_dir: Path | None, workers: int | None) -> None:
    """Train in processes of one thread each; the first failure ends all, and what is finished stays."""
    from distributed import as_completed

    from lavaprune.sweeps.cluster import open_client
    from lavaprune.training.progress import phase_bar

    with open_client(None, workers) as client, phase_bar("runs", len(runs), 0, True) as bar:
        futures = [
            client.submit(
                _train_one,
                run.settings.to_dict(),
                str(data_dir) if data_dir else None,
                str(folder / run.name),
                pure=False,
                priority=-number,
            )
            for number, run in enumerate(runs)
        ]
        for future in as_completed(futures):
            future.result()
            bar.advance(1)


def _train_one(values: dict[str, Any], data_dir: str | None, path: str) -> None:
    """One run in a process of its own; a begun one goes on."""
    import torch

    from lavaprune.deep.configuration import validate_deep
    from lavaprune.deep.training import train_deep

    torch.set_num_threads(1)
    out = Path(path)
    train_deep(validate_deep(values), Path(data_dir) if data_dir else None, out, resume=out.exists())
