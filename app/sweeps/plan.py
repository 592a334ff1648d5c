"""The tasks of a sweep: shared beginnings, each once, and the runs that continue them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lavaprune.datasets.dataset import Dataset
from lavaprune.settings import Settings
from lavaprune.sweeps.prefixes import has_prefix, prefix_images, prefix_key, without_pruning
from lavaprune.training.presentation import image_counts

# Measured on MNIST with 100 and 800 neurons: an image's cost beside its neurons' share, in neurons, and the share
# of it that an image costs which is only shown.
_FIXED_COST = 110
_SHOWN_COST = 0.75


@dataclass
class Task:
    """A shared beginning of runs (`key` is None), or a run.

    Attributes
    ----------
    settings : Settings
    key : str or None
        The run's ``config_sha256``.
    lengths : tuple of int
        Images of the prefixes up to this one, or that the run continues.
    data_sha256 : str
    work : float
        Estimated cost, for the order and the time left.
    next : list of Task
        What can begin when this one is finished.
    """

    settings: Settings
    key: str | None
    lengths: tuple[int, ...]
    data_sha256: str
    work: float
    next: list[Task] = field(default_factory=list)

    @property
    def urgency(self) -> tuple[bool, float]:
        """Prefixes first, then whatever takes longest, so that no long run is left alone at the end."""
        return self.key is None, self.work

    def runs(self) -> list[Task]:
        """The runs that need this task, itself included."""
        own = [self] if self.key else []
        return own + [run for task in self.next for run in task.runs()]


def plan(wanted: Iterable[tuple[str, Settings, Dataset, str]], store: Path) -> tuple[list[Task], list[Task]]:
    """Tasks of runs given by key, settings, data (validation images held out) and the data's SHA-256.

    Returns
    -------
    ready : list of Task
        Those that wait for nothing; all others hang from them by `Task.next`.
    tasks : list of Task
        All of them.
    """
    runs: list[tuple[Task, str, int]] = []
    lengths: dict[str, set[int]] = {}
    for key, settings, data, data_sha256 in wanted:
        images = image_counts(settings, data)
        own = prefix_images(settings, images["train_images"])
        shared = prefix_key(settings, data_sha256, images["train_images"])
        lengths.setdefault(shared, set()).update(own)
        trained = images["train_images"] - max(own, default=0)
        shown = images["label_images"] + images["test_images"]
        work = (settings.neurons + _FIXED_COST) * (trained + _SHOWN_COST * shown)
        runs.append((Task(settings, key, own, data_sha256, work), shared, images["train_images"]))
    prefixes: dict[tuple[str, int], Task] = {}
    ready: list[Task] = []
    for run, shared, train_images in runs:
        chain = tuple(sorted(length for length in lengths[shared] if run.lengths and length <= max(run.lengths)))
        there = max((i for i, length in enumerate(chain) if has_prefix(store, shared, length)), default=-1)
        waits_for: Task | None = None
        for i, length in enumerate(chain):
            if i <= there:
                continue
            task = prefixes.get((shared, length))
            if task is None:
                begun = length - (chain[i - 1] if i else 0)
                work = (run.settings.neurons + _FIXED_COST) * float(begun)
                unpruned = without_pruning(run.settings, train_images)
                task = prefixes[shared, length] = Task(unpruned, None, chain[: i + 1], run.data_sha256, work)
                (ready if waits_for is None else waits_for.next).append(task)
            waits_for = task
        (ready if waits_for is None else waits_for.next).append(run)
    return ready, [*prefixes.values(), *(run for run, _, _ in runs)]
