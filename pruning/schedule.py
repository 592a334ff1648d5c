"""When pruning happens: at which numbers of trained images, and what the control row says there."""

from __future__ import annotations

import operator
from dataclasses import dataclass

from lavaprune.pruning.errors import PruningError


@dataclass(frozen=True)
class PruningSchedule:
    """Pruning events after `start` trained images and then after every `batch`, both ends included.

    With 60,000 training images, a start of 30,000 and a batch of 5,000 there are 7 events, k = 0..6: as many
    as the averages of Table 4 of Guo et al. 2020 imply. The last coincides with the end of training.

    Attributes
    ----------
    start : int
        Trained images after which event 0 happens, at least 1. Beyond `train_images`: no event ever.
    batch : int
        Images from one event to the next, at least 1. More than are left after `start`: one event.
    train_images : int
        Training images in all, at least 0.

    Raises
    ------
    PruningError
        Naming the value and its range.
    """

    start: int = 30_000
    batch: int = 5_000
    train_images: int = 60_000

    def __post_init__(self) -> None:
        for name, low in (("start", 1), ("batch", 1), ("train_images", 0)):
            value = getattr(self, name)
            try:
                number = operator.index(value)
            except TypeError:
                number = low - 1
            if isinstance(value, bool) or number < low:
                raise PruningError(f"pruning schedule: {name} is {value!r}; allowed: an integer of at least {low}")
            object.__setattr__(self, name, number)

    @property
    def event_images(self) -> tuple[int, ...]:
        """Numbers of trained images after which events happen; event k at index k."""
        return tuple(range(self.start, self.train_images + 1, self.batch))

    @property
    def n_events(self) -> int:
        """Number of events."""
        return len(range(self.start, self.train_images + 1, self.batch))

    def event_after(self, images_trained: int) -> int | None:
        """Return the index k of the event that happens after so many trained images, or None."""
        if not self.start <= images_trained <= self.train_images:
            return None
        k, rest = divmod(images_trained - self.start, self.batch)
        return k if rest == 0 else None

    def control_code(self, images_trained: int) -> int:
        """Return the control row's PRUNE_EVENT for the image that completes `images_trained`: 0, or 1 + k."""
        k = self.event_after(images_trained)
        return 0 if k is None else 1 + k

    def ends_batch(self, images_trained: int) -> bool:
        """Tell whether a batch ends after so many trained images, before `start` too.

        Spike counts of a batch are totals over `batch` images, so that those of event 0 compare with the
        others': a counter that is reset wherever this is true (after the event, if there is one) holds them.
        """
        return images_trained > 0 and (images_trained - self.start) % self.batch == 0
