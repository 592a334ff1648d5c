"""Whether lava-dl is there."""

from __future__ import annotations

import importlib.util

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
