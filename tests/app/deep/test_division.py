"""What is learned, validated and tested; cross-validation shows every sample once."""

from __future__ import annotations

import numpy as np
import pytest

from lavaprune.deep.configuration import build_deep_settings
from lavaprune.deep.data import DeepDataset, Images
from lavaprune.deep.division import divide
from lavaprune.errors import InputError


def dataset(test_is_train: bool = False) -> DeepDataset:
    """10 training and 3 test images; the pixel of an image is its number, its class that modulo 4."""
    pixels = np.arange(13, dtype=np.uint8).reshape(13, 1, 1, 1)
    labels = np.arange(13) % 4
    train, test = Images(pixels[:10], 2), Images(pixels[10:], 2)
    if test_is_train:
        return DeepDataset("tiny", train, labels[:10], train, labels[:10], (1, 1, 1), 4, test_is_train=True)
    return DeepDataset("tiny", train, labels[:10], test, labels[10:], (1, 1, 1), 4)


def numbers(samples: object) -> list[int]:
    assert isinstance(samples, Images)
    return [int(value) for value in samples.pixels.ravel()]


def test_the_last_training_images_are_for_validation() -> None:
    found = divide(build_deep_settings("none", ["validation_images=2", "train_images=7", "test_images=2"]), dataset())
    assert numbers(found.data.train) == list(range(7))
    assert numbers(found.validation) == [8, 9]
    assert found.validation_labels.tolist() == [0, 1]
    assert numbers(found.data.test) == [10, 11]


def test_over_the_folds_every_sample_is_tested_once() -> None:
    tested: list[int] = []
    for fold in range(5):
        for seed in (0, 3):
            settings = build_deep_settings("none", ["folds=5", f"fold={fold}", f"seed={seed}"])
            data = divide(settings, dataset()).data
            both = numbers(data.train) + numbers(data.test)
            assert sorted(both) == list(range(13))
            labels = [*data.train_labels, *data.test_labels]
            assert [number % 4 for number in both] == labels
        tested += numbers(data.test)
    assert sorted(tested) == list(range(13))
    assert tested != sorted(tested)


def test_a_set_without_test_samples_is_cut_into_folds_too() -> None:
    data = divide(build_deep_settings("none", ["folds=2"]), dataset(test_is_train=True)).data
    assert not data.test_is_train
    assert sorted(numbers(data.train) + numbers(data.test)) == list(range(10))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["folds=1"], "'folds' is 1; allowed: 0"),
        (["folds=3", "fold=3"], "'fold' is 3; allowed: 0 .. folds - 1 = 2"),
        (["fold=1"], "'fold' is 1; allowed: 0 .. folds - 1 = 0"),
        (["folds=14"], "'folds' is 14; allowed: 0, or 2 .. 13 with tiny"),
        (["validation_images=10"], "'validation_images' is 10; allowed: 0 .. 9"),
        (["train_images=11"], "'train_images' is 11; allowed: 1 .. 10"),
        (["test_images=4"], "'test_images' is 4; allowed: 1 .. 3"),
    ],
)
def test_what_cannot_be_divided(changes: list[str], message: str) -> None:
    with pytest.raises(InputError, match="setting") as error:
        divide(build_deep_settings("none", changes), dataset())
    assert message in str(error.value)
    assert "\n" not in str(error.value)
