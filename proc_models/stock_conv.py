"""Lava's own Conv Process computed spike by spike: what its model gives, in a fraction of the time.

Lava's model convolves every map of every channel with SciPy, at stride 1, and throws away what the stride leaves out.
Here each spike adds the kernels of its channel where they reach, so that the work is in proportion to the spikes. Plain
RunConfigs do not know this model; ask for it by ``exception_proc_model_map={Conv: PyConvModelByEvents}``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.conv.process import Conv
from numba import njit


@njit(cache=True)
def add_kernels(spikes, kernels, stride_x, stride_y, padding_x, padding_y, sums):
    """Add the kernels of all spikes.

    Parameters
    ----------
    spikes : (W, H, C) int32
        A spike where it is not 0.
    kernels : (C, kx, ky, U) int32
        A spike at x reaches output ox with ``kernels[c, x + padding_x - ox * stride_x]``.
    stride_x, stride_y, padding_x, padding_y : int
    sums : (W', H', U) int32
        Zeros before the call; 32 bits hold 2**23 spikes at a weight of 8 bits.
    """
    width, height, channels = spikes.shape
    _, size_x, size_y, _ = kernels.shape
    columns, rows, _ = sums.shape
    for x in range(width):
        first_x = max(0, (x + padding_x - size_x) // stride_x + 1)
        last_x = min(columns - 1, (x + padding_x) // stride_x)
        for y in range(height):
            first_y = max(0, (y + padding_y - size_y) // stride_y + 1)
            last_y = min(rows - 1, (y + padding_y) // stride_y)
            for c in range(channels):
                if spikes[x, y, c] == 0:
                    continue
                for ox in range(first_x, last_x + 1):
                    for oy in range(first_y, last_y + 1):
                        row = kernels[c, x + padding_x - ox * stride_x, y + padding_y - oy * stride_y]
                        target = sums[ox, oy]
                        for unit in range(len(row)):
                            target[unit] += row[unit]


@implements(proc=Conv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyConvModelByEvents(PyConvModelFixed):  # type: ignore[misc]
    """`lava.proc.conv.models.PyConvModelFixed` for spikes without a payload, one group and no dilation.

    With any of those it is that model. Sums are wrapped to 24 bits as there.
    """

    _kernels: Any = None

    def run_spk(self) -> None:
        """Send the sums of the step before, then sum this step's spikes."""
        if self.num_message_bits.item() > 0 or self.groups.item() != 1 or (self.dilation != 1).any():
            super().run_spk()
            return
        if self._kernels is None:
            # a convolution turns the kernel round; (U, kx, ky, C) to (C, kx, ky, U)
            turned = self.weight[:, ::-1, ::-1, :].transpose(3, 1, 2, 0)
            self._kernels = np.ascontiguousarray(turned, np.int32)
        self.a_out.send(self.a_buf)
        sums = np.zeros(self.a_out.shape, np.int32)
        add_kernels(
            np.ascontiguousarray(self.s_in.recv(), np.int32), self._kernels, *self.stride, *self.padding, sums
        )
        self.a_buf = self.clamp_precision(sums)
