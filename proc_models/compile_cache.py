"""Numba's cache on disk, valid only for exactly these sources.

Numba looks at the date of the file that holds the outermost function alone, so a change in a function that was compiled
into it would go unnoticed. Here the stamp is a digest of every module that the kernels are made of.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

KERNEL_SOURCES = (
    "counter_random.py",
    "fixed_point.py",
    "floating_equations.py",
    "fused_depression.py",
    "fused_encoder.py",
    "fused_followed.py",
    "fused_inhibitory.py",
    "fused_kernel.py",
    "fused_layout.py",
    "fused_neurons.py",
    "fused_plasticity.py",
    "fused_randomness.py",
    "fused_watch.py",
    "stock_arithmetic.py",
    "stock_kernel.py",
)


def sources_digest() -> str:
    """SHA-256 of the kernels' sources, in hexadecimal."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for name in (*KERNEL_SOURCES, "../processes/control.py"):
        path = folder / name
        digest.update(path.read_bytes() if path.exists() else b"")
    return digest.hexdigest()


def cached_by_sources(dispatcher: Any) -> Any:
    """Stamp the dispatcher's cache with `sources_digest`; a plain function (JIT off) is returned as it is."""
    cache_file = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if cache_file is not None:
        cache_file._source_stamp = sources_digest()
    return dispatcher
