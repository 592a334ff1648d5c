"""scikit-learn's handwritten digits (8x8, 1,797 images): real data that need no download.

They are the test part of "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, UCI, 1998). The
copy has no split; ours is fixed: images are ordered by the SHA-256 of ``lavaprune digits <index>``, the first
1,500 train, the other 297 test. No random generator is involved: it is the same everywhere, for every seed.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

N_IMAGES = 1797
N_TRAIN = 1500
SIDE_PIXELS = 8
_FULL_PIXEL = 16  # the set's own scale


def split_order() -> list[int]:
    """Return the indices 0..1796 in the fixed order of the split."""
    return sorted(range(N_IMAGES), key=lambda index: hashlib.sha256(f"lavaprune digits {index}".encode()).digest())


def scale_pixels(pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Scale whole numbers 0..16 to 0..255, halves up: ``(255 p + 8) // 16``."""
    whole = pixels.astype(np.int64)
    return ((whole * 255 + _FULL_PIXEL // 2) // _FULL_PIXEL).astype(np.uint8)


def load() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return training images (1500, 64), training labels, test images (297, 64), test labels; all uint8."""
    from sklearn.datasets import load_digits  # slow to import

    pixels, labels = load_digits(return_X_y=True)
    order = np.array(split_order())
    images = scale_pixels(pixels)[order]
    classes = labels.astype(np.uint8)[order]
    return images[:N_TRAIN], classes[:N_TRAIN], images[N_TRAIN:], classes[N_TRAIN:]
