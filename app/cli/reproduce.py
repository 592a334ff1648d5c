"""``lavaprune reproduce``: the paper's figures and tables, computed anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lavaprune.cli.options import DataDir, Json
from lavaprune.cli.output import print_json, stdout_kept_clean
from lavaprune.errors import InputError

NAME = "reproduce"


def command(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="fig2 .. fig15, table2 .. table5, or all.")],
    quick: Annotated[bool, typer.Option("--quick", help="A taste in minutes: few, small runs; no claims.")] = False,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder; its finished runs are used.")] = Path(
        "reproduction"
    ),
    data_dir: DataDir = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", metavar="1,2,3", help="Seeds of all runs instead of the grids' own.")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler; by default local processes.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="Local processes; by default one per core.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Reproduce figures and tables of Guo et al. 2020: picture, numbers, and how they compare with the paper's.

    Every run's result is kept in DIR; stopped, the same command goes on where it was.
    """
    with stdout_kept_clean():
        chosen = None if seeds is None else parse_seeds(seeds)
        from lavaprune.reproduce.reproduction import reproduce

        result = reproduce(ids, out, data_dir, quick, chosen, scheduler, workers)
    if as_json:
        print_json(result)
        return
    for name, each in result["results"].items():
        print(f"{name}: {each['title']}", flush=True)
        for line in each["lines"]:
            print(f"  {line}", flush=True)
    print(f"out: {result['out']}", flush=True)


def parse_seeds(text: str) -> list[int]:
    """Seeds from ``1,2,3``: different whole numbers of at least 0.

    Raises
    ------
    InputError
        If it is anything else.
    """
    parts = text.replace(",", " ").split()
    if not parts or not all(part.isdecimal() and part.isascii() for part in parts) or len(set(parts)) != len(parts):
        raise InputError(f"--seeds is {text!r}; allowed: different whole numbers such as 1,2,3")
    return [int(part) for part in parts]
