"""Shifts of training samples: by hand, within bounds, and a function of the key alone."""

from __future__ import annotations

import numpy as np

from lavaprune.deep.augmentation import shifted


def spikes(samples: int) -> np.ndarray:
    """One spike in the middle of 5 x 7 pixels, in the second of three steps, in channel 1 of 2."""
    frames = np.zeros((3, samples, 5, 7, 2), np.uint8)
    frames[1, :, 2, 3, 1] = 1
    return frames


def test_every_shift_comes_and_none_beyond() -> None:
    frames = spikes(2000)
    t, sample, y, x, channel = shifted(frames, 1, (1, 2)).nonzero()
    assert sample.tolist() == list(range(2000))
    assert set(t) == {1}
    assert set(channel) == {1}
    counts = {place: int(n) for place, n in zip(*np.unique(y * 7 + x, return_counts=True), strict=True)}
    assert set(counts) == {(2 + dy) * 7 + 3 + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
    assert all(abs(n - 2000 / 9) < 5 * (2000 * 8 / 81) ** 0.5 for n in counts.values())


def test_what_leaves_is_lost_and_what_comes_in_is_silent() -> None:
    """By moving each sample pixel by pixel."""
    frames = np.random.default_rng(0).integers(0, 2, (2, 50, 4, 6, 3)).astype(np.uint8)
    found = shifted(frames, 3, (5,))
    moved = 0
    for sample in range(50):
        fits = []
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                expected = np.zeros((2, 4, 6, 3), np.uint8)
                for y in range(4):
                    for x in range(6):
                        if 0 <= y + dy < 4 and 0 <= x + dx < 6:
                            expected[:, y + dy, x + dx] = frames[:, sample, y, x]
                if np.array_equal(found[:, sample], expected):
                    fits.append((dy, dx))
        assert len(fits) == 1
        moved += fits != [(0, 0)]
    assert moved > 40


def test_the_same_key_gives_the_same_shifts() -> None:
    frames = spikes(30)
    assert np.array_equal(shifted(frames, 2, (1, 2)), shifted(frames, 2, (1, 2)))
    assert not np.array_equal(shifted(frames, 2, (1, 2)), shifted(frames, 2, (1, 3)))
    assert shifted(frames, 0, (1, 2)) is frames
