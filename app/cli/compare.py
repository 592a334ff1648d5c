"""``lavaprune compare``: finished runs of both kinds in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_json, stdout_kept_clean
from lavaprune.errors import InputError

NAME = "compare"


def command(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of finished runs.", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.md", help="Write the table as a page of Markdown, too.")
    ] = None,
    hardware: Annotated[
        str | None, typer.Option("--hardware", metavar="PROFILE", help="Hardware profile of the energy.")
    ] = None,
    chip: Annotated[str | None, typer.Option("--chip", metavar="CHIP", help="loihi1 (default) or loihi2.")] = None,
    as_json: Json = False,
) -> None:
    """Put runs of `train` and `deep train` beside each other: accuracy, connectivity, operations, energy, cores.

    Runs that differ in nothing but their seed (or fold) become one row, with the standard error of the mean.
    """
    if out is not None and out.suffix != ".md":
        raise InputError(f"--out is {out}; allowed: a name that ends in .md")
    with stdout_kept_clean():
        from lavaprune.compared_runs import read_compared_runs
        from lavaprune.comparison import comparison_page, comparison_report, comparison_table, group_runs
        from lavaprune.energy.chip import DEFAULT_CHIP
        from lavaprune.energy.profile import DEFAULT_PROFILE
        from lavaprune.energy_report import pricing_of
        from lavaprune.files import write_text

        pricing = pricing_of(hardware or DEFAULT_PROFILE)
        report = comparison_report(group_runs(read_compared_runs(runs, chip or DEFAULT_CHIP)), pricing)
        if out is not None:
            try:
                write_text(out, comparison_page(report))
            except OSError as error:
                raise InputError(f"--out {out}: cannot be written ({error.strerror or error})") from None
    if as_json:
        print_json(report)
    else:
        print(comparison_table(report), flush=True)
