"""``lavaprune sweep``: many configurations on many cores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import DataDir, Json
from lavaprune.cli.output import print_result, stdout_kept_clean

NAME = "sweep"


def command(
    sweep: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="Presets, seeds and grids.", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of the results; continued if it has some.")
    ],
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler, tcp://HOST:PORT; default: this machine."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=4096, metavar="N", help="Local processes; default all cores.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Run the configurations of SWEEP.toml that have no result in --out yet.

    Runs share the training before their first pruning event. Results are in DIR/results.parquet, a row each.
    """
    with stdout_kept_clean():
        from lavaprune.sweeps.results import RESULTS, load_results
        from lavaprune.sweeps.specification import read_sweep
        from lavaprune.sweeps.sweep import run_sweep

        began = time.perf_counter()
        configurations = read_sweep(sweep)
        before = len(load_results(out))
        table = run_sweep(configurations, out, data_dir, scheduler, workers)
    result = {
        "configurations": len(configurations),
        "run_now": len(table) - before,
        "rows": len(table),
        "results": out / RESULTS,
        "seconds": time.perf_counter() - began,
    }
    print_result(result, as_json)
