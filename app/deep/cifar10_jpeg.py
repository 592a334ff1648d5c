"""CIFAR-10 as JPEG files in two archives: complete, but lossy, so results on it are not those on CIFAR-10."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from lavaprune.deep.cifar10 import Labels, Pixels
from lavaprune.errors import InputError

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_FOLDER = "CIFAR10"
_SIDE = 32


def load_cifar10_jpeg(folder: Path) -> tuple[Pixels, Labels, Pixels, Labels]:
    """Return training images (n, 32, 32, 3) uint8, their classes, test images and theirs.

    Images come by their number, and of one number class by class: the archives keep no order between classes, and the
    first of the images are of all classes this way.

    Parameters
    ----------
    folder : Path
        Holds ``CIFAR10/cifar10-jpeg-train.tar.gz`` with ``train/<class>/<number>.jpg``, and the same of ``test``.

    Raises
    ------
    InputError
        An archive is missing, empty, cut short or damaged, or holds an image of another class, size or mode.
    """
    return *_read_part(folder, "train"), *_read_part(folder, "test")


def _read_part(folder: Path, part: str) -> tuple[Pixels, Labels]:
    path = folder / _FOLDER / f"cifar10-jpeg-{part}.tar.gz"
    if not path.is_file():
        raise InputError(f"data folder {folder}: has no {path.relative_to(folder)}; data set 'cifar10-jpeg' needs it")
    found: list[tuple[str, int, npt.NDArray[np.uint8]]] = []
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith(".jpg") else None
                if stream is not None:
                    name = PurePosixPath(member.name)
                    owner = f"{path}/{name}"
                    found.append((name.name, _label(owner, name.parent.name), _decode(owner, stream.read())))
    except (OSError, EOFError, KeyError, tarfile.TarError, zlib.error) as error:  # KeyError: a link to no member
        raise InputError(f"{path}: images cannot be read ({error})") from None
    if not found:
        raise InputError(f"{path}: holds no images; allowed: {part}/<class>/<number>.jpg")
    found.sort(key=lambda entry: entry[:2])
    pixels = np.stack([image for _, _, image in found])
    return pixels, np.array([label for _, label, _ in found], np.int64)


def _label(owner: str, name: str) -> int:
    if name not in CLASSES:
        raise InputError(f"{owner}: class is {name!r}; allowed: {' | '.join(CLASSES)}")
    return CLASSES.index(name)


def _decode(owner: str, content: bytes) -> npt.NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            if (image.size, image.mode) != ((_SIDE, _SIDE), "RGB"):
                raise InputError(f"{owner}: image is {image.size} {image.mode}; allowed: ({_SIDE}, {_SIDE}) RGB")
            return np.asarray(image)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # damaged, cut short or huge
        raise InputError(f"{owner}: image cannot be read ({error}); allowed: JPEG") from None
