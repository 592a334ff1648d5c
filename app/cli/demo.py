"""``lavaprune demo``: everything once, on the embedded digits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_json, stdout_kept_clean

NAME = "demo"


def command(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for demo.png and energy.txt, which are replaced.")
    ] = Path("lavaprune-demo"),
    as_json: Json = False,
) -> None:
    """Train, prune and evaluate on the embedded digits: energy table and picture included, no download."""
    with stdout_kept_clean():
        from lavaprune.training.demo import demo

        result = demo(out)
    if as_json:
        print_json(result)
    else:
        print(Path(result["table"]).read_text("utf-8"))
        print(f"picture: {result['picture']}", flush=True)
