"""A `StockNetwork` without Lava: the same integers, thousands of images per second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lavaprune.port.stock_network import StockNetwork
from lavaprune.proc_models.fused_engine import constants
from lavaprune.proc_models.stock_kernel import encode_images, run_stock
from lavaprune.proc_models.tables import interval_table
from lavaprune.processes.parameters import NetworkParameters


class StockEmulator:
    """A network that shows image after image; its state goes on from one to the next, as on Lava.

    Parameters
    ----------
    network : StockNetwork
    parameters : NetworkParameters
        Of the network it was made from; its ``seed``, ``steps`` and encoding make the Poisson input.

    Raises
    ------
    ValueError
        If the two are of different sizes.
    """

    def __init__(self, network: StockNetwork, parameters: NetworkParameters) -> None:
        for name in ("n_inputs", "n_neurons", "steps"):
            ours, theirs = getattr(network, name), getattr(parameters, name)
            if ours != theirs:
                raise ValueError(f"stock network: {name} is {ours}; allowed: {theirs}, the parameters'")
        self.network = network
        self._const = constants(parameters)
        self._weights = np.ascontiguousarray(network.weights.T)
        self._lateral = np.ascontiguousarray(network.lateral.T)
        self._state = [np.zeros(network.n_neurons, np.int64) for _ in range(4)]

    def present(
        self, images: npt.NDArray[np.uint8], phase: int, first: int = 0, record: bool = False
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
        """Show images.

        Parameters
        ----------
        images : (K, I) uint8
        phase, first : int
            Phase (`processes.control`) and number of the first image, which its spikes depend on.
        record : bool

        Returns
        -------
        counts : (K, N) int32
            Spikes of each neuron from the start of an image to the start of the next.
        raster : (K * period, N) uint8
            The spikes, if ``record``; else of length 0.
        """
        images = _checked(images, self.network.n_inputs)
        n, period = self.network.n_neurons, self.network.period
        counts = np.zeros((len(images), n), np.int32)
        raster = np.zeros((len(images) * period if record else 0, n), np.uint8)
        network = self.network
        with np.errstate(over="ignore"):  # unsigned wrap-around is meant; matters with the JIT off only
            run_stock(
                images, first, phase, self._const, interval_table(), self._weights, network.weight_exp,
                self._lateral, network.lateral_exp, network.du, network.dv, network.bias, network.vth, period,
                *self._state, counts, raster,
            )  # fmt: skip
        return counts, raster


def input_spikes(
    parameters: NetworkParameters, images: npt.NDArray[np.uint8], phase: int, first: int, period: int
) -> npt.NDArray[np.int32]:
    """The Poisson spikes of images shown one after the other, (K * period, I), 0 or 1; silence after each image."""
    images = _checked(images, parameters.n_inputs)
    spikes = np.zeros((len(images) * period, parameters.n_inputs), np.int32)
    with np.errstate(over="ignore"):
        encode_images(images, first, phase, constants(parameters), interval_table(), period, spikes)
    return spikes


def _checked(images: npt.NDArray[np.uint8], n_inputs: int) -> npt.NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != n_inputs:
        raise ValueError(f"stock network: images are {images.dtype}{images.shape}; allowed: uint8(images, {n_inputs})")
    return np.ascontiguousarray(images)
