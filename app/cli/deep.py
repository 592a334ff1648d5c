"""``lavaprune deep``: deep spiking networks on lava-dl, pruned by SD-SNN."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lavaprune.cli.options import DataDir, Json, Run
from lavaprune.cli.output import print_json, print_result, stdout_kept_clean
from lavaprune.errors import InputError

if TYPE_CHECKING:
    from lavaprune.deep.settings import DeepSettings

NAME = "deep"
app = typer.Typer(help="Deep spiking networks on lava-dl, pruned and regrown by SD-SNN.", rich_markup_mode=None)


@app.command("train")
def train(
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="PRESET", help="digits, mnist, mnist-fc, nmnist, dvsgesture, cifar10 or none."
        ),
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting; may be repeated.")
    ] = None,
    data_dir: DataDir = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="Folder; default runs/deep-<dataset>-<method>-seed<seed>."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out from its checkpoint.")] = False,
    as_json: Json = False,
) -> None:
    """Train a network, prune and regrow it while it learns, and test it."""
    with stdout_kept_clean():
        settings, folder = _prepare(preset, assignments or [], out, resume)
        from lavaprune.deep.training import train_deep

        result = train_deep(settings, data_dir, folder, resume=resume, progress=True)
    print_result(result, as_json)


@app.command("evaluate")
def evaluate(
    run: Run,
    fixed_point: Annotated[
        bool, typer.Option("--fixed-point", help="Also run test images on Lava and compare spike by spike.")
    ] = False,
    images: Annotated[
        int | None,
        typer.Option("--images", min=1, metavar="N", help="First test images that --fixed-point runs; default 20."),
    ] = None,
    sparse: Annotated[
        bool, typer.Option("--sparse", help="With --fixed-point: dense layers as Lava's Sparse; the same spikes.")
    ] = False,
    stock: Annotated[
        bool,
        typer.Option("--stock", help="With --fixed-point: Lava's own models only; the same spikes, far slower."),
    ] = False,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Test the network of a finished run."""
    if images is not None and not fixed_point:
        raise InputError(f"--images is {images} without --fixed-point; allowed: both, since all test images are shown")
    if (sparse or stock) and not fixed_point:
        raise InputError("--sparse and --stock say how Lava runs the network; allowed: with --fixed-point")
    with stdout_kept_clean():
        from lavaprune.deep.run_folder import DeepRunFolder

        DeepRunFolder.open(run)  # says what is wrong before anything slow is imported
        if fixed_point:
            from lavaprune.deep.comparison import evaluate_with_lava
            from lavaprune.deep.fixed_point import LavaChoices

            result = evaluate_with_lava(run, data_dir, images or 20, LavaChoices(sparse, stock), progress=True)
        else:
            from lavaprune.deep.testing import evaluate_deep

            result = evaluate_deep(run, data_dir, progress=True)
    print_result(result, as_json)


@app.command("reproduce")
def reproduce(
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="digits, mnist, mnist-10-steps, ablation or nmnist.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder; its finished runs are used.")] = Path(
        "reproduction"
    ),
    data_dir: DataDir = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="Local processes; by default one per core.")
    ] = None,
    table_only: Annotated[
        bool, typer.Option("--table-only", help="Train nothing; make the table of what is finished.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train the networks of a suite, several seeds or folds each, and write their table.

    Stopped, the same command goes on where it was.
    """
    with stdout_kept_clean():
        from lavaprune.deep.reproduction import reproduce_suite

        result = reproduce_suite(suite, out, data_dir, workers, table_only)
    if as_json:
        print_json(result)
        return
    print(f"{result['suite']}: {result['runs']} runs, {result['missing']} missing", flush=True)
    for row in result["rows"]:
        print(
            f"  {row['variant']}: accuracy {row['accuracy']:.2f} %, connectivity {row['connectivity']:.1f} %, "
            f"{row['sops_per_image'] / 1000:.0f} kSOP/image, {row['runs']} runs",
            flush=True,
        )
    print(f"out: {result['out']}", flush=True)


def _prepare(preset: str | None, assignments: list[str], out: Path | None, resume: bool) -> tuple[DeepSettings, Path]:
    """Settings and folder of the run: a folder that is free, or holds the run to resume."""
    from lavaprune.deep.configuration import build_deep_settings
    from lavaprune.deep.run_folder import DeepRunFolder, default_deep_folder
    from lavaprune.runs import require_vacant

    named = preset is not None or bool(assignments)
    if not resume:
        settings = build_deep_settings(preset, assignments)
        folder = out or default_deep_folder(settings)
        require_vacant(folder)
        return settings, folder
    if out is None and not named:
        raise InputError("--resume needs --out RUN, or the settings of the run whose default folder it is")
    asked = build_deep_settings(preset, assignments) if named else None
    run = DeepRunFolder.open(out or default_deep_folder(asked or build_deep_settings()))
    if asked is not None:
        run.require_settings(asked, "here")
    return run.settings, run.path
