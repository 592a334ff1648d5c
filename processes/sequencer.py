"""The conductor of the graph: one image after the other, so many steps each."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.base import LavapruneProcess
from lavaprune.processes.checks import checked_array, checked_count
from lavaprune.processes.control import (
    CONTROL_COLUMNS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_IDLE,
    PHASE_TEST,
    PRUNE_EVENT,
)
from lavaprune.processes.control_word import WORD_COLUMNS

PIPE_SAMPLES = 32  # samples that wait in the pipes from the host


class Sequencer(LavapruneProcess):
    """Sends each image with its control words, for a number of steps, to the Processes of a graph.

    Samples come from memory, if they are given when this is built, or else from the host, through the pipes
    ``images_in``, ``control_in`` and ``request_in`` (one message each per sample; the Process waits for them).
    A row of phase 0 takes one step, in which the graph holds still. After the last sample in memory it holds for ever.

    Parameters
    ----------
    n_inputs : int
        1..65536.
    steps : int
        Steps per sample, 1..100000.
    images : integers, shape (K, I), optional
        Pixels 0..255.
    control : integers, shape (K, 6), optional
        One row per image, see `processes.control`; both or none of the two.
    name : str, optional

    Attributes
    ----------
    images_in : InPort, shape (I,), uint8
    control_in : InPort, shape (6,), int64
        A control row.
    request_in : InPort, shape (1,), int64
        What is to be sent after this sample, ``REPORT_*`` of `processes.control_word`; ``REPORT_STOP`` ends the run.
    image_out : OutPort, shape (I,), uint8
        The image, in every step; zeros in a hold step.
    control_out : OutPort, shape (10,), int64
        The control word of the step, see `processes.control_word`.
    position : Var, shape (2,), int64
        Samples begun, and steps of the current one that are done.

    Raises
    ------
    ValueError
        If only one of images and control is given, a shape differs, or a value is out of range.
    """

    def __init__(
        self,
        n_inputs: int,
        steps: int,
        images: npt.ArrayLike | None = None,
        control: npt.ArrayLike | None = None,
        *,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        owner = "Sequencer"
        checked_count(owner, "n_inputs", n_inputs, 1, 65536)
        checked_count(owner, "steps", steps, 1, 100_000)
        samples = None
        if images is not None and control is not None:
            n_samples = len(np.asarray(images))
            pixels = checked_array(owner, "images", images, (n_samples, n_inputs), 0, 255, np.uint8)
            rows = checked_array(owner, "control", control, (n_samples, CONTROL_COLUMNS), -1, 2**62, np.int64)
            checked_array(owner, "control phase", rows[:, PHASE], (n_samples,), PHASE_IDLE, PHASE_TEST, np.int64)
            values = rows[:, :PRUNE_EVENT]  # only an event may be -1
            checked_array(owner, "control", values, values.shape, 0, 2**62, np.int64)
            rates = rows[:, MU_PRE_Q : MU_POST_Q + 1]
            checked_array(owner, "control rates", rates, rates.shape, 0, 2**32 - 1, np.int64)
            samples = (pixels, rows)
        elif images is not None or control is not None:
            missing = "control" if control is None else "images"
            raise ValueError(f"{owner}: {missing} is None; allowed: images and control, or neither")
        super().__init__(n_inputs=n_inputs, steps=steps, samples=samples, name=name, **proc_params)
        self.images_in = InPort(shape=(n_inputs,))
        self.control_in = InPort(shape=(CONTROL_COLUMNS,))
        self.request_in = InPort(shape=(1,))
        if samples is None:
            for port in (self.images_in, self.control_in, self.request_in):
                port.flag_external_pipe(buffer_size=PIPE_SAMPLES)
        self.image_out = OutPort(shape=(n_inputs,))
        self.control_out = OutPort(shape=(WORD_COLUMNS,))
        self.position = Var(shape=(2,), init=0)
