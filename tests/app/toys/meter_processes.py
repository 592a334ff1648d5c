"""Processes of a user's own: a source, one of no known kind, a neuron like Lava's, and a hierarchical one."""

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.model.sub.model import AbstractSubProcessModel
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol
from lava.proc.dense.process import Dense
from lava.proc.lif.models import AbstractPyLifModelFixed
from lava.proc.lif.process import LIF


class Generator(AbstractProcess):
    """Sends a spike of every input in every third step."""

    def __init__(self, n: int, **proc_params) -> None:
        super().__init__(**proc_params)
        self.s_out = OutPort(shape=(n,))


class Relay(AbstractProcess):
    """Hands on what it received in the step before, until in step `fails_at` it raises."""

    def __init__(self, n: int, fails_at: int = 0, **proc_params) -> None:
        super().__init__(n=n, fails_at=fails_at, **proc_params)
        self.s_in = InPort(shape=(n,))
        self.s_out = OutPort(shape=(n,))


class MyLIF(LIF):
    """Lava's, under another name."""


class Layer(AbstractProcess):
    """Synapses and neurons in one."""

    def __init__(self, weights: np.ndarray, vth: int, **proc_params) -> None:
        super().__init__(weights=weights, vth=vth, **proc_params)
        self.s_in = InPort(shape=weights.shape[1:])
        self.s_out = OutPort(shape=weights.shape[:1])


@implements(proc=Generator, protocol=LoihiProtocol)
@requires(CPU)
class PyGenerator(PyLoihiProcessModel):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self):
        self.s_out.send(np.full(self.s_out.shape, self.time_step % 3 == 0, np.int32))


@implements(proc=Relay, protocol=LoihiProtocol)
@requires(CPU)
class PyRelay(PyLoihiProcessModel):
    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.last = np.zeros(proc_params["n"], np.int32)

    def run_spk(self):
        if self.time_step == self.proc_params["fails_at"]:
            raise ValueError("broken on purpose")
        self.s_out.send(self.last)
        self.last = self.s_in.recv()


@implements(proc=MyLIF, protocol=LoihiProtocol)
@requires(CPU)
class PyMyLIF(AbstractPyLifModelFixed):
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    vth: int = LavaPyType(int, np.int32)

    def scale_threshold(self):
        self.isthrscaled = True

    def spiking_activation(self):
        return self.v > self.vth * 64


@implements(proc=Layer, protocol=LoihiProtocol)
class LayerModel(AbstractSubProcessModel):
    def __init__(self, proc):
        self.synapses = Dense(weights=proc.proc_params["weights"])
        self.neurons = LIF(shape=proc.s_out.shape, vth=proc.proc_params["vth"], du=4095)
        proc.s_in.connect(self.synapses.s_in)
        self.synapses.a_out.connect(self.neurons.a_in)
        self.neurons.s_out.connect(proc.s_out)
