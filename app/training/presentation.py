"""How many images are presented, and in which chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lavaprune.datasets.dataset import Dataset
from lavaprune.settings import Settings


def chunk_ranges(first: int, last: int, most: int, periods: Sequence[int] = (), stops: Sequence[int] = ()) -> Iterator[
    tuple[int, int]
]:
    """Cut the images ``first`` .. ``last - 1`` into ranges of at most ``most``.

    Every multiple of a period, and every stop, is the end of a range, so that something can happen there.

    Examples
    --------
    >>> list(chunk_ranges(0, 10, 4, periods=[5]))
    [(0, 4), (4, 5), (5, 9), (9, 10)]
    """
    while first < last:
        end = min([first + most, last, *((first // p + 1) * p for p in periods), *(s for s in stops if s > first)])
        yield first, end
        first = end


def image_counts(settings: Settings, data: Dataset) -> dict[str, int]:
    """How many images each phase presents (training: in all passes together), checked against the data."""
    return {
        "train_images": data.count("train_images", settings.train_images, "train") * settings.passes,
        "label_images": data.count("label_images", settings.label_images, "train"),
        "test_images": data.count("test_images", settings.test_images, "test"),
    }
