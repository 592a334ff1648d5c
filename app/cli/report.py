"""``lavaprune report``: a finished run as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import Json, Run
from lavaprune.cli.output import print_result, stdout_kept_clean

NAME = "report"


def command(
    run: Run,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The page; default report.html in the run's folder."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write a run's weights, history, errors, costs and settings as one self-contained HTML page."""
    with stdout_kept_clean():
        from lavaprune.report.page import write_report

        result = write_report(run, out)
    print_result(result, as_json)
