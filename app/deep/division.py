"""A data set as a run uses it: what is learned from, what is held for validation, what is tested."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from lavaprune.deep.data import DeepDataset, Samples
from lavaprune.deep.settings import DeepSettings
from lavaprune.errors import InputError


@dataclasses.dataclass(frozen=True)
class Division:
    """A data set as a run uses it.

    Attributes
    ----------
    data : DeepDataset
        With the training samples that are learned from, and the test samples.
    validation : Samples or None
    validation_labels : (n,) int64
    data_sha256 : str
    """

    data: DeepDataset
    validation: Samples | None
    validation_labels: npt.NDArray[np.int64]
    data_sha256: str


def divide(settings: DeepSettings, data: DeepDataset) -> Division:
    """Keep the last training images for validation, and cut both parts to the numbers asked for.

    With `settings.folds` all samples are one set first, of which a part is tested (`cross_validated`).

    Raises
    ------
    InputError
        If there are fewer.
    """
    digest = data.sha256()
    if settings.folds:
        data = cross_validated(data, settings.folds, settings.fold)
    most = len(data.train) - 1
    held = settings.validation_images
    if held > most:
        raise InputError(f"setting 'validation_images' is {held}; allowed: 0 .. {most} with {data.name}")
    learned = len(data.train) - held
    n_train = _count("train_images", settings.train_images, learned, data.name)
    n_test = _count("test_images", settings.test_images, len(data.test), data.name)
    cut = dataclasses.replace(
        data,
        train=data.train.cut(slice(n_train)),
        train_labels=data.train_labels[:n_train],
        test=data.test.cut(slice(n_test)),
        test_labels=data.test_labels[:n_test],
    )
    validation = data.train.cut(slice(learned, None)) if held else None
    return Division(cut, validation, data.train_labels[learned:], digest)


def cross_validated(data: DeepDataset, folds: int, fold: int) -> DeepDataset:
    """Training and test samples as one set in a random order, cut into `folds` parts, of which one is tested.

    The order depends on the number of samples alone, not on the seed of a run, so that every sample is tested once
    over the folds, and networks of any seed see the same parts.

    Raises
    ------
    InputError
        More folds than samples.
    """
    samples, labels = data.train, data.train_labels
    if not data.test_is_train:
        samples, labels = samples.joined(data.test), np.concatenate([labels, data.test_labels])
    if folds > len(labels):
        raise InputError(f"setting 'folds' is {folds}; allowed: 0, or 2 .. {len(labels)} with {data.name}")
    parts = np.array_split(np.random.Generator(np.random.Philox(key=0)).permutation(len(labels)), folds)
    tested = parts.pop(fold)
    learned = np.concatenate(parts)
    return dataclasses.replace(
        data,
        train=samples.cut(learned),
        train_labels=labels[learned],
        test=samples.cut(tested),
        test_labels=labels[tested],
        test_is_train=False,
    )


def _count(name: str, wanted: int | str, available: int, dataset: str) -> int:
    if wanted == "all":
        return available
    if not 1 <= int(wanted) <= available:
        raise InputError(f"setting {name!r} is {wanted}; allowed: 1 .. {available} or all ({dataset})")
    return int(wanted)
