"""The fused kernels with their state: what the fused ProcessModel runs, and what the search runs without Lava."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavaprune.proc_models import fused_layout as layout
from lavaprune.proc_models.fused_kernel import run_chunk
from lavaprune.proc_models.fused_plasticity import rescale_columns
from lavaprune.proc_models.quantisation import quantise
from lavaprune.proc_models.tables import interval_table, trace_table
from lavaprune.processes.control import CONTROL_COLUMNS
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import NetworkState

FOLLOWED_SHARE = 8  # where more than one neuron in so many must be followed, stepping all in one go is quicker


@dataclass
class Recording:
    """Spikes of a chunk: ``exc`` and ``inh`` (K, T, N), ``inputs`` (K, T, I), uint8."""

    exc: np.ndarray
    inputs: np.ndarray
    inh: np.ndarray


def constants(p: NetworkParameters) -> np.ndarray:
    """The constants vector of the kernels, (21,) int64."""
    q = quantise(p)
    const = np.zeros(layout.N_CONSTANTS, np.int64)
    for row, value in {
        layout.K_SEED: p.seed,
        layout.K_STEPS: p.steps,
        layout.K_V_REST: q.v_rest,
        layout.K_V_TH: q.v_th,
        layout.K_E_EXC: q.e_exc,
        layout.K_E_INH: q.e_inh,
        layout.K_LEAK: q.leak_q22,
        layout.K_DECAY_GE: q.decay_ge_q16,
        layout.K_DECAY_GI: q.decay_gi_q16,
        layout.K_GAIN_EXC: q.gain_exc,
        layout.K_GAIN_INH: q.gain_inh,
        layout.K_REFRACTORY: q.refractory_steps,
        layout.K_INTERNEURONS: int(p.inhibition == "interneurons"),
        layout.K_INH_V_TH: q.inh_v_th,
        layout.K_INH_LEAK: q.inh_leak_q22,
        layout.K_INH_GAIN_EXC: q.inh_gain_exc,
        layout.K_INH_REFRACTORY: q.inh_refractory_steps,
        layout.K_THETA_LOSS: q.theta_loss_q32,
        layout.K_PERIOD: q.period_q,
        layout.K_EQUALISE: q.equalise_q16,
        layout.K_REFERENCE_SUM: q.reference_sum,
    }.items():
        const[row] = value
    return const


def _check_array(name: str, array: np.ndarray, shape: tuple[int, ...], dtype: type) -> None:
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(
            f"fused engine: {name} is {array.dtype}{array.shape}; allowed: {np.dtype(dtype)}{shape}"
        )


def _padded(n: int) -> int:
    """A multiple of `LANES`, at least one."""
    return max(1, -(-n // layout.LANES)) * layout.LANES


def _aligned(n_rows: int, n_columns: int) -> np.ndarray:
    """Zeros, uint8, from the start of a cache line."""
    raw = np.zeros(n_rows * n_columns + layout.CACHE_LINE, np.uint8)
    first = -raw.ctypes.data % layout.CACHE_LINE
    return raw[first : first + n_rows * n_columns].reshape(n_rows, n_columns)


class FusedEngine:
    """A network that presents whole samples, in this process, without Lava.

    Parameters
    ----------
    parameters : NetworkParameters
    state : NetworkState
        Copied.

    Attributes
    ----------
    most_followed : int
        Neurons that are followed in integers while the others are watched (`fused_watch`), before all are stepped in
        integers; negative: all always are. Changes the time that a sample takes, never a result.
    """

    def __init__(self, parameters: NetworkParameters, state: NetworkState) -> None:
        p = self.parameters = parameters
        if state.weights.shape != (p.n_inputs, p.n_neurons):
            raise ValueError(
                f"fused engine: weights have shape {state.weights.shape}; allowed: {(p.n_inputs, p.n_neurons)}"
            )
        self._const = constants(p)
        self._tables = (trace_table(p.tau_x_ms), trace_table(p.tau_y1_ms), trace_table(p.tau_y2_ms), interval_table())
        padded = _padded(p.n_neurons)
        self._weights = _aligned(p.n_inputs + 1, padded)
        self._plastic = _aligned(p.n_inputs, padded)
        self.most_followed = p.n_neurons // FOLLOWED_SHARE
        self._weights[: p.n_inputs, : p.n_neurons] = state.weights
        self._conducts = np.zeros((0, 0), np.uint8)
        self.theta = state.theta.copy()
        self.batch_counts = state.batch_counts.copy()
        self.column_targets = state.column_targets.copy()
        self.counters = state.counters.copy()
        self.set_masks(state.conducts, state.plastic)

    def set_masks(self, conducts: np.ndarray, plastic: np.ndarray) -> None:
        """Take new masks, (I, N) uint8 of 0 and 1; weights that no longer conduct become 0.

        Raises
        ------
        ValueError
            If a shape, type or value is another, or a synapse is plastic that does not conduct.
        """
        p = self.parameters
        n = p.n_neurons
        for name, mask in (("conducts", conducts), ("plastic", plastic)):
            _check_array(name, mask, (p.n_inputs, n), np.uint8)
            if mask.max() > 1:
                raise ValueError(f"fused engine: {name} holds {mask.max()}; allowed: 0, 1")
        wrong = int(np.count_nonzero(plastic > conducts))
        if wrong:
            raise ValueError(f"fused engine: {wrong} synapses are plastic but do not conduct; allowed: 0")
        self._conducts = conducts.copy()
        self._plastic[:, :n] = plastic
        self._weights[: p.n_inputs, :n] *= conducts
        self._masked = bool(np.count_nonzero(plastic) != plastic.size)
        self._row_conducts = conducts.sum(axis=1, dtype=np.int64)
        self._row_plastic = plastic.sum(axis=1, dtype=np.int64)
        self._column_start = np.zeros(n + 1, np.int64)
        np.cumsum(plastic.sum(axis=0, dtype=np.uint32), out=self._column_start[1:])
        by_neuron = np.ascontiguousarray(plastic.T).view(bool) if self._masked else np.zeros(0, bool)
        self._column_inputs = (np.flatnonzero(by_neuron) % p.n_inputs).astype(np.int32)
        excited = conducts.any(axis=0)
        self._lane_neuron = np.flatnonzero(excited).astype(np.int32)
        self._lane = np.full(n, -1, np.int32)
        self._lane[self._lane_neuron] = np.arange(len(self._lane_neuron))
        self._lanes = self._weights
        if not excited.all():
            n_lanes = len(self._lane_neuron)
            self._lanes = _aligned(p.n_inputs + 1, _padded(n_lanes))
            self._lanes[:, :n_lanes] = self._weights[:, self._lane_neuron]

    def rescale(self, targets: np.ndarray, sample: int) -> None:
        """Take new sums of the neurons' plastic weights, (N,) int64, and scale the weights to them.

        Parameters
        ----------
        targets : (N,) int64
            -1: the neuron keeps its target and its weights. 0: it is no longer normalised.
        sample : int
            The training sample that the event followed, part of the key of the rounding.
        """
        columns = np.flatnonzero(targets >= 0)
        self.column_targets[columns] = targets[columns]
        with np.errstate(over="ignore"):
            rescale_columns(
                self._weights, self._lanes, self._lane, self._masked, self._column_start, self._column_inputs,
                self._const[layout.K_SEED], sample, columns, self.column_targets, self.counters,
            )  # fmt: skip

    def run(
        self, images: np.ndarray, control: np.ndarray, record: bool = False
    ) -> tuple[np.ndarray, Recording | None]:
        """Present K samples.

        Parameters
        ----------
        images : (K, I) uint8
        control : (K, 6) int64
            See `lavaprune.processes.control`. Pruning events are left to the caller, who takes ``batch_counts`` and
            the weights after the event's sample, calls `set_masks` and `rescale`, and sets ``batch_counts`` to 0.
        record : bool
            Whether to record the spikes.

        Returns
        -------
        counts : (K, N) int32
            Spikes of each neuron in each sample.
        recording : Recording or None

        Raises
        ------
        ValueError
            If a shape or type is another: the kernels check nothing.
        """
        p = self.parameters
        n_samples = len(images)
        _check_array("images", images, (n_samples, p.n_inputs), np.uint8)
        _check_array("control", control, (n_samples, CONTROL_COLUMNS), np.int64)
        counts = np.zeros((n_samples, p.n_neurons), np.int32)
        kept = n_samples if record else 0
        recording = Recording(
            np.zeros((kept, p.steps, p.n_neurons), np.uint8),
            np.zeros((kept, p.steps, p.n_inputs), np.uint8),
            np.zeros((kept, p.steps, p.n_neurons), np.uint8),
        )
        with np.errstate(over="ignore"):  # unsigned wrap-around is meant; matters with the JIT off only
            run_chunk(
                images,
                control,
                self._const,
                *self._tables,
                self._weights,
                self._lanes,
                self._lane,
                self._lane_neuron,
                self._masked,
                self._row_conducts,
                self._row_plastic,
                self._column_start,
                self._column_inputs,
                self.most_followed,
                self.column_targets,
                self.theta,
                self.batch_counts,
                self.counters,
                counts,
                recording.exc,
                recording.inputs,
                recording.inh,
            )
        return counts, recording if record else None

    @property
    def weights(self) -> np.ndarray:
        """Weights (I, N) uint8, a copy."""
        return self.synapses()[0].copy()

    def synapses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weights, conducts and plastic, (I, N) uint8: the engine's own arrays, which show the state of now.

        `set_masks` may replace them; ask again after it.
        """
        n_inputs, n = self.parameters.n_inputs, self.parameters.n_neurons  # the arrays are padded
        return self._weights[:n_inputs, :n], self._conducts, self._plastic[:, :n]

    def state(self) -> NetworkState:
        """A copy of the state; call it between samples."""
        weights, conducts, plastic = self.synapses()
        return NetworkState(
            weights=weights.copy(),
            conducts=conducts.copy(),
            plastic=plastic.copy(),
            theta=self.theta.copy(),
            batch_counts=self.batch_counts.copy(),
            column_targets=self.column_targets.copy(),
            counters=self.counters.copy(),
        )
