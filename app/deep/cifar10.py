"""CIFAR-10 from its binary version, or from the first images of it in an ``.npz``; never from pickles."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lavaprune.errors import InputError

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

_SIDE, _CHANNELS, _CLASSES = 32, 3, 10
_RECORD_BYTES = 1 + _SIDE * _SIDE * _CHANNELS
_BINARY = "cifar-10-batches-bin"
_FIRST = Path("CIFAR10", "cifar10-first4000-lossless.npz")
_FIRST_TEST = 500  # of the first images, the last ones test


def load_cifar10(folder: Path) -> tuple[Pixels, Labels, Pixels, Labels]:
    """Return training images (n, 32, 32, 3) uint8, their classes, test images and theirs.

    Parameters
    ----------
    folder : Path
        Holds ``cifar-10-batches-bin`` (the official binary version), or
        ``CIFAR10/cifar10-first4000-lossless.npz``, of which the last 500 images test.

    Raises
    ------
    InputError
        Neither is there, or a file is cut short or damaged.
    """
    binary = folder / _BINARY
    if binary.is_dir():
        train = [_read_binary(binary / f"data_batch_{i}.bin") for i in range(1, 6)]
        test_pixels, test_labels = _read_binary(binary / "test_batch.bin")
        return (
            np.concatenate([pixels for pixels, _ in train]),
            np.concatenate([labels for _, labels in train]),
            test_pixels,
            test_labels,
        )
    path = folder / _FIRST
    if not path.is_file():
        raise InputError(f"data folder {folder}: has neither {_BINARY} nor {_FIRST}; data set 'cifar10' needs one")
    try:
        with np.load(path, allow_pickle=False) as archive:
            pixels, labels = archive["images"], archive["labels"].astype(np.int64)
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); allowed: arrays images and labels") from None
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (_SIDE, _SIDE, _CHANNELS):
        raise InputError(f"{path}: images are {pixels.dtype} {pixels.shape}; allowed: uint8 (n, 32, 32, 3)")
    if len(pixels) <= _FIRST_TEST or labels.shape != (len(pixels),):
        raise InputError(
            f"{path}: has {len(pixels)} images and labels of shape {labels.shape}; "
            f"allowed: more than {_FIRST_TEST}, the last of which test, and a label each"
        )
    if labels.min() < 0 or labels.max() >= _CLASSES:
        raise InputError(f"{path}: classes are {labels.min()} .. {labels.max()}; allowed: 0 .. {_CLASSES - 1}")
    cut = len(pixels) - _FIRST_TEST
    return pixels[:cut], labels[:cut], pixels[cut:], labels[cut:]


def _read_binary(path: Path) -> tuple[Pixels, Labels]:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not len(content) or len(content) % _RECORD_BYTES:
        raise InputError(f"{path}: has {len(content)} bytes; allowed: a multiple of {_RECORD_BYTES} (cut short?)")
    records = content.reshape(-1, _RECORD_BYTES)
    if records[:, 0].max() >= _CLASSES:
        raise InputError(f"{path}: a class is {records[:, 0].max()}; allowed: 0 .. {_CLASSES - 1}")
    pixels = records[:, 1:].reshape(-1, _CHANNELS, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), records[:, 0].astype(np.int64)
