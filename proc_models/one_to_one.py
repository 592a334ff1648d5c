"""Model of `OneToOne`."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.proc_models.controlled import CountingModel, StepControl
from lavaprune.processes.one_to_one import OneToOne


@implements(proc=OneToOne, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyOneToOne(CountingModel):
    """Sends before it receives, so that loops do not deadlock."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    pending: np.ndarray = LavaPyType(np.ndarray, bool, precision=1)

    def _run_step(self, control: StepControl) -> None:
        if control.starts or control.is_hold:
            self.pending[:] = False
        self.a_out.send(self.pending.astype(np.int32))
        self.counters[control.row, 0] += np.count_nonzero(self.pending)
        self.pending[:] = self.s_in.recv() != 0
