"""What every test shares: where the data is, how Hypothesis runs, and no windows from Matplotlib."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"  # before anything imports pyplot; subprocesses inherit it

os.environ["LAVAPRUNE_PROFILES"] = os.devnull + "/none"  # no hardware profiles of whoever runs the tests

# No deadline: a test's first example may compile Numba kernels. In CI the examples are the same every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(autouse=True)
def _logging_as_imported() -> None:
    """`main` sends log records to the stderr of its time, which may be closed by now, and to nobody else."""
    logger = logging.getLogger("lavaprune")
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The data root: ``<dir>/MNIST/raw/*.gz`` and so on. Skips where ``LAVAPRUNE_DATA`` is not set."""
    value = os.environ.get("LAVAPRUNE_DATA")
    if not value:
        pytest.skip("LAVAPRUNE_DATA is not set: no data sets here")
    path = Path(value)
    if not path.is_dir():
        pytest.fail(f"LAVAPRUNE_DATA is {value!r}; allowed: an existing folder")
    return path
