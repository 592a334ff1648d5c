"""``lavaprune search``: hyper-parameters by Optuna, on training images only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lavaprune.cli.options import DataDir, Json
from lavaprune.cli.output import print_result, stdout_kept_clean

NAME = "search"


def command(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the study; continued if it has one.")],
    trials: Annotated[int, typer.Option("--trials", min=1, metavar="N", help="Trials in all.")],
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="PRESET", help="Where to start; see train.")
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change one setting of the start; may be repeated."),
    ] = None,
    start: Annotated[
        list[Path] | None,
        typer.Option("--start", metavar="STUDY", help="Begin with the five best trials of another study, too."),
    ] = None,
    narrow: Annotated[
        float | None,
        typer.Option("--narrow", min=1.0, metavar="FACTOR", help="Stay near the start (the best of --start)."),
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, metavar="N", help="Seeds of a promising trial.")] = 2,
    train_images: Annotated[
        int | None, typer.Option("--train-images", min=1, metavar="N", help="Training images of a trial; default all.")
    ] = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Search for hyper-parameters. Validation images are the last training images; they are never learned from,
    and test images are never looked at."""
    with stdout_kept_clean():
        from optuna.trial import TrialState

        from lavaprune.configuration import build_settings
        from lavaprune.datasets.loader import load_dataset
        from lavaprune.training.progress import phase_bar
        from lavaprune.training.search import best_values, search

        settings = build_settings(None, preset, assignments or [])
        starts = [values for study in start or [] for values in best_values(study)]
        data = load_dataset(settings.dataset, data_dir)
        with phase_bar("search", trials) as bar:

            def on_trial(study: Any, trial: Any) -> None:
                complete = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
                best = max((each.value or 0 for each in complete), default=None)
                bar.advance(1, None if best is None else f"best validation accuracy {best:.2%}")

            result = search(settings, data, trials, out, train_images, starts, narrow, repeats, on_trial)
    print_result(result, as_json)
