"""Training that many runs have in common: done once, kept as a checkpoint, continued by each of them.

Until the image that the first pruning event follows, a run does not depend on how it is pruned; an unpruned run, and
one that is pruned after training, not until the last image. Only the counts of a batch know where batches end, so
that is part of a prefix's name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lavaprune.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from lavaprune.configuration import merge, validate
from lavaprune.datasets.dataset import Dataset
from lavaprune.errors import InputError
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.settings import Settings
from lavaprune.sweeps.identity import canonical
from lavaprune.sweeps.timed_engine import TimedEngine, warm_up
from lavaprune.training.control import pruning_schedule
from lavaprune.training.offline import train_offline
from lavaprune.training.presentation import image_counts

FOLDER = "prefixes"
_SECONDS = "train_seconds"
_NOT_OF_TRAINING = ("pruning", "label_images", "test_images", "train_images", "validation_images")


def event_images(settings: Settings, train_images: int) -> tuple[int, ...]:
    """Numbers of trained images after which the run prunes; none for an unpruned one."""
    if settings.pruning.method == "none":
        return ()
    return tuple(pruning_schedule(settings, train_images).event_images)


def prefix_images(settings: Settings, train_images: int) -> tuple[int, ...]:
    """Lengths, in images, of the prefixes that a run begins with: it continues the last, which continues the others.

    A prefix ends one image before the event, since the batch's counts are taken, and cleared, after that image.
    """
    events = event_images(settings, train_images)
    last = (events[0] if events else train_images) - 1
    return tuple(sorted({n for n in (settings.pruning.start - 1, last) if 0 < n <= last}))


def prefix_key(settings: Settings, data_sha256: str, train_images: int) -> str:
    """SHA-256, in hexadecimal, of all that the training before the first event depends on."""
    values = {name: value for name, value in canonical(settings).to_dict().items() if name not in _NOT_OF_TRAINING}
    schedule = pruning_schedule(settings, train_images)
    values |= {"batch": schedule.batch, "batch_phase": schedule.start % schedule.batch, "data": data_sha256}
    values |= {"train_images": train_images}
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def trained_prefix(
    settings: Settings, data: Dataset, store: Path, lengths: Sequence[int], data_sha256: str
) -> tuple[TimedEngine, int, float]:
    """An engine after the longest prefix: from its checkpoint, else trained on from a shorter one's and kept.

    Parameters
    ----------
    settings : Settings
    data : Dataset
        As the run sees it: validation images are held out.
    store : Path
        Its subfolder ``prefixes`` holds the checkpoints.
    lengths : sequence of int
        In images, increasing; may be empty.
    data_sha256 : str
        Of the data.

    Returns
    -------
    engine : TimedEngine
    first : int
        Number of the next image.
    seconds : float
        That all images so far took where they were presented.
    """
    n_images = image_counts(settings, data)["train_images"]
    key = prefix_key(settings, data_sha256, n_images)
    parameters = settings.network_parameters(data.n_inputs)
    state, first, seconds = initial_state(parameters), 0, 0.0
    for length in reversed(lengths):
        with contextlib.suppress(InputError):  # missing or damaged: trained again
            path = _path(store, key, length)
            found = load_checkpoint(path, data.n_inputs, settings.neurons, key, data_sha256)
            state, first, seconds = found.network_state(), found.next_sample, float(found.extras[_SECONDS])
            break
    engine = TimedEngine(parameters, state)
    unpruned = without_pruning(settings, n_images)
    warm_up()
    for length in lengths:
        if length > first:
            train_offline(unpruned, data, n_images // settings.passes, engine=engine, first=first, last=length)
            first = length
            seconds += engine.take_seconds()
            _save(_path(store, key, length), engine, first, seconds, key, data_sha256)
    return engine, first, seconds


def has_prefix(store: Path, key: str, length: int) -> bool:
    """Whether there is a checkpoint of a prefix; a damaged one is made again by the run that needs it."""
    return _path(store, key, length).exists()


def without_pruning(settings: Settings, train_images: int) -> Settings:
    """The same training with the same ends of batches and no events."""
    schedule = pruning_schedule(settings, train_images)
    values = settings.to_dict()
    merge(values, {"pruning": {"method": "none", "start": schedule.start, "batch": schedule.batch}})
    return validate(values)


def _path(store: Path, key: str, length: int) -> Path:
    return store / FOLDER / f"{key[:32]}-{length}.npz"


def _save(path: Path, engine: TimedEngine, length: int, seconds: float, key: str, data_sha256: str) -> None:
    checkpoint = Checkpoint.of_state(engine.state(), length, {_SECONDS: np.array(seconds)})
    path.parent.mkdir(parents=True, exist_ok=True)
    # A task that was thought lost and given out again must not write into the same temporary file.
    own = path.with_name(f".{path.stem}.{os.getpid()}.npz")
    try:
        save_checkpoint(own, checkpoint, key, data_sha256)
        os.replace(own, path)
    finally:
        own.unlink(missing_ok=True)
