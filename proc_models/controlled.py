"""What all models of the graph share: reading the control word, and the row that events are counted in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType

from lavaprune.energy.counts import INFERENCE_ROW, TRAINING_ROW
from lavaprune.processes.control import PHASE_TRAIN
from lavaprune.processes.control_word import (
    MODE_FREE,
    MODE_HOLD,
    REPORT_COUNTERS,
    REPORT_STATE,
    WORD_END,
    WORD_MODE,
    WORD_MU_POST_Q,
    WORD_MU_PRE_Q,
    WORD_PHASE,
    WORD_PRUNE_EVENT,
    WORD_REPORT,
    WORD_SAMPLE_ID,
    WORD_START,
    WORD_THETA_PLUS_Q,
)


@dataclass(frozen=True)
class StepControl:
    """A control word by names; ``step`` counts from 0 at the sample's first step, or at the run's where free."""

    step: int
    is_free: bool
    is_hold: bool
    starts: bool
    ends: bool
    reports_counters: bool
    reports_state: bool
    learns: bool
    sample: int
    phase: int
    mu_pre_q: int
    mu_post_q: int
    theta_plus_q: int
    prune_event: int

    @property
    def row(self) -> int:
        """Row of the counters that this step counts in."""
        return TRAINING_ROW if self.learns else INFERENCE_ROW


class ControlledModel(PyLoihiProcessModel):
    """A model that follows the control word; subclasses say what a step is."""

    control_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._step = -1

    def run_spk(self) -> None:
        control = self._receive_control()
        self._run_step(control)
        self._report(control)

    def _run_step(self, control: StepControl) -> None:
        raise NotImplementedError

    def _report(self, control: StepControl) -> None:
        """Send what the control word asks for."""

    def _receive_control(self) -> StepControl:
        word = [int(x) for x in self.control_in.recv()]
        is_free = word[WORD_MODE] == MODE_FREE
        is_hold = word[WORD_MODE] == MODE_HOLD
        starts = bool(word[WORD_START]) and not is_hold
        if not is_hold:
            self._step = 0 if starts else self._step + 1
        return StepControl(
            step=self._step,
            is_free=is_free,
            is_hold=is_hold,
            starts=starts,
            ends=bool(word[WORD_END]) and not is_hold,
            reports_counters=word[WORD_REPORT] >= REPORT_COUNTERS,
            reports_state=word[WORD_REPORT] >= REPORT_STATE,
            learns=is_free or word[WORD_PHASE] == PHASE_TRAIN,
            sample=word[WORD_SAMPLE_ID],
            phase=word[WORD_PHASE],
            mu_pre_q=word[WORD_MU_PRE_Q],
            mu_post_q=word[WORD_MU_POST_Q],
            theta_plus_q=word[WORD_THETA_PLUS_Q],
            prune_event=word[WORD_PRUNE_EVENT],
        )


class CountingModel(ControlledModel):
    """A model with counters, which it sends when asked to."""

    counters_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    counters: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def _report(self, control: StepControl) -> None:
        if control.reports_counters:
            self.counters_out.send(self.counters)
