"""What goes where: the result to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any


@contextlib.contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Send whatever the block writes to stdout to stderr, child processes and libraries in C included."""
    sys.stdout.flush()
    saved = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def print_json(result: Mapping[str, Any]) -> None:
    """Print one JSON object to stdout; NumPy scalars and arrays become numbers and lists, NaN is an error."""
    print(json.dumps(result, default=_plain, allow_nan=False), flush=True)


def print_result(result: Mapping[str, Any], as_json: bool) -> None:
    """Print a result as one JSON object, or as lines of ``name: value`` for people."""
    if as_json:
        print_json(result)
    else:
        for name, value in _flatten("", result):
            print(f"{name}: {value}", flush=True)


def _flatten(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(f"{prefix}{name}.", value)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(row, Mapping) for row in value):
            for row in value:
                yield f"{prefix}{name}", ", ".join(f"{key} {text}" for key, text in _flatten("", row))
        elif isinstance(value, (list, tuple)) and value and all(isinstance(line, str) for line in value):
            for line in value:
                yield f"{prefix}{name}", line
        else:
            yield f"{prefix}{name}", f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"result holds a {type(value).__name__}; allowed: JSON values")
