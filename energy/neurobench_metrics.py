"""NeuroBench's complexity metrics by its definitions, on plain arrays.

Yik et al. 2025, "The neurobench framework for benchmarking neuromorphic computing algorithms and systems", Nature
Communications 16:1545. A test holds these functions against the ``neurobench`` package where it is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lavaprune.energy.checks import checked_count
from lavaprune.energy.errors import CountsError

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class SynapticOperations:
    """Operations of connection layers per sample.

    Attributes
    ----------
    effective_macs : float
        Multiply-accumulates with both factors not 0, of calls whose inputs are not all -1, 0 or 1.
    effective_acs : float
        Accumulates: the same of calls whose inputs are.
    dense : float
        Operations if nothing were 0.
    """

    effective_macs: float
    effective_acs: float
    dense: float


def synaptic_operations(layers: Iterable[tuple[Array, Sequence[Array]]], n_samples: int) -> SynapticOperations:
    """Count operations of fully connected layers.

    Parameters
    ----------
    layers : iterable of (weights, calls)
        ``weights`` (O, I) of one layer; ``calls``: what it was given, an array (B, I) for each time step.
    n_samples : int
        Samples in all calls of a time step together, at least 1.

    Raises
    ------
    CountsError
        If shapes do not fit or there is no sample.
    """
    samples = checked_count("synaptic operations", "samples", n_samples)
    if samples < 1:
        raise CountsError("synaptic operations: samples is 0; allowed: at least 1")
    macs = acs = dense = 0
    for weights, calls in layers:
        existing = _nonzero(np.asarray(weights), 2)
        fan_out = existing.sum(axis=0)
        for call in calls:
            inputs = np.asarray(call)
            if inputs.ndim != 2 or inputs.shape[1] != existing.shape[1]:
                raise CountsError(
                    f"synaptic operations: inputs have shape {inputs.shape}; allowed: (samples, {existing.shape[1]})"
                )
            operations = int(_nonzero(inputs, 2).sum(axis=0) @ fan_out)
            if np.isin(inputs, (-1, 0, 1)).all():
                acs += operations
            else:
                macs += operations
            dense += inputs.shape[0] * existing.size
    return SynapticOperations(macs / samples, acs / samples, dense / samples)


def effective_accumulates(weights: Array, input_spikes: Array) -> int:
    """Count effective ACs of a layer whose inputs are spikes: those that meet a weight that is not 0.

    Unlike our `EventCounts.input_accumulations`, which count every synapse that exists, a weight that is 0 but not
    removed is left out.

    Parameters
    ----------
    weights : array, shape (I, N)
        Ours: inputs first.
    input_spikes : integers, shape (I,)
        Spikes of each input that reached its synapses.
    """
    existing = _nonzero(np.asarray(weights), 2)
    spikes = np.asarray(input_spikes)
    if spikes.shape != existing.shape[:1]:
        raise CountsError(f"effective ACs: input spikes have shape {spikes.shape}; allowed: ({existing.shape[0]},)")
    return int(existing.sum(axis=1) @ spikes.astype(np.int64))


def connection_sparsity(weights: Iterable[Array]) -> float:
    """Return the share of weights that are 0, over all layers together, to four decimals as the package rounds.

    Raises
    ------
    CountsError
        If there is no weight.
    """
    zeros = total = 0
    for array in weights:
        zeros += int(np.count_nonzero(np.asarray(array) == 0))
        total += int(np.asarray(array).size)
    if not total:
        raise CountsError("connection sparsity: no weights; allowed: at least one")
    return round(zeros / total, 4)


def activation_sparsity(activations: Iterable[Array]) -> float:
    """Return the share of activations that are 0, over all layers, time steps and samples; 0 where there are none."""
    active = total = 0
    for array in activations:
        active += int(np.count_nonzero(array))
        total += int(np.asarray(array).size)
    return (total - active) / total if total else 0.0


def activation_sparsity_of_counts(spikes: int, neuron_steps: int) -> float:
    """Return the same for neurons that spike at most once a step, from counts.

    Parameters
    ----------
    spikes : int
        Of all neurons of all layers.
    neuron_steps : int
        Neuron updates: neurons x time steps x samples, at least `spikes`.
    """
    active = checked_count("activation sparsity", "spikes", spikes)
    total = checked_count("activation sparsity", "neuron steps", neuron_steps)
    if active > total:
        raise CountsError(f"activation sparsity: {active:,} spikes in {total:,} neuron steps; allowed: one each")
    return (total - active) / total if total else 0.0


def footprint_bytes(arrays: Iterable[Array]) -> int:
    """Return the bytes of all parameters and buffers, zeros included."""
    return sum(int(np.asarray(array).nbytes) for array in arrays)


def _nonzero(array: Array, ndim: int) -> npt.NDArray[np.int64]:
    if array.ndim != ndim:
        raise CountsError(f"synaptic operations: array has {array.ndim} dimensions; allowed: {ndim}")
    return (array != 0).astype(np.int64)
