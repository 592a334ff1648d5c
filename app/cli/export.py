"""``lavaprune export``: a run's network for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import DataDir, Json, Run
from lavaprune.cli.output import print_result, stdout_kept_clean
from lavaprune.errors import InputError

NAME = "export"


def command(
    run: Run,
    file_format: Annotated[
        str, typer.Option("--format", metavar="netx|nir", help="lava-dl's HDF5, or a NIR graph.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file.", show_default=False)],
    keep_units: Annotated[
        bool,
        typer.Option("--keep-units", help="Of a deep run: also write units that can be left out without any change."),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write a run's inference network as a file that netx or NIR loads.

    The network of `train` is ported to current-based neurons; that of `deep train` is written spike for
    spike, for netx, without the units that pruning left useless.
    """
    with stdout_kept_clean():
        from lavaprune.deep.run_folder import is_deep_run

        if is_deep_run(run):
            from lavaprune.deep.export import export_deep_run

            result = export_deep_run(run, file_format, out, keep_units)
        elif keep_units:
            raise InputError(f"--keep-units is for a run of lavaprune deep; {run} is none")
        else:
            from lavaprune.port.export import export_run

            result = export_run(run, file_format, out, data_dir)
    print_result(result, as_json)
