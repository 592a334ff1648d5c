"""Official checksums of the MNIST and Fashion-MNIST files.

md5 of the ``.gz`` files as published by torchvision (and, for Fashion-MNIST, by its authors); sha256 of the
same bytes; md5 of the files after unpacking.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lavaprune.errors import InputError

TRAIN_IMAGES = "train-images-idx3-ubyte"
TRAIN_LABELS = "train-labels-idx1-ubyte"
TEST_IMAGES = "t10k-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
FILE_NAMES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

# What each of the two sets holds: pixels a side, training images, test images, classes.
SIDE_PIXELS = 28
N_TRAIN = 60_000
N_TEST = 10_000


@dataclass(frozen=True)
class FileSums:
    """Checksums of one file, in hexadecimal."""

    gz_md5: str
    gz_sha256: str
    plain_md5: str
    gz_bytes: int


CHECKSUMS: dict[str, dict[str, FileSums]] = {
    "mnist": {
        TRAIN_IMAGES: FileSums(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "6bbc9ace898e44ae57da46a324031adb",
            9_912_422,
        ),
        TRAIN_LABELS: FileSums(
            "d53e105ee54ea40749a09fcbcd1e9432",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "a25bea736e30d166cdddb491f175f624",
            28_881,
        ),
        TEST_IMAGES: FileSums(
            "9fb629c4189551a2d022fa330f9573f3",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "2646ac647ad5339dbf082846283269ea",
            1_648_877,
        ),
        TEST_LABELS: FileSums(
            "ec29112dd5afa0611ce80d1b7f02629c",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            "27ae3e4e09519cfbb04c329615203637",
            4_542,
        ),
    },
    "fashion": {
        TRAIN_IMAGES: FileSums(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            26_421_880,
        ),
        TRAIN_LABELS: FileSums(
            "25c81989df183df01b3e8a0aad5dffbe",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "9018921c3c673c538a1fc5bad174d6f9",
            29_515,
        ),
        TEST_IMAGES: FileSums(
            "bef4ecab320f06d8554ea6380940ec79",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "8181f5470baa50b63fa0f6fddb340f0a",
            4_422_102,
        ),
        TEST_LABELS: FileSums(
            "bb300cfdad3c16e7a12a480ee83cd310",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            "15d484375f8d13e6eb1aabb0c3f46965",
            5_148,
        ),
    },
}


def check_file(path: Path, sums: FileSums) -> None:
    """Compare a file with its official checksum: sha256 of a ``.gz``, md5 of an unpacked file.

    Raises
    ------
    InputError
        Naming the file, its checksum and the official one, or that it cannot be read.
    """
    packed = path.suffix == ".gz"
    name, wanted = ("sha256", sums.gz_sha256) if packed else ("md5", sums.plain_md5)
    found = file_digest(path, name)
    if found != wanted:
        raise InputError(f"{path}: {name} is {found}; allowed: {wanted} (the official file)")


def file_digest(path: Path, algorithm: str) -> str:
    """Return a file's digest in hexadecimal, reading it in pieces; InputError if it cannot be read."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    try:
        with open(path, "rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    return digest.hexdigest()
