"""Where a sweep's runs happen: processes of this machine, or a Dask cluster of the user's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from multiprocessing import resource_tracker

import dask
from distributed import Client, LocalCluster
from distributed.comm.core import connect

from lavaprune.errors import InputError

CONNECT_SECONDS = 20
# Deaths of workers that a run survives: it is given out again until so many died while they had it.
ALLOWED_DEATHS = 10
_ONE_THREAD = {
    name: "1" for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
}


@contextlib.contextmanager
def open_client(scheduler: str | None, workers: int | None) -> Iterator[Client]:
    """A client of the scheduler at an address, or of as many local processes as there are cores.

    Nothing of a local cluster is left when the block ends.

    Raises
    ------
    InputError
        Nobody answers at the address.
    """
    with _quiet(), contextlib.ExitStack() as stack:
        if scheduler is None:
            address: LocalCluster | str = stack.enter_context(_local_cluster(workers))
        else:
            _require_answer(scheduler)
            address = scheduler
        client = stack.enter_context(Client(address, timeout=CONNECT_SECONDS, set_as_default=False))
        stack.enter_context(client.as_current())
        yield client


@contextlib.contextmanager
def _local_cluster(workers: int | None) -> Iterator[LocalCluster]:
    settings = {
        "distributed.scheduler.allowed-failures": ALLOWED_DEATHS,
        "distributed.nanny.pre-spawn-environ": _ONE_THREAD,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        with _interrupts_held():
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers or _cores(),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=None,
                    # without a dashboard there is a server for its routes still, which shall take any free port
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    memory_limit=None,
                    host="127.0.0.1",
                    local_directory=folder,
                    silence_logs=logging.CRITICAL,
                )
            )
        yield cluster


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C until the block ends; threads and processes that begin in it never get one.

    A terminal sends it to the workers, too, which would all complain; they are ended by the coordinator.
    """
    resource_tracker.ensure_running()  # when it starts, the first process would get them again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _require_answer(scheduler: str) -> None:
    """Refuse an address before a client is made, since one that fails complains at length."""

    async def ask() -> None:
        comm = await connect(scheduler, timeout=CONNECT_SECONDS)
        await comm.close()

    try:
        asyncio.run(ask())
    except (OSError, ValueError, TypeError, asyncio.TimeoutError) as error:
        reason = str(error) or "no answer"
        raise InputError(
            f"--scheduler {scheduler}: cannot be reached ({reason}); "
            "allowed: the address of a running Dask scheduler, for example tcp://127.0.0.1:8786"
        ) from None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every worker that dies or ends; what matters of it is reported here."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)
