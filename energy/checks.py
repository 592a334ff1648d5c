"""Checks shared by everything that holds counts."""

from __future__ import annotations

import operator

from lavaprune.energy.errors import CountsError

MAX_COUNT = 2**63 - 1
"""Counters are int64."""


def checked_count(owner: str, name: str, value: object) -> int:
    """Return `value` as a Python int, or refuse it.

    Parameters
    ----------
    owner, name : str
        What the count belongs to and what it is called; both appear in the error.
    value : object
        A Python or NumPy integer, 0 .. 2**63 - 1. Floats are refused even where they are whole: a count that
        went through a float may have lost its last digits.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    CountsError
        For a bool, a non-integer or a value out of range.
    """
    refusal = f"{owner}: {name} is {value!r}; allowed: an integer 0 .. {MAX_COUNT}"
    if isinstance(value, bool):
        raise CountsError(refusal)
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise CountsError(refusal) from None
    if not 0 <= count <= MAX_COUNT:
        raise CountsError(refusal)
    return count
