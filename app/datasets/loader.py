"""Loading a data set by its name, from a folder or from the cache that downloads fill."""

from __future__ import annotations

import os
from pathlib import Path

from lavaprune.datasets import checksums, digits
from lavaprune.datasets.checksums import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from lavaprune.datasets.dataset import Bytes, Dataset
from lavaprune.datasets.download import download_file
from lavaprune.datasets.idx import read_idx
from lavaprune.errors import InputError

DATA_DIR_VARIABLE = "LAVAPRUNE_DATA"
NAMES = ("digits", "mnist", "fashion", "idx")
MAX_PIXELS = 65536  # as many inputs as a network may have
# torchvision's folder of each set, below the data folder
_FOLDERS = {"mnist": Path("MNIST", "raw"), "fashion": Path("FashionMNIST", "raw")}


def load_dataset(name: str, data_dir: str | os.PathLike[str] | None = None) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion", "idx"}
        ``digits`` ships with scikit-learn; ``idx`` are the user's own files,
        ``{train,t10k}-{images-idx3,labels-idx1}-ubyte`` in the data folder itself, each plain or ``.gz``.
    data_dir : path, optional
        The data folder: a torchvision-style root with ``MNIST/raw`` and ``FashionMNIST/raw``. Where it is not
        given the variable ``LAVAPRUNE_DATA`` counts; without that, MNIST and Fashion-MNIST come from the
        user's cache folder and are downloaded into it once.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        In one line: an unknown name, a missing, truncated or foreign file, a checksum that differs, images
        and labels that do not fit together, a download that failed.
    """
    if name == "digits":
        return Dataset(name, *digits.load(), shape=(digits.SIDE_PIXELS, digits.SIDE_PIXELS), n_classes=10)
    folder = _data_folder(data_dir)
    if name == "idx":
        return _load_idx(folder)
    if name in _FOLDERS:
        return _load_official(name, folder)
    raise InputError(f"data set is {name!r}; allowed: {' | '.join(NAMES)}")


def cache_folder() -> Path:
    """Return where downloads go: ``$XDG_CACHE_HOME/lavaprune`` or ``~/.cache/lavaprune``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification says to ignore a relative path.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "lavaprune"


def _data_folder(data_dir: str | os.PathLike[str] | None) -> Path | None:
    chosen = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if not chosen:
        return None
    folder = Path(chosen)
    if not folder.is_dir():
        raise InputError(f"data folder {folder}: no such folder (from --data-dir or {DATA_DIR_VARIABLE})")
    return folder


def _find(folder: Path, file_name: str) -> Path | None:
    """Return the packed or the plain file, packed first, or None."""
    for path in (folder / f"{file_name}.gz", folder / file_name):
        if path.exists():
            return path
    return None


def _load_official(name: str, folder: Path | None) -> Dataset:
    raw = (folder if folder is not None else cache_folder()) / _FOLDERS[name]
    paths = {}
    for file_name in checksums.FILE_NAMES:
        path = _find(raw, file_name)
        if path is None and folder is not None:
            raise InputError(
                f"{raw / file_name}.gz: no such file; allowed: the official file of {name}, .gz or unpacked"
            )
        paths[file_name] = path or download_file(name, file_name, raw)
    for file_name, path in paths.items():
        checksums.check_file(path, checksums.CHECKSUMS[name][file_name])
    return _read(name, paths)


def _load_idx(folder: Path | None) -> Dataset:
    if folder is None:
        raise InputError(f"data set 'idx' needs the folder of its files; give --data-dir or set {DATA_DIR_VARIABLE}")
    paths = {}
    for file_name in checksums.FILE_NAMES:
        path = _find(folder, file_name)
        if path is None:
            raise InputError(f"{folder / file_name}: no such file, plain or .gz; data set 'idx' needs it")
        paths[file_name] = path
    return _read("idx", paths)


def _read(name: str, paths: dict[str, Path]) -> Dataset:
    train_images, train_shape = _read_images(paths[TRAIN_IMAGES])
    test_images, test_shape = _read_images(paths[TEST_IMAGES])
    if test_shape != train_shape:
        raise InputError(
            f"{paths[TEST_IMAGES]}: images are {test_shape[0]}x{test_shape[1]} pixels; "
            f"allowed: {train_shape[0]}x{train_shape[1]} as in {paths[TRAIN_IMAGES]}"
        )
    train_labels = _read_labels(paths[TRAIN_LABELS], paths[TRAIN_IMAGES], len(train_images))
    test_labels = _read_labels(paths[TEST_LABELS], paths[TEST_IMAGES], len(test_images))
    n_classes = 1 + max(int(train_labels.max()), int(test_labels.max()))
    return Dataset(name, train_images, train_labels, test_images, test_labels, train_shape, n_classes)


def _read_images(path: Path) -> tuple[Bytes, tuple[int, int]]:
    images = read_idx(path, 3)
    n_images, height, width = images.shape
    if height * width > MAX_PIXELS:
        raise InputError(f"{path}: images are {height}x{width} pixels; allowed: at most {MAX_PIXELS} in all")
    return images.reshape(n_images, height * width), (height, width)


def _read_labels(path: Path, images_path: Path, n_images: int) -> Bytes:
    labels = read_idx(path, 1)
    if len(labels) != n_images:
        raise InputError(f"{path}: number of labels is {len(labels)}; allowed: {n_images}, the images in {images_path}")
    return labels
