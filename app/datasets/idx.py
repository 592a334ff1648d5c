"""IDX, the file format of MNIST: a big-endian header, then unsigned bytes.

Format (LeCun, "The MNIST database of handwritten digits"): two zero bytes, one byte for the type of the data
(0x08 = unsigned byte), one byte for the number of dimensions, a 32-bit big-endian size of each, the data.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from lavaprune.errors import InputError

UNSIGNED_BYTE = 0x08
# DEFLATE cannot shrink data by more than about 1032:1, so a longer claim in a header cannot be true.
_MAX_DEFLATE_RATIO = 1032
_CHUNK_BYTES = 1 << 20


def read_idx(path: Path, n_dims: int) -> npt.NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, gzip-compressed (name ends in ``.gz``) or plain.

    The data go straight into the array that is returned: no second copy is ever in memory.

    Parameters
    ----------
    path : Path
        The file.
    n_dims : int
        Number of dimensions it must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8, shape as in the file's header

    Raises
    ------
    InputError
        If the file is missing, unreadable, not gzip where its name says so, of another magic number, empty in
        a dimension, shorter than its header says, or longer.
    """
    try:
        with _open(path) as stream:
            shape = _read_header(path, stream, n_dims)
            return _read_data(path, stream, shape)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{path}: not a valid gzip file ({error})") from None
    except EOFError:
        raise InputError(f"{path}: gzip data end too early: the file is truncated") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def _open(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return open(path, "rb")


def _read_header(path: Path, stream: BinaryIO, n_dims: int) -> tuple[int, ...]:
    header = stream.read(4 + 4 * n_dims)
    if len(header) < 4:
        raise InputError(f"{path}: file length is {len(header)} bytes; allowed: at least {4 + 4 * n_dims} (IDX header)")
    magic = int.from_bytes(header[:4], "big")
    wanted = UNSIGNED_BYTE << 8 | n_dims
    if magic != wanted:
        raise InputError(
            f"{path}: magic number is 0x{magic:08x}; allowed: 0x{wanted:08x} (IDX, unsigned bytes, "
            f"{n_dims} dimension{'s' if n_dims > 1 else ''})"
        )
    if len(header) < 4 + 4 * n_dims:
        raise InputError(f"{path}: header length is {len(header)} bytes; allowed: {4 + 4 * n_dims} (file is truncated)")
    shape = tuple(int.from_bytes(header[4 + 4 * k : 8 + 4 * k], "big") for k in range(n_dims))
    for k, size in enumerate(shape):
        if size < 1:
            raise InputError(f"{path}: size of dimension {k} is {size}; allowed: at least 1")
    return shape


def _read_data(path: Path, stream: BinaryIO, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    n_bytes = 1
    for size in shape:
        n_bytes *= size
    file_bytes = path.stat().st_size
    most = file_bytes * _MAX_DEFLATE_RATIO if path.suffix == ".gz" else file_bytes
    if n_bytes > most:
        raise InputError(f"{path}: data end too early; allowed: {n_bytes} bytes by its header (file is truncated)")
    try:
        data = np.empty(n_bytes, dtype=np.uint8)
    except (MemoryError, ValueError):
        raise InputError(f"{path}: data are {n_bytes} bytes by its header; allowed: what fits into memory") from None
    view = memoryview(data)  # type: ignore[arg-type]  # NumPy's buffer protocol is not annotated
    filled = 0
    while filled < n_bytes:
        got = stream.readinto(view[filled : filled + _CHUNK_BYTES])  # type: ignore[attr-defined]
        if not got:
            raise InputError(
                f"{path}: data length is {filled} bytes; allowed: {n_bytes} by its header (file is truncated)"
            )
        filled += got
    if stream.read(1):
        raise InputError(f"{path}: data are longer than the {n_bytes} bytes its header says")
    return data.reshape(shape)
