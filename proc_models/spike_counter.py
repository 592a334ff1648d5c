"""Model of `SpikeCounter`."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.proc_models.controlled import ControlledModel, StepControl
from lavaprune.processes.spike_counter import SpikeCounter


@implements(proc=SpikeCounter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PySpikeCounter(ControlledModel):
    """Counts what arrives; sends at a sample's end."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    counts: np.ndarray = LavaPyType(np.ndarray, np.int32)

    def _run_step(self, control: StepControl) -> None:
        spikes = self.s_in.recv() != 0
        if control.is_hold:
            return
        if control.starts:
            self.counts[:] = 0
        self.counts += spikes
        if control.ends:
            self.counts_out.send(self.counts)
