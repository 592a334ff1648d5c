"""Progress bars on stderr: images, images per second, time left, current accuracy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _ImagesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f} images/s", style="progress.data.speed")


class PhaseBar:
    """The bar of one phase; does nothing where it is not shown."""

    def __init__(self, progress: Progress | None, name: str, total: int, done: int) -> None:
        self._progress = progress
        if progress is not None:
            self._task = progress.add_task(name, total=total, completed=done, note="")

    def advance(self, images: int, note: str | None = None) -> None:
        """Count ``images`` more; ``note`` (the accuracy, say) replaces the one before."""
        if self._progress is not None:
            fields = {} if note is None else {"note": note}
            self._progress.update(self._task, advance=images, **fields)  # type: ignore[arg-type]


@contextmanager
def phase_bar(name: str, total: int, done: int = 0, show: bool = True) -> Iterator[PhaseBar]:
    """Show a bar on stderr while the block runs; on a terminal only, so that logs stay readable."""
    console = Console(stderr=True)
    if not (show and console.is_terminal):
        yield PhaseBar(None, name, total, done)
        return
    columns = (
        TextColumn("{task.description:<8}"),
        BarColumn(),
        MofNCompleteColumn(),
        _ImagesPerSecond(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield PhaseBar(progress, name, total, done)
