"""Downloading MNIST and Fashion-MNIST: https mirrors in turn, checksum, then rename."""

from __future__ import annotations

import hashlib
import http.client
import logging
import urllib.error
import urllib.request
from pathlib import Path

from lavaprune.datasets.checksums import CHECKSUMS, FileSums
from lavaprune.errors import InputError
from lavaprune.files import atomic_file, writable_folder

MIRRORS: dict[str, tuple[str, ...]] = {
    "mnist": (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    "fashion": (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
}
TIMEOUT_S = 20.0
_CHUNK_BYTES = 1 << 20
_log = logging.getLogger(__name__)


def download_file(dataset: str, name: str, folder: Path) -> Path:
    """Download one ``.gz`` file of a data set into `folder`, unless every mirror fails.

    Parameters
    ----------
    dataset : {"mnist", "fashion"}
    name : str
        Name without ``.gz``, one of `checksums.FILE_NAMES`.
    folder : Path
        Where it goes; made if absent. Nothing but the whole, verified file ever stands there under its name.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If no mirror delivered the official bytes; says where to put the file by hand.
    """
    path = folder / f"{name}.gz"
    sums = CHECKSUMS[dataset][name]
    reasons = []
    try:
        with writable_folder(folder):
            for mirror in MIRRORS[dataset]:
                _log.info("downloading %s%s.gz", mirror, name)
                try:
                    _fetch(f"{mirror}{name}.gz", path, sums)
                    return path
                except (
                    urllib.error.URLError,
                    http.client.HTTPException,
                    TimeoutError,
                    ConnectionError,
                    _Mismatch,
                ) as error:
                    reasons.append(f"{mirror}: {str(error) or type(error).__name__}")
            raise InputError(
                f"{path}: no such file and it could not be downloaded ({'; '.join(reasons)}); put the official file "
                "there, or give --data-dir a folder with MNIST/raw/*.gz and FashionMNIST/raw/*.gz"
            )
    except OSError as error:
        raise InputError(f"{path}: cannot be downloaded ({error.strerror or error})") from None


class _Mismatch(Exception):
    """A mirror sent other bytes than the official ones."""


def _fetch(url: str, path: Path, sums: FileSums) -> None:
    digest = hashlib.sha256()
    received = 0
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response, atomic_file(path) as temporary:
        with open(temporary, "wb") as stream:
            while piece := response.read(_CHUNK_BYTES):
                received += len(piece)
                if received > sums.gz_bytes:
                    raise _Mismatch(f"sent more than the official {sums.gz_bytes} bytes")
                digest.update(piece)
                stream.write(piece)
        if digest.hexdigest() != sums.gz_sha256:
            raise _Mismatch(f"sent {received} bytes with sha256 {digest.hexdigest()}, not the official file")
