"""ProcessModel of the fused network: messages here, the arithmetic in the fused kernels."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.energy.counts import TRAINING_ROW, counter_index
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.processes.control import PHASE, PHASE_IDLE, PHASE_TRAIN, PRUNE_EVENT, SAMPLE_ID
from lavaprune.processes.fused_network import REQUEST_STATE, REQUEST_STOP, FusedNetwork
from lavaprune.processes.state import NetworkState

_CONTROLLER_OPERATIONS = counter_index("controller_operations")


@implements(proc=FusedNetwork, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyFusedNetworkModel(PyLoihiProcessModel):
    """K samples per Lava step in Numba kernels, on one thread."""

    images_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    control_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    request_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    counters_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    weights_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    conducts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    plastic_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    theta_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    batch_counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    column_targets_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    prune_trigger_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    prune_counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    prune_weights_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    prune_conducts_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    prune_plastic_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    prune_targets_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    prune_ops_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    weights: np.ndarray = LavaPyType(np.ndarray, np.uint8)
    conducts: np.ndarray = LavaPyType(np.ndarray, np.uint8)
    plastic: np.ndarray = LavaPyType(np.ndarray, np.uint8)
    theta: np.ndarray = LavaPyType(np.ndarray, np.int32)
    batch_counts: np.ndarray = LavaPyType(np.ndarray, np.int64)
    column_targets: np.ndarray = LavaPyType(np.ndarray, np.int64)
    counters: np.ndarray = LavaPyType(np.ndarray, np.int64)

    _engine: FusedEngine | None = None

    def run_spk(self) -> None:
        """One Lava step: the samples of one message."""
        # Other Processes may send wider integers; the kernels are compiled for these.
        images = self.images_in.recv().astype(np.uint8, copy=False)
        control = self.control_in.recv().astype(np.int64, copy=False)
        request = int(self.request_in.recv()[0])
        event = _pruning_event(control)
        engine = self._engine or self._build_engine()
        counts, _ = engine.run(images, control)
        self.prune_trigger_out.send(np.array([event]))
        if event != 0:
            self._prune(engine, int(control[control[:, PRUNE_EVENT] > 0, SAMPLE_ID][0]))
        self.counts_out.send(counts)
        self.counters_out.send(engine.counters)
        if request == REQUEST_STATE:
            self._send_state(engine)
        elif request == REQUEST_STOP:
            self._req_stop = True

    def on_var_update(self) -> None:
        """A Var was set: the next step starts from the Vars, which are the whole state."""
        self._engine = None

    def _build_engine(self) -> FusedEngine:
        state = NetworkState(
            self.weights,
            self.conducts,
            self.plastic,
            self.theta,
            self.batch_counts,
            self.column_targets,
            self.counters,
        )
        self._engine = engine = FusedEngine(self.proc_params["parameters"], state)
        self.theta, self.batch_counts, self.counters = engine.theta, engine.batch_counts, engine.counters
        self.column_targets = engine.column_targets
        self._show_synapses(engine)
        return engine

    def _show_synapses(self, engine: FusedEngine) -> None:
        """Make the Vars windows on the engine's own arrays, so that reading a Var shows the state of now."""
        self.weights, self.conducts, self.plastic = engine.synapses()

    def _prune(self, engine: FusedEngine, sample: int) -> None:
        """The exchange with the controller; see `PruningController`. A batch ends with it."""
        if self.prune_trigger_out.csp_ports:  # else nobody decides
            self.prune_counts_out.send(engine.batch_counts)
            self.prune_weights_out.send(engine.weights)
            conducts = self.prune_conducts_in.recv()
            plastic = self.prune_plastic_in.recv()
            targets = self.prune_targets_in.recv()
            if self.prune_conducts_in.csp_ports and self.prune_plastic_in.csp_ports:  # zeros otherwise
                engine.set_masks(conducts, plastic)
                if self.prune_targets_in.csp_ports:
                    engine.rescale(targets, sample)
            engine.counters[TRAINING_ROW, _CONTROLLER_OPERATIONS] += int(self.prune_ops_in.recv()[0])
            self._show_synapses(engine)
        engine.batch_counts[:] = 0

    def _send_state(self, engine: FusedEngine) -> None:
        state = engine.state()
        self.weights_out.send(state.weights)
        self.conducts_out.send(state.conducts)
        self.plastic_out.send(state.plastic)
        self.theta_out.send(state.theta)
        self.batch_counts_out.send(state.batch_counts)
        self.column_targets_out.send(state.column_targets)


def _pruning_event(control: np.ndarray) -> int:
    """0, or 1 + k; checks that the event's sample is the last one that is not idle. Only training has events."""
    rows = np.flatnonzero((control[:, PRUNE_EVENT] > 0) & (control[:, PHASE] == PHASE_TRAIN))
    if rows.size == 0:
        return 0
    last = np.flatnonzero(control[:, PHASE] != PHASE_IDLE)[-1:]
    if rows.size > 1 or rows[0] != last:
        raise ValueError(
            f"FusedNetwork: pruning events in rows {rows.tolist()} of a step, whose last sample is in row "
            f"{last.tolist()}; allowed: one, in the row of the last sample"
        )
    return int(control[rows[0], PRUNE_EVENT])
