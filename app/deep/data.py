"""Data sets as input spikes: images drawn anew each time they are shown, recordings as frames."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from lavaprune.deep.events import DVS_GESTURE, N_MNIST, Recordings, load_recordings
from lavaprune.errors import InputError

Frames = npt.NDArray[np.uint8]
Rows: TypeAlias = "slice | npt.NDArray[np.int64]"


def keyed_generator(key: tuple[int | str, ...]) -> np.random.Generator:
    """Random draws that are a function of the key alone."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))


class Samples(Protocol):
    """Samples that become input spikes."""

    def __len__(self) -> int: ...

    def frames(self, rows: npt.NDArray[np.int64], key: tuple[int, ...]) -> Frames:
        """Input spikes (T, B, H, W, C), 0 or 1, of the samples `rows`; the same key gives the same spikes."""
        ...

    def cut(self, rows: Rows) -> Samples:
        """Some of the samples."""
        ...

    def joined(self, others: Any) -> Samples:
        """These samples and then `others`, which are of the same kind."""
        ...


@dataclass(frozen=True)
class Images:
    """Images whose pixels are probabilities of a spike in each step.

    Attributes
    ----------
    pixels : (n, H, W, C) uint8
    steps : int
    """

    pixels: npt.NDArray[np.uint8]
    steps: int

    def __len__(self) -> int:
        return len(self.pixels)

    def frames(self, rows: npt.NDArray[np.int64], key: tuple[int, ...]) -> Frames:
        """Bernoulli spikes: a pixel p spikes with probability ``257 p / 65536``, p / 255 within 2e-5."""
        chosen = self.pixels[rows]
        generator = keyed_generator(key)
        # sample by sample, so that the first ones do not depend on how many follow
        draws = generator.integers(0, 1 << 16, (len(chosen), self.steps, *chosen.shape[1:]), dtype=np.uint16)
        # up to 65535: p = 255 spikes always but for one draw in 65536
        limits = chosen.astype(np.uint16) * np.uint16(257)
        return np.ascontiguousarray((draws < limits[:, None]).view(np.uint8).swapaxes(0, 1))

    def cut(self, rows: Rows) -> Images:
        """Some of the images."""
        return Images(self.pixels[rows], self.steps)

    def joined(self, others: Images) -> Images:
        """These images and then `others`."""
        return Images(np.concatenate([self.pixels, others.pixels]), self.steps)


@dataclass(frozen=True)
class DeepDataset:
    """Training and test samples with their classes.

    Attributes
    ----------
    name : str
    train, test : Samples
    train_labels, test_labels : (n,) int64
    shape : (int, int, int)
        (H, W, C) of the input.
    n_classes : int
    test_is_train : bool
        Whether there are no test samples of their own, so that accuracy means nothing.
    """

    name: str
    train: Samples
    train_labels: npt.NDArray[np.int64]
    test: Samples
    test_labels: npt.NDArray[np.int64]
    shape: tuple[int, int, int]
    n_classes: int
    test_is_train: bool = False

    def sha256(self) -> str:
        """SHA-256, in hexadecimal, of all samples and labels."""
        digest = hashlib.sha256(repr((self.name, self.shape, self.n_classes)).encode())
        for samples, labels in ((self.train, self.train_labels), (self.test, self.test_labels)):
            content = samples.pixels if isinstance(samples, Images) else getattr(samples, "packed")  # noqa: B009
            digest.update(np.ascontiguousarray(content).data)
            digest.update(np.ascontiguousarray(labels).data)
        return digest.hexdigest()


def load_deep_dataset(name: str, steps: int, data_dir: Path | None) -> DeepDataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion", "nmnist", "dvsgesture", "cifar10", "cifar10-jpeg"}
        Images as in `lavaprune.datasets.loader.load_dataset`; recordings and CIFAR-10 from
        ``NMNIST``, ``DVSGesture`` and ``CIFAR10`` or ``cifar-10-batches-bin`` in the data folder.
    steps : int
        Steps per sample.
    data_dir : Path or None

    Raises
    ------
    InputError
        In one line: a folder without the set, a file that is cut short.
    """
    from lavaprune.datasets.loader import load_dataset

    if name in ("digits", "mnist", "fashion"):
        data = load_dataset(name, data_dir)
        shape = (*data.shape, 1)
        return DeepDataset(
            name,
            Images(data.train_images.reshape(-1, *shape), steps),
            data.train_labels.astype(np.int64),
            Images(data.test_images.reshape(-1, *shape), steps),
            data.test_labels.astype(np.int64),
            shape,
            data.n_classes,
        )
    folder = _folder(name, data_dir)
    if name.startswith("cifar10"):
        from lavaprune.deep.cifar10 import load_cifar10
        from lavaprune.deep.cifar10_jpeg import load_cifar10_jpeg

        load = load_cifar10 if name == "cifar10" else load_cifar10_jpeg
        train, train_labels, test, test_labels = load(folder)
        return DeepDataset(name, Images(train, steps), train_labels, Images(test, steps), test_labels, (32, 32, 3), 10)
    format_ = N_MNIST if name == "nmnist" else DVS_GESTURE
    return _of_recordings(name, *load_recordings(format_, folder, steps))


def _of_recordings(
    name: str,
    train: Recordings,
    train_labels: npt.NDArray[np.int64],
    test: Recordings,
    test_labels: npt.NDArray[np.int64],
) -> DeepDataset:
    n_classes = {"nmnist": 10, "dvsgesture": 11}[name]
    return DeepDataset(name, train, train_labels, test, test_labels, train.shape, n_classes, test is train)


def _folder(name: str, data_dir: Path | None) -> Path:
    import os

    from lavaprune.datasets.loader import DATA_DIR_VARIABLE

    chosen = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if not chosen:
        raise InputError(f"data set {name!r} needs its folder; give --data-dir or set {DATA_DIR_VARIABLE}")
    folder = Path(chosen)
    if not folder.is_dir():
        raise InputError(f"data folder {folder}: no such folder (from --data-dir or {DATA_DIR_VARIABLE})")
    return folder
