"""Progress of a sweep: runs, and the time left by the work that is left."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_LOG = logging.getLogger("lavaprune.sweeps")
_SECONDS_BETWEEN_LINES = 60.0
_WHOLE_SWEEP = 10.0**9  # seconds over which the speed is averaged


class SweepBar:
    """Counts finished tasks and runs: a bar on a terminal, a line a minute elsewhere."""

    def __init__(self, progress: Progress | None, runs: int, work: float, log: bool) -> None:
        self._progress, self._runs, self._work, self._log = progress, runs, work, log
        self._done_runs, self._done_work = 0, 0.0
        self._began = self._last_line = time.monotonic()
        if progress is not None:
            self._task = progress.add_task("sweep", total=work, runs=self._note())

    def advance(self, work: float, runs: int = 0) -> None:
        """Count a task's work, and whether a run ended with it."""
        self._done_work += work
        self._done_runs += runs
        if self._progress is not None:
            self._progress.update(self._task, advance=work, runs=self._note())
        elif self._log and runs:
            self._line()

    def _note(self) -> str:
        return f"{self._done_runs}/{self._runs} runs"

    def _line(self) -> None:
        now = time.monotonic()
        if now - self._last_line < _SECONDS_BETWEEN_LINES and self._done_runs < self._runs:
            return
        self._last_line = now
        left = (now - self._began) * (self._work - self._done_work) / max(self._done_work, 1e-9)
        _LOG.info("sweep: %s, about %d min left", self._note(), round(left / 60))


@contextlib.contextmanager
def sweep_bar(runs: int, work: float, show: bool) -> Iterator[SweepBar]:
    """Show the progress of so many runs, and so much work in all, on stderr while the block runs."""
    console = Console(stderr=True)
    if not (show and console.is_terminal):
        yield SweepBar(None, runs, work, show)
        return
    columns = (
        TextColumn("sweep"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[runs]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, speed_estimate_period=_WHOLE_SWEEP) as progress:
        yield SweepBar(progress, runs, work, show)
