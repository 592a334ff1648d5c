"""Checkpoints: the whole state of a network between two images, in one ``.npz`` without pickle.

Randomness is counter-based, so weights, masks, thresholds, counts and the number of the next image are all
there is. A checkpoint names the settings and the data it belongs to, and carries a SHA-256 over everything
in it.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lavaprune.energy.counts import N_COUNTERS
from lavaprune.errors import InputError
from lavaprune.files import write_bytes
from lavaprune.processes.state import NetworkState

FORMAT_VERSION = 2
EXTRA_PREFIX = "extra_"
_DIGEST_BYTES = 32
_MAX_EXTRA_DIMS = 4


@dataclass(frozen=True)
class Checkpoint:
    """State of a network before image `next_sample`. I inputs, N neurons.

    Attributes
    ----------
    next_sample : int
        Index of the next training image, 0 .. 2**63 - 1.
    weights : (I, N) ndarray of uint8
    conducts, plastic : (I, N) ndarray of uint8
        Masks, 0 or 1.
    theta : (N,) ndarray of int32
        Adaptive thresholds, LSB 2**-16 mV.
    batch_spike_counts : (N,) ndarray of int64
        Spikes of each neuron since the last batch ended.
    column_targets : (N,) ndarray of int64
        Sum to which each neuron's weights are normalised, in weight steps; 0: not at all.
    counters : (2, n_counters) ndarray of int64
        Row 0 training, row 1 inference; columns as `lavaprune.energy.counts.COUNTER_NAMES`.
    extras : mapping of str to ndarray
        What training keeps beside the network, such as running accuracy: integers or floats of up to 4
        dimensions.
    """

    next_sample: int
    weights: npt.NDArray[np.uint8]
    conducts: npt.NDArray[np.uint8]
    plastic: npt.NDArray[np.uint8]
    theta: npt.NDArray[np.int32]
    batch_spike_counts: npt.NDArray[np.int64]
    column_targets: npt.NDArray[np.int64]
    counters: npt.NDArray[np.int64]
    extras: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)

    @classmethod
    def of_state(
        cls, state: NetworkState, next_sample: int, extras: Mapping[str, npt.NDArray[np.generic]]
    ) -> Checkpoint:
        """The checkpoint of a network's state before image `next_sample`; the arrays are not copied."""
        return cls(
            next_sample=next_sample,
            weights=state.weights,
            conducts=state.conducts,
            plastic=state.plastic,
            theta=state.theta,
            batch_spike_counts=state.batch_counts,
            column_targets=state.column_targets,
            counters=state.counters,
            extras=extras,
        )

    def network_state(self) -> NetworkState:
        """The state of the network that it holds; the arrays are not copied."""
        return NetworkState(
            weights=self.weights,
            conducts=self.conducts,
            plastic=self.plastic,
            theta=self.theta,
            batch_counts=self.batch_spike_counts,
            column_targets=self.column_targets,
            counters=self.counters,
        )


def save_checkpoint(path: Path, checkpoint: Checkpoint, settings_sha256: str, data_sha256: str) -> None:
    """Write a checkpoint atomically: `path` always holds the old or the whole new one.

    Parameters
    ----------
    path : Path
        The ``.npz`` file.
    checkpoint : Checkpoint
    settings_sha256, data_sha256 : str
        Of the settings and the data set it belongs to, in hexadecimal.

    Raises
    ------
    ValueError
        If an array has another shape or type than `Checkpoint` says.
    """
    n_inputs, n_neurons = checkpoint.weights.shape
    arrays = {name: np.asarray(getattr(checkpoint, name)) for name in _specification(n_inputs, n_neurons)}
    arrays |= {f"{EXTRA_PREFIX}{name}": np.asarray(value) for name, value in checkpoint.extras.items()}
    problem = _first_problem(arrays, n_inputs, n_neurons)
    if problem:
        raise ValueError(f"checkpoint {path}: {problem}")
    arrays["format"] = np.array(FORMAT_VERSION, dtype=np.int64)
    arrays["settings_sha256"] = _hex_to_array(settings_sha256)
    arrays["data_sha256"] = _hex_to_array(data_sha256)
    arrays["content_sha256"] = _content_digest(arrays)
    stream = io.BytesIO()  # zipfile complains on stderr, at length, where it cannot end its archive: a full disk
    np.savez(stream, **arrays)
    write_bytes(path, stream.getvalue())


def load_checkpoint(
    path: Path,
    n_inputs: int | None,
    n_neurons: int,
    settings_sha256: str | None = None,
    data_sha256: str | None = None,
) -> Checkpoint:
    """Read a checkpoint and check all of it.

    Parameters
    ----------
    path : Path
    n_inputs, n_neurons : int
        Size of the network it must be for; inputs None: as many as it has.
    settings_sha256, data_sha256 : str, optional
        Of the settings and data it must belong to; None: not compared.

    Raises
    ------
    InputError
        In one line: no such file, no checkpoint, damaged, of another format, network, settings or data.
    """
    arrays = _read_arrays(path)
    version = arrays.get("format")
    if version is None or version.shape != () or version.dtype.kind != "i":
        raise InputError(f"{path}: not a checkpoint of lavaprune (no format version)")
    if int(version) != FORMAT_VERSION:
        raise InputError(f"{path}: checkpoint format is {int(version)}; allowed: {FORMAT_VERSION}")
    digest = arrays.pop("content_sha256", None)
    if digest is None or not np.array_equal(digest, _content_digest(arrays)):
        raise InputError(f"{path}: checkpoint is damaged: its SHA-256 does not match its content")
    for name, wanted in (("settings_sha256", settings_sha256), ("data_sha256", data_sha256)):
        found = arrays.pop(name, np.zeros(0, np.uint8)).tobytes().hex()
        if wanted is not None and found != wanted:
            kind = name.partition("_")[0]
            raise InputError(
                f"{path}: checkpoint's {kind} have sha256 {found[:16]}... and those given {wanted[:16]}...; "
                "allowed: the same"
            )
    del arrays["format"]
    if n_inputs is None:
        weights = arrays.get("weights")
        n_inputs = len(weights) if weights is not None and weights.ndim else 0
    problem = _first_problem(arrays, n_inputs, n_neurons)
    if problem:
        raise InputError(f"{path}: checkpoint's {problem}")
    extras = {k.removeprefix(EXTRA_PREFIX): v for k, v in arrays.items() if k.startswith(EXTRA_PREFIX)}
    state = {k: v for k, v in arrays.items() if not k.startswith(EXTRA_PREFIX)}
    next_sample = int(state.pop("next_sample"))
    return Checkpoint(next_sample=next_sample, extras=extras, **state)  # type: ignore[arg-type]


def _read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    try:
        with open(path, "rb") as stream:
            # numpy would take a lone .npy, or try pickle, for a file that is no zip archive
            if stream.read(2) != b"PK":
                raise InputError(f"{path}: not a checkpoint of lavaprune (no .npz archive)")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
                # a member that is no .npy comes back as bytes
                if not all(isinstance(array, np.ndarray) for array in arrays.values()):
                    raise ValueError("a member is no array")
                return arrays
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such checkpoint; allowed: a run that has got as far as one") from None
    except OSError as error:
        raise InputError(f"{path}: checkpoint cannot be read ({error.strerror or error})") from None
    except Exception as error:  # whatever zipfile, zlib, NumPy and the tokenizer that it reads headers with raise
        raise InputError(f"{path}: checkpoint is damaged ({type(error).__name__}: {error})") from None


def _specification(n_inputs: int, n_neurons: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type and shape of every array of the state."""
    synapses = (n_inputs, n_neurons)
    return {
        "next_sample": ("int64", ()),
        "weights": ("uint8", synapses),
        "conducts": ("uint8", synapses),
        "plastic": ("uint8", synapses),
        "theta": ("int32", (n_neurons,)),
        "batch_spike_counts": ("int64", (n_neurons,)),
        "column_targets": ("int64", (n_neurons,)),
        "counters": ("int64", (2, N_COUNTERS)),
    }


def _first_problem(arrays: Mapping[str, npt.NDArray[np.generic]], n_inputs: int, n_neurons: int) -> str | None:
    """Return what is wrong with the arrays of a state, or None."""
    specification = _specification(n_inputs, n_neurons)
    for name, (kind, shape) in specification.items():
        array = arrays.get(name)
        if array is None:
            return f"{name} is missing"
        if array.dtype != kind or array.shape != shape:
            return f"{name} is {array.dtype} of shape {array.shape}; allowed: {kind} of shape {shape}"
    for name, array in arrays.items():
        if name.startswith(EXTRA_PREFIX):
            if array.dtype.kind not in "iuf" or array.ndim > _MAX_EXTRA_DIMS:
                return f"{name} is {array.dtype}, {array.ndim} dimensions; allowed: numbers, up to {_MAX_EXTRA_DIMS}"
        elif name not in specification:
            return f"{name} is unknown; allowed: {', '.join(specification)}, {EXTRA_PREFIX}*"
    if int(arrays["next_sample"]) < 0:
        return f"next_sample is {int(arrays['next_sample'])}; allowed: from 0"
    return None


def _content_digest(arrays: Mapping[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
    """SHA-256 over names, types, shapes and values, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def _hex_to_array(text: str) -> npt.NDArray[np.uint8]:
    array = np.frombuffer(bytes.fromhex(text), np.uint8)
    if len(array) != _DIGEST_BYTES:
        raise ValueError(f"sha256 is {text!r}; allowed: {2 * _DIGEST_BYTES} hexadecimal digits")
    return array
