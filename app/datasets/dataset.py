"""What a loaded data set is."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lavaprune.errors import InputError

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Dataset:
    """Images and labels of one data set, in the order of its files; arrays are read-only.

    Attributes
    ----------
    name : str
        ``digits``, ``mnist``, ``fashion`` or ``idx``.
    train_images, test_images : (n, H*W) ndarray of uint8
        Intensities 0..255, row by row.
    train_labels, test_labels : (n,) ndarray of uint8
        Classes 0..n_classes-1.
    shape : tuple of int
        (H, W).
    n_classes : int
        One more than the highest label.
    """

    name: str
    train_images: Bytes
    train_labels: Bytes
    test_images: Bytes
    test_labels: Bytes
    shape: tuple[int, int]
    n_classes: int

    def __post_init__(self) -> None:
        for part, images, labels in (
            ("training", self.train_images, self.train_labels),
            ("test", self.test_images, self.test_labels),
        ):
            if len(images) != len(labels):
                raise InputError(
                    f"{self.name}: there are {len(images)} {part} images and {len(labels)} {part} labels; "
                    "allowed: equal counts"
                )
            if len(images) < 1:
                raise InputError(f"{self.name}: there are {len(images)} {part} images; allowed: at least 1")
            images.flags.writeable = False
            labels.flags.writeable = False

    @property
    def n_inputs(self) -> int:
        """Pixels of an image."""
        return self.shape[0] * self.shape[1]

    def sha256(self) -> str:
        """Return the SHA-256, in hexadecimal, of shape, images and labels: the same data, the same digest."""
        digest = hashlib.sha256(repr((self.shape, len(self.train_images), len(self.test_images))).encode())
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def hold_out(self, n_images: int) -> Dataset:
        """Return the data set whose test part is the last `n_images` training images, which no longer train.

        For choosing settings without looking at the test images. 0 changes nothing.
        """
        if n_images == 0:
            return self
        most = len(self.train_images) - 1
        if not 1 <= n_images <= most:
            raise InputError(f"setting 'validation_images' is {n_images}; allowed: 0 .. {most} with {self.name}")
        return dataclasses.replace(
            self,
            train_images=self.train_images[:-n_images],
            train_labels=self.train_labels[:-n_images],
            test_images=self.train_images[-n_images:],
            test_labels=self.train_labels[-n_images:],
        )

    def count(self, setting: str, wanted: int | str, part: str = "train") -> int:
        """Return how many images a setting asks for: a number, or ``all``.

        Parameters
        ----------
        setting : str
            Its name, for the error.
        wanted : int or "all"
            Its value.
        part : {"train", "test"}
            Which images it counts.

        Raises
        ------
        InputError
            If there are fewer.
        """
        available = len(self.train_images if part == "train" else self.test_images)
        if wanted == "all":
            return available
        if not 1 <= int(wanted) <= available:
            raise InputError(f"setting {setting!r} is {wanted}; allowed: 1 .. {available} or all ({self.name})")
        return int(wanted)
