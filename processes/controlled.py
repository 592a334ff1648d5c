"""What all Processes of the graph share: the control word that comes in, the counters that go out."""

from __future__ import annotations

from typing import Any, ClassVar

from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.base import LavapruneProcess
from lavaprune.processes.control_word import WORD_COLUMNS


class ControlledProcess(LavapruneProcess):
    """A Process that a `Sequencer` may lead.

    Attributes
    ----------
    control_in : InPort, shape (10,), int64
        See `processes.control_word`; optional: without it the Process runs free.
    """

    def __init__(self, **proc_params: Any) -> None:
        super().__init__(**proc_params)
        self.control_in = InPort(shape=(WORD_COLUMNS,))


class CountingProcess(ControlledProcess):
    """A Process that counts events where they happen.

    Attributes
    ----------
    COUNTERS : tuple of str
        Names of its n counters, out of `energy.counts.COUNTER_NAMES`.
    counters : Var, shape (2, n), int64
        Events so far, in training (row 0) and in inference (row 1).
    counters_out : OutPort, shape (2, n), int64
        The same, sent only in steps whose control word asks for it.
    """

    COUNTERS: ClassVar[tuple[str, ...]]

    def __init__(self, **proc_params: Any) -> None:
        super().__init__(**proc_params)
        self.counters_out = OutPort(shape=(2, len(self.COUNTERS)))
        self.counters = Var(shape=(2, len(self.COUNTERS)), init=0)
