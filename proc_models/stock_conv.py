"""Lava's own Conv Process computed spike by spike: what its model gives, in a fraction of the time.

Lava's model convolves every map of every channel with SciPy, at stride 1, and throws away what the stride leaves out.
Here each spike adds the kernels of its channel where they reach, so that the work is in proportion to the spikes. Plain
RunConfigs do not know this model; ask for it by ``exception_proc_model_map={Conv: PyConvModelByEvents}``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.conv.models import PyConvModelFixed
from lava.proc.conv.process import Conv

from lavaprune.proc_models.event_kernels import add_kernels


@implements(proc=Conv, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyConvModelByEvents(PyConvModelFixed):
    """`lava.proc.conv.models.PyConvModelFixed` for spikes without a payload, one group and no dilation.

    With any of those it is that model. Sums are wrapped to 24 bits as there. Weights are read in the first step:
    what is set later has no effect, other than in that model.
    """

    a_buf: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=24)
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
        (stride_x, stride_y), (padding_x, padding_y) = self.stride.tolist(), self.padding.tolist()
        spikes = np.ascontiguousarray(self.s_in.recv(), np.int32)
        add_kernels(spikes, self._kernels, stride_x, stride_y, padding_x, padding_y, sums)
        self.a_buf = self.clamp_precision(sums)
