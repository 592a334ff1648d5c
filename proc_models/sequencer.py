"""Model of `Sequencer`."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.processes.control import PHASE, PHASE_IDLE
from lavaprune.processes.control_word import (
    MODE_HOLD,
    MODE_SAMPLE,
    REPORT_NOTHING,
    REPORT_STOP,
    WORD_COLUMNS,
    WORD_END,
    WORD_MODE,
    WORD_REPORT,
    WORD_SAMPLE_ID,
    WORD_START,
)
from lavaprune.processes.sequencer import Sequencer

BEGUN, STEPS_DONE = range(2)


@implements(proc=Sequencer, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "floating_pt")
class PySequencer(PyLoihiProcessModel):
    """One sample after the other; it depends on no other Process, so it can always send."""

    images_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    control_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    request_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    image_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    control_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    position: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._steps = proc_params["steps"]
        self._samples = proc_params["samples"]
        self._image = np.zeros(proc_params["n_inputs"], np.uint8)
        self._row = np.zeros(0, np.int64)
        self._request = REPORT_NOTHING

    def run_spk(self) -> None:
        word = np.zeros(WORD_COLUMNS, np.int64)
        if self.position[STEPS_DONE] == 0 and not self._begin():
            word[WORD_MODE] = MODE_HOLD
        elif self._row[PHASE] == PHASE_IDLE:
            word[WORD_MODE] = MODE_HOLD
            self._finish(word)
        else:
            step = self.position[STEPS_DONE]
            is_last = step == self._steps - 1
            word[WORD_MODE] = MODE_SAMPLE
            word[WORD_START] = step == 0
            word[WORD_END] = is_last
            word[WORD_SAMPLE_ID:] = self._row
            self.position[STEPS_DONE] = 0 if is_last else step + 1
            if is_last:
                self._finish(word)
        self.control_out.send(word)
        self.image_out.send(self._image if word[WORD_MODE] == MODE_SAMPLE else np.zeros_like(self._image))

    def _finish(self, word: np.ndarray) -> None:
        """What the host has asked for, in the last step of a row."""
        if self._request == REPORT_STOP:
            self._req_stop = True
        else:
            word[WORD_REPORT] = self._request

    def _begin(self) -> bool:
        """Take the next sample; False if there is none."""
        if self._samples is None:
            self._image = self.images_in.recv()
            self._row = self.control_in.recv()
            self._request = int(self.request_in.recv()[0])
        else:
            images, rows = self._samples
            if self.position[BEGUN] == len(images):
                return False
            self._image = images[self.position[BEGUN]]
            self._row = rows[self.position[BEGUN]]
        self.position[BEGUN] += 1
        return True
