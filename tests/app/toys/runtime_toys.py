"""A Lava Process that misbehaves on request, and jobs that run it."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from lava.magma.core.decorator import implements, requires
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.errors import InputError
from lavaprune.runtime.heartbeat import heartbeat

CONFIG = Loihi2SimCfg(select_tag="fixed_pt")


class Toy(AbstractProcess):
    """Counts its steps; in step 3 does what `mishap` says: raise, kill, sleep, unpicklable, exit or nothing."""

    def __init__(self, mishap: str = "nothing", name: str = "toy") -> None:
        super().__init__(mishap=mishap, name=name)
        self.steps = Var(shape=(1,), init=0)
        self.out = OutPort(shape=(4,))


class Sink(AbstractProcess):
    """Waits for the Toy in every step, as a connected Process does."""

    def __init__(self) -> None:
        super().__init__()
        self.a_in = InPort(shape=(4,))


class Unpicklable(Exception):
    def __reduce__(self):
        raise TypeError("cannot pickle this")


@implements(proc=Toy, protocol=LoihiProtocol)
@requires(CPU)
class PyToyModel(PyLoihiProcessModel):
    steps: np.ndarray = LavaPyType(np.ndarray, np.int64)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.mishap = proc_params["mishap"]
        if self.mishap == "build":
            raise ValueError("cannot be built")

    def run_spk(self):
        self.steps += 1
        if self.time_step == 3:
            if self.mishap == "raise":
                raise ValueError("broken on purpose")
            if self.mishap == "unpicklable":
                raise Unpicklable("broken on purpose")
            if self.mishap == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.mishap == "exit":
                os._exit(7)
            if self.mishap == "sleep":
                time.sleep(10_000)
        self.out.send(np.full(4, self.time_step))


@implements(proc=Sink, protocol=LoihiProtocol)
@requires(CPU)
class PySinkModel(PyLoihiProcessModel):
    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)

    def run_spk(self):
        self.a_in.recv()


def graph(mishap: str = "nothing") -> Toy:
    toy = Toy(mishap)
    toy.out.connect(Sink().a_in)
    return toy


def run_graph(mishap: str = "nothing") -> dict:
    """A job: run the graph for 5 steps."""
    toy = graph(mishap)
    toy.run(RunSteps(num_steps=5), CONFIG)
    steps = int(toy.steps.get()[0])
    heartbeat()
    toy.stop()
    return {"steps": steps, "pid": os.getpid(), "array": np.arange(1000)}


def kill_part(part: str) -> None:
    """A job: kill one of Lava's OS processes from outside while the graph works."""
    toy = graph()
    toy.run(RunSteps(num_steps=1), CONFIG)
    infrastructure = toy.runtime._messaging_infrastructure
    victim = {
        "actor": infrastructure.actors[0],
        "service": infrastructure.actors[-1],
        "memory": infrastructure._smm._manager._process,
        "job": None,
    }[part]
    os.kill(os.getpid() if victim is None else victim.pid, signal.SIGKILL)
    while True:
        toy.run(RunSteps(num_steps=1))


def wrong_input() -> None:
    raise InputError("settings: neurons=0, allowed: 1 to 6400")


def bug() -> None:
    raise KeyError("neurons")


def forget_stop() -> str:
    """A job that leaves its graph running."""
    toy = graph()
    toy.run(RunSteps(num_steps=1), CONFIG)
    return "done"


def unpicklable_result() -> object:
    return lambda: None


def slow_but_alive() -> str:
    for _ in range(8):
        time.sleep(0.5)
        heartbeat()
    return "done"


def work_for_ever(started: str) -> None:
    """A job: run until killed; writes its process group to the file `started` once the graph works."""
    toy = graph()
    toy.run(RunSteps(num_steps=1), CONFIG)
    temporary = Path(started + ".new")
    temporary.write_text(str(os.getpid()))
    temporary.rename(started)
    while True:
        toy.run(RunSteps(num_steps=1))
        heartbeat()
        time.sleep(0.05)
