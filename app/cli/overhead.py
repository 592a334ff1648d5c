"""``lavaprune overhead``: what pruning itself costs, for any network, batch and number of groups."""

from __future__ import annotations

from typing import Annotated

import typer

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_json, stdout_kept_clean

NAME = "overhead"


def command(
    inputs: Annotated[int, typer.Option("--inputs", metavar="I")] = 784,
    neurons: Annotated[int, typer.Option("--neurons", metavar="N")] = 100,
    groups: Annotated[int, typer.Option("--groups", metavar="G", help="Neuron groups; 0: one threshold for all.")] = 20,
    batch: Annotated[int, typer.Option("--batch", metavar="B", help="Images from one event to the next.")] = 5_000,
    start: Annotated[int, typer.Option("--start", metavar="S", help="Images before the first event.")] = 30_000,
    images: Annotated[int, typer.Option("--images", metavar="M", help="Training images in all.")] = 60_000,
    as_json: Json = False,
) -> None:
    """Cycles, operations, energy and gates of the pruning controller (Tables 4 and 5 of the paper) by formula."""
    with stdout_kept_clean():
        from lavaprune.overhead_report import overhead_of, overhead_report, overhead_text, schedule_of

        overhead = overhead_of(inputs, neurons, groups, schedule_of(start, batch, images))
        report, text = overhead_report(overhead), overhead_text(overhead)
    if as_json:
        print_json(report)
    else:
        print(text, flush=True)
