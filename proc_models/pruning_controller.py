"""ProcessModel of the pruning controller: messages and masks here, every decision in `lavaprune.pruning`."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.processes.pruning_controller import PruningController
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import PruningEvent, decide
from lavaprune.pruning.rescaling import KEEP, targets_after


@implements(proc=PruningController, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyPruningControllerModel(PyLoihiProcessModel):
    """Integers only, so that one model serves both tags."""

    trigger_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    counts_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    weights_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    conducts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    plastic_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    targets_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    ops_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    conducts: np.ndarray = LavaPyType(np.ndarray, np.uint8)
    plastic: np.ndarray = LavaPyType(np.ndarray, np.uint8)
    column_targets: np.ndarray = LavaPyType(np.ndarray, np.int64)
    operations: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def run_spk(self) -> None:
        """One step: nothing after a trigger of 0, otherwise the whole exchange."""
        trigger = int(self.trigger_in.recv()[0])
        if trigger == 0:
            return
        if trigger < 0:
            raise PruningError(f"pruning controller: trigger is {trigger}; allowed: 0, or 1 + k for event k")
        # Both are received before anything is sent, whatever happens next: the network sends first, then waits.
        spike_counts = self.counts_in.recv()
        weights = self.weights_in.recv()
        operations, targets = 0, np.full(self.column_targets.shape, KEEP, np.int64)
        if self.counts_in.csp_ports and self.weights_in.csp_ports:
            operations, targets = self._prune(trigger - 1, spike_counts, weights)
        self.conducts_out.send(self.conducts)
        self.plastic_out.send(self.plastic)
        self.targets_out.send(targets)
        self.ops_out.send(np.array([operations], dtype=np.int64))

    def _prune(self, k: int, spike_counts: np.ndarray, weights: np.ndarray) -> tuple[int, np.ndarray]:
        given = self.proc_params
        event = PruningEvent(
            k, spike_counts, weights, self.conducts, self.plastic, w_max=given["w_max"], n_events=given["n_events"]
        )
        conducts, plastic, operations = decide(given["method"], event)
        targets = targets_after(given["method"], event, conducts, plastic, self.column_targets)
        # Into the arrays that the Vars are, so that reading a Var shows them.
        self.conducts[:], self.plastic[:] = conducts, plastic
        self.column_targets[:] = np.where(targets == KEEP, self.column_targets, targets)
        self.operations += operations
        return operations, targets
