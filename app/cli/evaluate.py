"""``lavaprune evaluate``: accuracy of a trained network."""

from __future__ import annotations

from lavaprune.cli.options import DataDir, Json, Run
from lavaprune.cli.output import print_result, stdout_kept_clean

NAME = "evaluate"


def command(run: Run, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Label the neurons of a trained network and test it."""
    with stdout_kept_clean():
        from lavaprune.runs import RunFolder

        RunFolder.open(run)  # says what is wrong before anything slow is imported
        from lavaprune.training.run import evaluate

        result = evaluate(run, data_dir)
    print_result(result, as_json)
