"""The floating-point reference: the paper's equations of the whole network in double precision, slow and obvious.

It says what fixed point costs, and checks the fixed-point engines by computing the same network another way. It sees
the very same Poisson spikes as they do (same encoder, same keys) and goes through a step in the same order, but:

- weights are real numbers in 0..1 (w_max = 1) and change by the exact amount, then clipped; no stochastic rounding,
- traces are state that decays by ``exp(-1 / tau)`` each step and is set to 1, no tables of 7 bits,
- potentials are in mV, conductances in units of the leak, without widths, truncation or saturation,
- normalisation and the decay of theta are exact.

Numba compiles the loops as they stand. They use the machine's libm and its order of sums: results of this reference
may differ in the last bits between machines, unlike those of the fixed-point engines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavaprune.proc_models.counter_random import STREAM_INPUT, sample_key
from lavaprune.proc_models.fixed_point import WEIGHT_MAX
from lavaprune.proc_models.floating_equations import equations, poisson_spikes, present
from lavaprune.proc_models.fused_engine import constants
from lavaprune.proc_models.initial_state import initial_weights
from lavaprune.proc_models.tables import interval_table
from lavaprune.processes.control import PHASE_TRAIN
from lavaprune.processes.parameters import NetworkParameters


@dataclass
class FloatingRecording:
    """Spikes and membranes of a chunk.

    ``exc``, ``inh`` (K, T, N) and ``inputs`` (K, T, I) uint8; ``v_mv`` (K, T, N) float64, at the end of each step.
    """

    exc: np.ndarray
    inputs: np.ndarray
    inh: np.ndarray
    v_mv: np.ndarray


class FloatingEngine:
    """The network in floating point, in this process, without Lava.

    Parameters
    ----------
    parameters : NetworkParameters
    weights : numpy.ndarray, shape (I, N), optional
        Real weights 0..1, copied; default the fixed-point engines' initial weights, divided by 255.
    conducts, plastic : numpy.ndarray, shape (I, N), optional
        Masks: 1 where a synapse exists, and where it learns; default everywhere.

    Attributes
    ----------
    weights : numpy.ndarray, shape (I, N), float64
    theta_mv : numpy.ndarray, shape (N,), float64

    Raises
    ------
    ValueError
        If a shape differs or a weight is outside 0..1.
    """

    def __init__(
        self,
        parameters: NetworkParameters,
        weights: np.ndarray | None = None,
        conducts: np.ndarray | None = None,
        plastic: np.ndarray | None = None,
    ) -> None:
        self.parameters = parameters
        shape = (parameters.n_inputs, parameters.n_neurons)
        start = initial_weights(parameters) / WEIGHT_MAX if weights is None else weights
        self.weights = np.array(start, dtype=np.float64)
        if self.weights.shape != shape:
            raise ValueError(f"floating engine: weights have shape {self.weights.shape}; allowed: {shape}")
        outside = ~((self.weights >= 0) & (self.weights <= 1))  # so that NaN is outside
        if outside.any():
            raise ValueError(f"floating engine: a weight is {float(self.weights[outside][0])!r}; allowed: 0 .. 1")
        everywhere = np.ones(shape, np.uint8)
        self.set_masks(everywhere if conducts is None else conducts, everywhere if plastic is None else plastic)
        self.theta_mv = np.full(parameters.n_neurons, float(parameters.theta_init_mv))
        self._equations = equations(parameters)
        self._const = constants(parameters)
        self._table = interval_table()

    def set_masks(self, conducts: np.ndarray, plastic: np.ndarray) -> None:
        """Take new masks, (I, N) each; weights that no longer conduct become 0."""
        for name, mask in (("conducts", conducts), ("plastic", plastic)):
            if mask.shape != self.weights.shape:
                raise ValueError(f"floating engine: {name} has shape {mask.shape}; allowed: {self.weights.shape}")
        self._plastic = (plastic != 0).astype(np.uint8)
        self.weights *= conducts != 0

    def run(
        self,
        images: np.ndarray,
        sample_ids: np.ndarray,
        phase: int,
        factors: np.ndarray | None = None,
        record: bool = False,
    ) -> tuple[np.ndarray, FloatingRecording | None]:
        """Present K samples one after the other.

        Parameters
        ----------
        images : numpy.ndarray, shape (K, I), uint8
        sample_ids : numpy.ndarray, shape (K,), int
            Numbers of the samples, part of the key of their input spikes.
        phase : int
            As in `processes.control`; the network learns in `PHASE_TRAIN` only.
        factors : numpy.ndarray, shape (K,), float, optional
            Annealing of mu_pre, mu_post and theta_plus; default 1.
        record : bool

        Returns
        -------
        (numpy.ndarray, FloatingRecording or None)
            Spike counts (K, N) int32 and, if asked for, spikes and membranes.

        Raises
        ------
        ValueError
            If a shape differs.
        """
        p = self.parameters
        n_samples = len(images)
        if images.shape != (n_samples, p.n_inputs):
            raise ValueError(f"floating engine: images have shape {images.shape}; allowed: (K, {p.n_inputs})")
        factors = np.ones(n_samples) if factors is None else factors
        if len(sample_ids) != n_samples or len(factors) != n_samples:
            raise ValueError(
                f"floating engine: {n_samples} images, {len(sample_ids)} sample ids, {len(factors)} factors; "
                "allowed: as many of each"
            )
        counts = np.zeros((n_samples, p.n_neurons), np.int32)
        steps = p.steps if record else 0
        recording = FloatingRecording(
            np.zeros((n_samples, steps, p.n_neurons), np.uint8),
            np.zeros((n_samples, steps, p.n_inputs), np.uint8),
            np.zeros((n_samples, steps, p.n_neurons), np.uint8),
            np.zeros((n_samples, steps, p.n_neurons), np.float64),
        )
        for k in range(n_samples):
            with np.errstate(over="ignore"):  # unsigned wrap-around is meant
                key = sample_key(p.seed, STREAM_INPUT, phase, int(sample_ids[k]))
                spikes = poisson_spikes(np.array(images[k], np.uint8), key, self._const, self._table)
            if record:
                recording.inputs[k] = spikes
            present(
                spikes,
                self.weights,
                self._plastic,
                self.theta_mv,
                phase == PHASE_TRAIN,
                float(factors[k]),
                self._equations,
                counts[k],
                recording.exc[k],
                recording.inh[k],
                recording.v_mv[k],
            )
        return counts, recording if record else None
