"""The control rows that tell an engine what to do with each sample."""

from __future__ import annotations

import logging
from decimal import Decimal
from functools import lru_cache

import numpy as np

from lavaprune.proc_models.quantisation import (
    quantise_depression_rate,
    quantise_potentiation_rate,
    quantise_theta_plus,
)
from lavaprune.processes.control import (
    BATCH_ENDS,
    CONTROL_COLUMNS,
    MU_PRE_Q,
    PHASE,
    PHASE_TRAIN,
    PRUNE_EVENT,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.pruning.schedule import PruningSchedule
from lavaprune.settings import Settings
from lavaprune.training.annealing import annealing_factor

_LOG = logging.getLogger("lavaprune.pruning")


@lru_cache(maxsize=4096)
def _rates(settings: Settings, image: int, n_images: int, after_event: bool) -> tuple[int, int, int]:
    learning = settings.learning
    potentiation = Decimal(repr(settings.pruning.potentiation)) if after_event else Decimal(1)
    factor = annealing_factor(image, n_images, learning.anneal_start, learning.anneal_end)
    return (
        quantise_depression_rate(learning.mu_pre, factor),
        quantise_potentiation_rate(learning.mu_post, factor * potentiation),
        quantise_theta_plus(settings.network.theta_plus_mv, factor),
    )


def pruning_schedule(settings: Settings, n_images: int) -> PruningSchedule:
    """When the settings' method prunes in a run of ``n_images`` training images.

    A method that prunes after training has one event, after the last image; batches are counted back from it.
    """
    pruning = settings.pruning
    is_late = pruning.build_method().when == "after_training"
    return PruningSchedule(max(1, n_images) if is_late else pruning.start, pruning.batch, n_images)


def pruning_events(settings: Settings, n_images: int) -> int:
    """Number of pruning events in a run of ``n_images`` training images; 0 without a method."""
    return 0 if settings.pruning.method == "none" else pruning_schedule(settings, n_images).n_events


def warn_of_no_event(settings: Settings, n_images: int) -> None:
    """Log a warning where a method is set and none of its events falls into a run of ``n_images`` training images."""
    pruning = settings.pruning
    if pruning.method != "none" and pruning_events(settings, n_images) == 0:
        _LOG.warning(
            "pruning.method is %r, but nothing will be pruned: pruning.start is %d and the run has %d training images",
            pruning.method, pruning.start, n_images,
        )  # fmt: skip


def training_rows(settings: Settings, first: int, count: int, n_images: int) -> np.ndarray:
    """Rows of training images ``first`` .. ``first + count - 1`` of ``n_images``; (count, 6) int64.

    From the image after the first pruning event on, mu_post is multiplied with ``pruning.potentiation``.
    """
    rows = np.zeros((count, CONTROL_COLUMNS), np.int64)
    image = np.arange(first, first + count)
    rows[:, SAMPLE_ID] = image
    rows[:, PHASE] = PHASE_TRAIN
    block = image - image % settings.learning.anneal_every_images
    schedule = pruning_schedule(settings, n_images)
    after_event = (image >= schedule.start) & (settings.pruning.method != "none")
    for start in np.unique(block).tolist():
        for after in (False, True):
            here = (block == start) & (after_event == after)
            if here.any():
                rows[here, MU_PRE_Q : THETA_PLUS_Q + 1] = _rates(settings, start, n_images, after)
    since_start = image + 1 - schedule.start
    ends = since_start % schedule.batch == 0
    rows[ends, PRUNE_EVENT] = BATCH_ENDS
    if settings.pruning.method != "none":
        events = ends & (since_start >= 0) & (image < n_images)
        rows[events, PRUNE_EVENT] = 1 + since_start[events] // schedule.batch
    return rows


def inference_rows(phase: int, first: int, count: int) -> np.ndarray:
    """Rows of images that are only shown, for labelling or testing; (count, 6) int64."""
    rows = np.zeros((count, CONTROL_COLUMNS), np.int64)
    rows[:, SAMPLE_ID] = np.arange(first, first + count)
    rows[:, PHASE] = phase
    return rows
