"""Whether lava-dl is there."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Iterator

from lavaprune.errors import InputError


def require_lava_dl() -> None:
    """Raise InputError, which says how to install it, where torch or lava-dl is missing."""
    for name in ("torch", "lava.lib.dl.slayer"):
        try:
            found = importlib.util.find_spec(name) is not None
        except ModuleNotFoundError:  # a parent package is missing
            found = False
        if not found:
            raise InputError(
                "lavaprune deep: lava-dl is not installed; allowed: an environment with the extra dl (make setup-dl)"
            )


@contextlib.contextmanager
def quiet_import() -> Iterator[None]:
    """Import lava-dl inside the block without what it prints about toolboxes and CUDA that are not there."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
