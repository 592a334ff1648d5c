"""``lavaprune energy``: counts times cited energies per event."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lavaprune.cli.options import DataDir, Json
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
        typer.Option(
            "--hardware",
            metavar="PROFILE",
            help="Hardware profile: a name (of lavaprune, or of a file in $LAVAPRUNE_PROFILES) or a .toml file.",
        ),
    ] = None,
    unpruned: Annotated[
        Path | None,
        typer.Option("--unpruned", metavar="RUN", help="The same network without pruning, to compare with."),
    ] = None,
    overhead: Annotated[
        bool, typer.Option("--overhead", help="Add what the pruning controller costs in cycles and gates.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE.png", help="Draw the energy by component.")
    ] = None,
    update_factor: Annotated[
        float,
        typer.Option(
            "--update-factor", metavar="X", help="What a weight update costs, in published (pairwise) ones: assumed."
        ),
    ] = 1.0,
    static_power: Annotated[
        bool, typer.Option("--static-power", help="Add static power over time; off by default.")
    ] = False,
    step_time_us: Annotated[
        float | None,
        typer.Option(
            "--step-time-us",
            metavar="US",
            help="Time of a step for static power (implies it); default from published latencies.",
        ),
    ] = None,
    effective: Annotated[
        bool, typer.Option("--effective", help="Show the test images again for NeuroBench's effective ACs.")
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Price a run's events in pJ by component, for training and inference, with the range over the chip's profiles.

    A run of `deep train` is priced in inference only: it learns on the host.
    """
    if (run is None) == (counts is None):
        raise InputError("energy needs one of RUN and --counts FILE.json; allowed: exactly one")
    if counts is not None and (overhead or effective or unpruned is not None):
        raise InputError(
            "energy --counts with an option of runs; allowed: --unpruned, --overhead, --effective with RUN"
        )
    with stdout_kept_clean():
        from lavaprune.energy.profile import DEFAULT_PROFILE
        from lavaprune.energy_report import energy_report, energy_text, events_of_file, pricing_of

        pricing = pricing_of(
            hardware or DEFAULT_PROFILE,
            update_factor=update_factor,
            static_power=static_power,
            step_time_us=step_time_us,
        )
        report: dict[str, Any]
        if run is None:
            phases, is_flat = events_of_file(counts or Path())
            report, text = energy_report(phases, pricing), energy_text(phases, pricing)
            if is_flat:
                ((_, estimate),) = report["phases"].items()
                report = {key: estimate[key] for key in ("total_pj", "components_pj", "unpriced_events")} | report
        else:
            from lavaprune.run_energy import price_run

            priced = price_run(
                run, unpruned=unpruned, overhead=overhead, effective=effective, data_dir=data_dir
            )
            phases = priced.phases
            report = energy_report(phases, pricing) | priced.beside
            text = "\n".join([energy_text(phases, pricing), *priced.lines])
        if picture is not None:
            from lavaprune.plots.energy_bars import write_energy_picture

            write_energy_picture(picture, phases, pricing)
            report["picture"] = str(picture)
    if as_json:
        print_json(report)
    else:
        print(text, flush=True)

