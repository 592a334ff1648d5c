"""In which chunks images are presented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


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
