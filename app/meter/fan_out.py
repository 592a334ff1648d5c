"""How many synapses a spike meets, from the weights that a ProcessModel holds at that moment."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]


class FanOut(Protocol):
    """Counts for one synapse Process."""

    def count(self, model: Any, arrived: Mask) -> tuple[int, int]:
        """Count the synapses that spikes meet.

        Parameters
        ----------
        model : PyLoihiProcessModel
            The running model; its weights are read, not changed.
        arrived : bool, in the shape of the model's ``s_in``
            Inputs whose message was not zero.

        Returns
        -------
        synaptic_ops, stored_synaptic_ops : int
            Weights other than zero, and all that are stored, zeros included.
        """


class DenseFanOut:
    """``weights`` of shape (neurons, inputs); or (kernel, neurons, inputs), where a spike meets every kernel step.

    Weights are looked at anew for each message: they may learn, or be set by the user between two runs.
    """

    def count(self, model: Any, arrived: Mask) -> tuple[int, int]:
        if not arrived.any():
            return 0, 0
        met = model.weights[..., arrived.reshape(-1)]  # a mask takes columns faster than their numbers do
        return int(np.count_nonzero(met)), int(met.size)


class SparseFanOut:
    """``weights`` in compressed rows, (neurons, inputs); what is not stored does not exist."""

    def count(self, model: Any, arrived: Mask) -> tuple[int, int]:
        weights = model.weights.tocsr()
        met = arrived.reshape(-1)[weights.indices]
        return int(np.count_nonzero(weights.data[met])), int(np.count_nonzero(met))


class ConvFanOut:
    """Kernel ``weight`` of shape (output channels, x, y, input channels per group), edges included.

    A spike meets a weight of the kernel once for each place of the output that the weight carries it to: fewer near
    the edges, and with a stride.
    """

    def __init__(self) -> None:
        self._kernel: npt.NDArray[Any] | None = None
        self._maps: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]

    def count(self, model: Any, arrived: Mask) -> tuple[int, int]:
        kernel = model.weight
        if self._kernel is None or not np.array_equal(self._kernel, kernel):
            self._kernel = kernel.copy()
            geometry = (model.stride, model.padding, model.dilation, int(model.groups[0]))
            self._maps = (
                conv_fan_out(kernel != 0, model.s_in.shape, model.a_out.shape, *geometry),
                conv_fan_out(np.ones(kernel.shape, bool), model.s_in.shape, model.a_out.shape, *geometry),
            )
        alive, stored = self._maps
        return int(alive[arrived].sum()), int(stored[arrived].sum())


def conv_fan_out(
    exists: Mask,
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    stride: npt.ArrayLike,
    padding: npt.ArrayLike,
    dilation: npt.ArrayLike,
    groups: int,
) -> npt.NDArray[np.int64]:
    """Count the synapses that lead from each place of a convolution's input (``lava/proc/conv/utils.py``).

    Parameters
    ----------
    exists : bool, shape (output channels, kernel x, kernel y, input channels per group)
        Which weights of the kernel count.
    input_shape, output_shape : (x, y, channels)
    stride, padding, dilation : two integers each
        In x and in y.
    groups : int

    Returns
    -------
    numpy.ndarray, shape `input_shape`, int64
    """
    # Per kernel place and input channel: how many output channels of the channel's group it leads to.
    n_out, kernel_x, kernel_y, _ = exists.shape
    by_group = exists.reshape(groups, n_out // groups, kernel_x, kernel_y, -1).sum(axis=1, dtype=np.int64)
    channels = np.concatenate(list(by_group), axis=-1)

    fan_out = np.zeros(input_shape, np.int64)
    strides, paddings, dilations = (np.asarray(value, np.int64) for value in (stride, padding, dilation))
    for i, j in np.ndindex(kernel_x, kernel_y):
        # Convolution, not correlation: the kernel is mirrored.
        x, y = (
            np.arange(output_shape[axis]) * strides[axis] + (size - 1 - place) * dilations[axis] - paddings[axis]
            for axis, (size, place) in enumerate(((kernel_x, i), (kernel_y, j)))
        )
        x, y = x[(x >= 0) & (x < input_shape[0])], y[(y >= 0) & (y < input_shape[1])]
        fan_out[np.ix_(x, y)] += channels[i, j]
    return fan_out
