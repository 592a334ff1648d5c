"""``lavaprune train``: one run from settings to result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lavaprune.cli.options import DataDir, Json
from lavaprune.cli.output import print_result, stdout_kept_clean
from lavaprune.errors import InputError

if TYPE_CHECKING:
    from lavaprune.settings import Settings

NAME = "train"


def command(
    config: Annotated[Path | None, typer.Argument(metavar="CONFIG.toml", help="File with settings.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="PRESET",
            help="mnist-100, mnist-800, fashion-100, fashion-800, digits or none.",
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; may be repeated."),
    ] = None,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="Folder of the run; default runs/<dataset>-<neurons>-seed<seed>."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out from its checkpoint.")] = False,
    as_json: Json = False,
) -> None:
    """Train, prune, label and test one network.

    Settings come from the defaults, then the preset, then CONFIG.toml, then --set.
    """
    with stdout_kept_clean():
        settings, folder = _prepare(config, preset, assignments or [], out, resume)
        from lavaprune.training.run import train

        result = train(settings, data_dir, folder, resume=resume, progress=True)
    print_result(result, as_json)


def _prepare(
    config: Path | None, preset: str | None, assignments: list[str], out: Path | None, resume: bool
) -> tuple[Settings, Path]:
    """Return settings and folder of the run: a folder that is free, or holds the run to resume."""
    from lavaprune.configuration import build_settings, first_difference
    from lavaprune.runs import RunFolder, default_folder, require_vacant

    named = config is not None or preset is not None or bool(assignments)
    if not resume:
        settings = build_settings(config, preset, assignments)
        folder = out or default_folder(settings)
        require_vacant(folder)
        return settings, folder
    if out is None and not named:
        raise InputError("--resume needs --out RUN, or the settings of the run whose default folder it is")
    asked = build_settings(config, preset, assignments) if named else None
    run = RunFolder.open(out or default_folder(asked or build_settings()))
    difference = first_difference(run.settings, asked) if asked else None
    if difference:
        name, old, new = difference
        raise InputError(
            f"run folder {run.path}: setting {name!r} is {old!r} there and {new!r} here; allowed: the same"
        )
    return run.settings, run.path
