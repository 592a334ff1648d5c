"""What the meter knows about each class of Process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.process import AbstractProcess
from lava.proc.atrlif.process import ATRLIF
from lava.proc.conv.process import Conv
from lava.proc.conv_in_time.process import ConvInTime
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.graded.process import GradedReluVec, GradedVec
from lava.proc.lif.process import LIF, LearningLIF, LIFRefractory, LIFReset, TernaryLIF
from lava.proc.rf.process import RF
from lava.proc.rf_iz.process import RF_IZ
from lava.proc.sdn.process import Delta, Sigma, SigmaDelta
from lava.proc.sparse.process import DelaySparse, LearningSparse, Sparse

from lavaprune.meter.fan_out import ConvFanOut, DenseFanOut, FanOut, SparseFanOut
from lavaprune.processes.controlled import CountingProcess
from lavaprune.processes.fused_network import FusedNetwork
from lavaprune.processes.poisson_encoder import PoissonEncoder
from lavaprune.processes.pruning_controller import PruningController
from lavaprune.processes.sequencer import Sequencer
from lavaprune.processes.spike_counter import SpikeCounter


@dataclass(frozen=True)
class Synapses:
    """A Process of synapses: spikes in at ``s_in``, sums out at ``a_out``.

    Attributes
    ----------
    fan_out : callable
        Makes what counts the synapses that spikes meet.
    weights : str
        Var that it reads.
    learns : bool
        Whether its model is one of Lava's learning connections.
    """

    fan_out: Callable[[], FanOut]
    weights: str = "weights"
    learns: bool = False


@dataclass(frozen=True)
class Neurons:
    """A Process of neurons: sums in, spikes out at ``s_out``.

    Attributes
    ----------
    inputs : tuple of str
        InPorts.
    states : tuple of str
        Vars that are 0 at rest.
    drives : tuple of str
        Vars that act as an input in every step where they are not 0.
    off_rest : callable, optional
        ``off_rest(model)``: a mask of further neurons that are off rest.
    """

    inputs: tuple[str, ...]
    states: tuple[str, ...]
    drives: tuple[str, ...] = ()
    off_rest: Callable[[Any], npt.NDArray[np.bool_]] | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """Everything that a ProcessModel must have to be counted."""
        return (*self.inputs, "s_out", *self.states, *self.drives)


@dataclass(frozen=True)
class OwnCounters:
    """A Process of ours, which counts itself (`lavaprune.processes.controlled.CountingProcess`)."""

    is_synapses: bool


@dataclass(frozen=True)
class OwnNetwork:
    """The fused network, which counts itself."""


@dataclass(frozen=True)
class OffChip:
    """Input, output, or the host's: nothing of it is counted but the spikes that it sends to synapses."""


@dataclass(frozen=True)
class Unknown:
    """Nothing is known of it."""


Kind = Synapses | Neurons | OwnCounters | OwnNetwork | OffChip | Unknown


def _is_refractory(model: Any) -> npt.NDArray[np.bool_]:
    # Lava has counted this step already when it calls `run_spk`.
    held: npt.NDArray[np.bool_] = model.refractory_period_end >= model.time_step
    return held


def _is_adapted(model: Any) -> npt.NDArray[np.bool_]:
    adapted: npt.NDArray[np.bool_] = model.theta != model.theta_0
    return adapted


_LIF = Neurons(("a_in",), ("u", "v"), ("bias_mant",))
_RF = Neurons(("a_real_in", "a_imag_in"), ("real", "imag"))

STOCK: Mapping[type[AbstractProcess], Kind] = {
    Dense: Synapses(DenseFanOut),
    LearningDense: Synapses(DenseFanOut, learns=True),
    DelayDense: Synapses(DenseFanOut),
    Sparse: Synapses(SparseFanOut),
    LearningSparse: Synapses(SparseFanOut, learns=True),
    DelaySparse: Synapses(SparseFanOut),
    Conv: Synapses(ConvFanOut, weights="weight"),
    ConvInTime: Synapses(DenseFanOut),
    LIF: _LIF,
    LIFReset: _LIF,
    TernaryLIF: _LIF,
    LearningLIF: _LIF,
    LIFRefractory: Neurons(("a_in",), ("u", "v"), ("bias_mant",), _is_refractory),
    ATRLIF: Neurons(("a_in",), ("i", "v", "r"), ("bias_mant",), _is_adapted),
    RF: _RF,
    RF_IZ: _RF,
    Sigma: Neurons(("a_in",), ("sigma",)),
    Delta: Neurons(("a_in",), ("act", "residue", "error")),
    SigmaDelta: Neurons(("a_in",), ("sigma", "act", "residue", "error"), ("bias",)),
    GradedVec: Neurons(("a_in",), ("v",)),
    GradedReluVec: Neurons(("a_in",), ("v",)),
}
"""Lava's own Processes. Subclasses are not counted as their base: they may do something else."""

_OFF_CHIP_MODULES = ("lava.proc.io", "lava.proc.monitor", "lava.proc.receiver", "lava.proc.spiker")
_OFF_CHIP = (PoissonEncoder, PruningController, Sequencer, SpikeCounter)
_OWN_SYNAPSES_PORT = "a_out"


def kind_of(process: AbstractProcess, like: Mapping[type, type] | None = None) -> Kind:
    """What the meter knows about a Process.

    Parameters
    ----------
    process : AbstractProcess
    like : mapping of class to class, optional
        Classes of the user's that are to be counted as Lava's are.
    """
    cls = (like or {}).get(type(process), type(process))
    if cls in STOCK:
        return STOCK[cls]
    if isinstance(process, _OFF_CHIP) or type(process).__module__.startswith(_OFF_CHIP_MODULES):
        return OffChip()
    if isinstance(process, FusedNetwork):
        return OwnNetwork()
    if isinstance(process, CountingProcess):
        return OwnCounters(is_synapses=hasattr(process, _OWN_SYNAPSES_PORT))
    return Unknown()


def is_source(process: AbstractProcess) -> bool:
    """Whether a leaf Process of any class only sends."""
    return bool(process.out_ports.members) and not process.in_ports.members
