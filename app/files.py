"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path


def temporary_name(path: Path) -> Path:
    """Return the name under which `path` is written before it is renamed: ``.NAME.tmp`` beside it.

    The name is the same every time: a killed run leaves at most one such file, which the next write replaces.
    """
    return path.with_name(f".{path.name}.tmp")


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to `path` when the block ends without an error.

    The content is on the disk (fsync) before the rename, and the rename before this returns, so that `path`
    holds either the old or the whole new content even after a power cut. An error leaves nothing behind.

    Parameters
    ----------
    path : Path
        The file to write or replace. Its folder must exist.

    Yields
    ------
    Path
        The temporary file's path; the block writes and closes it.
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically (see `atomic_file`)."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` atomically as UTF-8 (see `atomic_file`)."""
    write_bytes(path, content.encode("utf-8"))


@contextlib.contextmanager
def writable_folder(path: Path) -> Iterator[None]:
    """Make a folder and its parents, or take one that exists, and see that files can be written in it.

    Where this or the block fails, the folders that were made here are removed again if they are empty.

    Raises
    ------
    OSError
        If it cannot be made or written to.
    """
    made = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _sync(path: Path) -> None:
    """Ask the system to put a file, or a folder's entries, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
