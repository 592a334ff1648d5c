"""A network that plays back a script to the pruning controller and records the answers."""

from __future__ import annotations

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

N_INPUTS, N_NEURONS = 6, 4


class ToyNetwork(AbstractProcess):
    """Sends triggers, counts and weights of a script, one entry per step, and records every answer.

    Spikes that reach `s_in` are added to the counts of the script.
    """

    def __init__(self, triggers: np.ndarray, counts: np.ndarray, weights: np.ndarray, listens: bool = True) -> None:
        super().__init__(triggers=triggers, counts=counts, weights=weights, listens=listens)
        steps = len(triggers)
        self.s_in = InPort(shape=(N_NEURONS,))
        self.trigger_out = OutPort(shape=(1,))
        self.counts_out = OutPort(shape=(N_NEURONS,))
        self.weights_out = OutPort(shape=(N_INPUTS, N_NEURONS))
        self.conducts_in = InPort(shape=(N_INPUTS, N_NEURONS))
        self.plastic_in = InPort(shape=(N_INPUTS, N_NEURONS))
        self.targets_in = InPort(shape=(N_NEURONS,))
        self.ops_in = InPort(shape=(1,))
        self.spikes = Var(shape=(N_NEURONS,), init=0)
        # -1, and -9 of targets, where nothing was received
        self.seen_conducts = Var(shape=(steps, N_INPUTS, N_NEURONS), init=-1)
        self.seen_plastic = Var(shape=(steps, N_INPUTS, N_NEURONS), init=-1)
        self.seen_targets = Var(shape=(steps, N_NEURONS), init=-9)
        self.seen_ops = Var(shape=(steps,), init=-1)


@implements(proc=ToyNetwork, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PyToyNetworkModel(PyLoihiProcessModel):
    """Sends first, then waits for the answer, in one step; applies the masks to the weights of later events."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    trigger_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    weights_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    conducts_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    plastic_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    targets_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    ops_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    spikes: np.ndarray = LavaPyType(np.ndarray, np.int64)
    seen_conducts: np.ndarray = LavaPyType(np.ndarray, np.int64)
    seen_plastic: np.ndarray = LavaPyType(np.ndarray, np.int64)
    seen_targets: np.ndarray = LavaPyType(np.ndarray, np.int64)
    seen_ops: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def run_spk(self) -> None:
        step = self.time_step - 1
        self.spikes += self.s_in.recv() != 0
        trigger = self.proc_params["triggers"][step]
        self.trigger_out.send(np.array([trigger], dtype=np.int64))
        if trigger <= 0:
            return
        self.counts_out.send(self.proc_params["counts"][step] + self.spikes)
        answered = self.seen_conducts[self.seen_ops >= 0]
        conducts = answered[-1] if len(answered) else 1
        self.weights_out.send((self.proc_params["weights"][step] * conducts).astype(np.uint8))
        if self.proc_params["listens"]:
            self.seen_conducts[step] = self.conducts_in.recv()
            self.seen_plastic[step] = self.plastic_in.recv()
            self.seen_targets[step] = self.targets_in.recv()
            self.seen_ops[step] = self.ops_in.recv()[0]
