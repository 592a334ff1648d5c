"""``lavaprune bench``: milliseconds per image."""

from __future__ import annotations

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_result, stdout_kept_clean

NAME = "bench"


def command(as_json: Json = False) -> None:
    """Measure milliseconds per image for both engines and several sizes, training and inference."""
    with stdout_kept_clean():
        from lavaprune.training.bench import bench

        result = bench()
    print_result(result, as_json)
