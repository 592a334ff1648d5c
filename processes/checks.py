"""Checks of what a Process is built from; errors name the Process, the quantity, its value and what is allowed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def checked_array(
    owner: str,
    quantity: str,
    value: npt.ArrayLike,
    shape: tuple[int, ...],
    low: int,
    high: int,
    dtype: npt.DTypeLike,
) -> np.ndarray:
    """Return integers in a range as a new array.

    Parameters
    ----------
    owner, quantity : str
        For the message.
    value : integers
        A scalar is spread over the whole shape. Floating-point values are taken where they are whole.
    shape : tuple of int
    low, high : int
        Smallest and largest value allowed.
    dtype
        Of the result; wide enough for the range.

    Raises
    ------
    ValueError
        If the shape differs, or a value is not an integer ``low .. high``.
    """
    array = np.asarray(value)
    if array.ndim == 0:
        array = np.full(shape, array)
    if array.shape != shape:
        raise ValueError(f"{owner}: {quantity} has shape {array.shape}; allowed: {shape}")
    if array.dtype.kind not in "buif":
        raise ValueError(f"{owner}: {quantity} has dtype {array.dtype}; allowed: integers {low} .. {high}")
    wrong = ~((array >= low) & (array <= high))  # so that NaN is wrong
    if array.dtype.kind == "f":
        wrong |= array != np.rint(array)
    if wrong.any():
        where = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        raise ValueError(
            f"{owner}: {quantity}{list(where)} is {array[where].item()!r}; allowed: integers {low} .. {high}"
        )
    return array.astype(dtype)


def check_conducting(owner: str, conducts: np.ndarray, **arrays: np.ndarray) -> None:
    """Refuse arrays, by the names of their quantities, that are not 0 where ``conducts`` is; shapes (I, N).

    Raises
    ------
    ValueError
        Naming the first synapse that is there although it does not conduct.
    """
    for quantity, array in arrays.items():
        wrong = (array != 0) & (conducts == 0)
        if wrong.any():
            j, i = (int(axis[0]) for axis in np.nonzero(wrong))
            raise ValueError(f"{owner}: {quantity}[{j}, {i}] is {array[j, i]} where conducts is 0; allowed: 0")


def checked_count(owner: str, quantity: str, value: int, low: int, high: int) -> int:
    """Return one integer in a range.

    Raises
    ------
    ValueError
        If it is not an integer ``low .. high``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise ValueError(f"{owner}: {quantity} is {value!r}; allowed: an integer {low} .. {high}")
    return int(value)
