"""``lavaprune bench``: milliseconds per image."""

from __future__ import annotations

from typing import Annotated

import typer

from lavaprune.cli.options import DataDir, Json
from lavaprune.cli.output import print_json, stdout_kept_clean

NAME = "bench"


def command(
    neurons: Annotated[
        list[int] | None, typer.Option("--neurons", min=1, metavar="N", help="Sizes; default 100 400 800 1600.")
    ] = None,
    images: Annotated[int, typer.Option("--images", min=1, help="Images timed on the fused engine.")] = 1024,
    graph_images: Annotated[int, typer.Option("--graph-images", min=0, help="Images timed on the graph engine.")] = 2,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Measure milliseconds per image for both engines and several sizes, training and inference."""
    with stdout_kept_clean():
        from lavaprune.training.bench import SIZES, bench

        result = bench(data_dir, neurons or SIZES, images, graph_images)
    if as_json:
        print_json(result)
