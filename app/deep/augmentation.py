"""Training samples in other places: shifted anew each time they are shown."""

from __future__ import annotations

import numpy as np

from lavaprune.deep.data import Frames, keyed_generator
from lavaprune.errors import InputError


def shifted(frames: Frames, most: int, key: tuple[int, ...]) -> Frames:
    """Shift each sample by -most .. most pixels downwards and to the right; what comes in is silent.

    Parameters
    ----------
    frames : (T, B, H, W, C) uint8
        Input spikes; a sample is shifted alike in all its steps.
    most : int
        Pixels, 0 .. the smaller side - 1; 0 returns `frames` themselves.
    key : tuple of int
        The same key gives the same shifts, whatever the frames hold.

    Returns
    -------
    (T, B, H, W, C) uint8
    """
    if not most:
        return frames
    generator = keyed_generator(("shift", *key))
    _, samples, height, width, _ = frames.shape
    out = np.zeros_like(frames)
    for sample, (dy, dx) in enumerate(generator.integers(-most, most + 1, (samples, 2)).tolist()):
        to_y, from_y = _overlap(dy, height)
        to_x, from_x = _overlap(dx, width)
        out[:, sample, to_y, to_x] = frames[:, sample, from_y, from_x]
    return out


def check_shift(most: int, shape: tuple[int, int, int], dataset: str) -> None:
    """Refuse shifts that can move a sample of `shape` (height, width, channels) out of sight.

    Raises
    ------
    InputError
    """
    side = min(shape[:2])
    if most >= side:
        raise InputError(f"setting 'shift_pixels' is {most}; allowed: 0 .. {side - 1} with {dataset}")


def _overlap(shift: int, side: int) -> tuple[slice, slice]:
    """Where the pixels that stay inside go to, and come from."""
    return slice(max(0, shift), side + min(0, shift)), slice(max(0, -shift), side - max(0, shift))
