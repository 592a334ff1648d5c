"""Event recordings through tonic: N-MNIST and DVS-Gesture as frames of spikes.

tonic's own data set classes want the original archives with their checksums; its readers and transforms do not.
"""

from __future__ import annotations

import io
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from lavaprune.errors import InputError

_EVENT_BYTES = 5
_EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", bool)])


@dataclass(frozen=True)
class RecordingFormat:
    """Where a set of recordings lies and what its frames are.

    Attributes
    ----------
    name, folder : str
    parts : tuple of str
        Folders (or archives of that name with ``.tar.gz``) of the training and of the test part.
    samples : str or None
        Archive to fall back on, of samples without parts.
    sensor : int
        Pixels a side.
    crop : int
        Pixels a side that are kept, from the middle.
    """

    name: str
    folder: str
    parts: tuple[str, str]
    samples: str | None
    sensor: int
    crop: int


N_MNIST = RecordingFormat("nmnist", "NMNIST", ("Train", "Test"), None, 34, 32)
DVS_GESTURE = RecordingFormat("dvsgesture", "DVSGesture", ("ibmGestureTrain", "ibmGestureTest"), "samples", 128, 128)


@dataclass(frozen=True)
class Recordings:
    """Recordings as frames: a spike where a pixel had an event of that polarity in that part of the recording.

    Attributes
    ----------
    packed : (n, bytes) uint8
        Frames (T, H, W, 2) of each, eight to a byte.
    steps : int
    shape : (int, int, int)
        (H, W, 2).
    """

    packed: npt.NDArray[np.uint8]
    steps: int
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        return len(self.packed)

    def frames(self, rows: npt.NDArray[np.int64], key: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        """Spikes (T, B, H, W, 2) of the recordings `rows`; nothing is drawn, so `key` does not matter."""
        size = self.steps * int(np.prod(self.shape))
        spikes = np.unpackbits(self.packed[rows], axis=1, count=size)
        return np.ascontiguousarray(spikes.reshape(len(rows), self.steps, *self.shape).swapaxes(0, 1))

    def cut(self, rows: slice | npt.NDArray[np.int64]) -> Recordings:
        """Some of the recordings."""
        return Recordings(self.packed[rows], self.steps, self.shape)

    def joined(self, others: Recordings) -> Recordings:
        """These recordings and then `others`."""
        return Recordings(np.concatenate([self.packed, others.packed]), self.steps, self.shape)


def load_recordings(
    form: RecordingFormat, data_dir: Path, steps: int
) -> tuple[Recordings, npt.NDArray[np.int64], Recordings, npt.NDArray[np.int64]]:
    """Read both parts of a set; where there are only samples, they are both.

    Parameters
    ----------
    form : RecordingFormat
    data_dir : Path
        Holds ``form.folder``; in it each part as a folder or as a ``.tar.gz``. N-MNIST:
        ``Train/<digit>/<name>.bin``. DVS-Gesture: tonic's ``ibmGestureTrain/<user>/<label>.npy``, or
        ``samples/<label from 1>_<name>.bin``.
    steps : int
        Frames per recording, of equal duration.

    Raises
    ------
    InputError
        No such folder or part, an empty part, a file that cannot be read, is cut short, or has events outside
        the sensor.
    """
    folder = data_dir / form.folder
    if not folder.is_dir():
        raise InputError(f"data folder {data_dir}: has no {form.folder}; data set {form.name!r} needs it")
    found = [_find_part(folder, part) for part in form.parts]
    if None in found and form.samples is not None:
        samples = _find_part(folder, form.samples)
        if samples is not None:
            recordings, labels = _read_part(form, samples, steps)
            return recordings, labels, recordings, labels
    for part, path in zip(form.parts, found, strict=True):
        if path is None:
            raise InputError(f"{folder / part}: no such folder, nor {part}.tar.gz; data set {form.name!r} needs it")
    train, test = (_read_part(form, path, steps) for path in found if path is not None)
    return *train, *test


def _find_part(folder: Path, name: str) -> Path | None:
    for path in (folder / name, folder / f"{name}.tar.gz"):
        if path.exists():
            return path
    return None


def _read_part(form: RecordingFormat, path: Path, steps: int) -> tuple[Recordings, npt.NDArray[np.int64]]:
    shape = (form.crop, form.crop, 2)
    packed, labels = [], []
    for name, content in _files(path):
        events = _events(name, content, form)
        duration_us = int(events["t"][-1]) - int(events["t"][0])
        if duration_us < steps:
            raise InputError(
                f"{name}: {len(events)} events last {duration_us} us; allowed: {steps} at least, 1 us a frame "
                "(cut short?)"
            )
        frames = _frames(events, form, steps)
        packed.append(np.packbits(frames.reshape(-1)))
        labels.append(_label(name, form))
    if not packed:
        raise InputError(f"{path}: holds no recordings; data set {form.name!r} needs .bin or .npy files")
    return Recordings(np.stack(packed), steps, shape), np.array(labels, np.int64)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the recordings of a part, in the order of `_order`."""
    try:
        if path.is_dir():
            files = [str(file) for file in path.rglob("*") if file.suffix in (".bin", ".npy") and file.is_file()]
            for name in sorted(files, key=_order):
                yield name, Path(name).read_bytes()
            return
        with tarfile.open(path, "r:gz") as archive:
            found = []
            for member in archive:
                stream = archive.extractfile(member) if member.name.endswith((".bin", ".npy")) else None
                if stream is not None:
                    found.append((f"{path}/{member.name}", stream.read()))
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise InputError(f"{path}: recordings cannot be read ({error})") from None
    yield from sorted(found, key=lambda entry: _order(entry[0]))


def _order(name: str) -> tuple[str, str]:
    """N-MNIST by the number of the recording, so that the first ones are of all classes; tonic's files as they lie."""
    path = PurePosixPath(name)
    return (path.name, name) if path.suffix == ".bin" else (name, "")


def _events(name: str, content: bytes, form: RecordingFormat) -> Any:
    if name.endswith(".npy"):
        return _npy_events(name, content, form)
    if not content or len(content) % _EVENT_BYTES:
        raise InputError(
            f"{name}: recording has {len(content)} bytes; allowed: a multiple of {_EVENT_BYTES}, above 0 (cut short?)"
        )
    from tonic.io import read_mnist_file

    return _checked(name, read_mnist_file(io.BytesIO(content), dtype=_EVENT, is_stream=True), form)


def _npy_events(name: str, content: bytes, form: RecordingFormat) -> Any:
    try:
        rows = np.load(io.BytesIO(content), allow_pickle=False)
        if rows.ndim != 2 or rows.shape[1] != 4 or not len(rows):
            raise ValueError(f"shape {rows.shape}; allowed: (events, 4)")
        events = np.empty(len(rows), _EVENT)
        for column, field in enumerate("xypt"):
            events[field] = rows[:, column]
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{name}: recording cannot be read ({error}); allowed: x, y, p, t in rows") from None
    return _checked(name, events, form)


def _checked(name: str, events: Any, form: RecordingFormat) -> Any:
    for axis in "xy":
        low, high = int(events[axis].min(initial=0)), int(events[axis].max(initial=0))
        if low < 0 or high >= form.sensor or not len(events):
            raise InputError(
                f"{name}: {axis} of {len(events)} events is {low} .. {high}; "
                f"allowed: 0 .. {form.sensor - 1}, and an event at least"
            )
    return events


def _frames(events: Any, form: RecordingFormat, steps: int) -> npt.NDArray[np.uint8]:
    """(T, H, W, 2) uint8, 0 or 1, from tonic's frames of event counts (T, 2, y, x)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tonic.transforms import ToFrame

    counts = ToFrame(sensor_size=(form.sensor, form.sensor, 2), n_time_bins=steps)(events)
    edge = (form.sensor - form.crop) // 2
    inside = counts[:, :, edge : edge + form.crop, edge : edge + form.crop]
    return (inside > 0).astype(np.uint8).transpose(0, 2, 3, 1)


def _label(name: str, form: RecordingFormat) -> int:
    path = PurePosixPath(name)
    if form is N_MNIST:
        text, first, most = path.parent.name, 0, 9
    elif path.suffix == ".npy":
        text, first, most = path.stem, 0, 10
    else:
        text, first, most = path.stem.partition("_")[0], 1, 11
    if not (text.isascii() and text.isdecimal()) or not first <= int(text) <= most:
        raise InputError(f"{name}: class is {text!r}; allowed: {first} .. {most} in its name")
    return int(text) - first
