"""``lavaprune demo``: everything once, on the embedded digits."""

from __future__ import annotations

from lavaprune.cli.options import Json
from lavaprune.cli.output import print_result, stdout_kept_clean

NAME = "demo"


def command(as_json: Json = False) -> None:
    """Train, prune and evaluate on the embedded digits: energy table and picture included, no download."""
    with stdout_kept_clean():
        from lavaprune.training.demo import demo

        result = demo()
    print_result(result, as_json)
