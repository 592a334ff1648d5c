"""``lavaprune energy``: counts times cited energies per event."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_json, stdout_kept_clean
from lavaprune.errors import InputError

NAME = "energy"


def command(
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="Folder of a finished run.")] = None,
    counts: Annotated[
        Path | None, typer.Option("--counts", metavar="FILE.json", help="Counts of events instead.")
    ] = None,
    hardware: Annotated[
        str | None,
        typer.Option("--hardware", metavar="PROFILE", help="Hardware profile: a name or a .toml file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Price a run's events in pJ by component, for training and inference, with the range over profiles."""
    if (run is None) == (counts is None):
        raise InputError("energy needs one of RUN and --counts FILE.json; allowed: exactly one")
    with stdout_kept_clean():
        from lavaprune.energy.profile import DEFAULT_PROFILE
        from lavaprune.energy_report import energy_report, energy_text, events_of_file, events_of_run

        profile = hardware or DEFAULT_PROFILE
        phases = events_of_run(run) if run is not None else events_of_file(counts or Path())
        report = energy_report(phases, profile)
        text = energy_text(phases, profile)
    if as_json:
        print_json(report)
    else:
        print(text, flush=True)
