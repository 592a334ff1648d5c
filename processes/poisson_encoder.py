"""From an image to Poisson spikes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.variable import Var

from lavaprune.processes.checks import checked_array
from lavaprune.processes.controlled import CountingProcess
from lavaprune.processes.parameters import NetworkParameters


class PoissonEncoder(CountingProcess):
    """Poisson spike trains whose rates are proportional to the pixels of an image.

    The rate of input j is ``max_rate_hz * image[j] / 255`` where ``equalise`` is 0, and the same scaled to a total of
    ``total_pixels`` full pixels per image where it is 1 (the default); values between mix both. A step of 1 ms holds at
    most one spike, with probability ``1 - exp(-rate)``: 4 % less than the rate at 90 Hz. Spike trains are drawn as
    geometric intervals, each a function of (seed, phase, sample, input, number of the spike).

    Missing against the hardware: stands for spikes that a host or an embedded processor sends in.

    Parameters
    ----------
    parameters : NetworkParameters
        Of which ``n_inputs``, ``seed``, ``max_rate_hz``, ``total_pixels`` and ``equalise`` are used.
    image : integers, shape (I,), optional
        Pixels 0..255. Presented where ``control_in`` is not connected; otherwise images come through ``image_in``.
    name : str, optional

    Attributes
    ----------
    image_in : InPort, shape (I,), uint8
        One image per step, taken in the first step of a sample; only with ``control_in``.
    s_out : OutPort, shape (I,), int32
        0 or 1. Spikes of step t are sent in step t.
    next_spike : Var, shape (I,), int64
        Step, counted from the sample's first, of each input's next spike.
    ordinal : Var, shape (I,), int64
        Number of intervals drawn so far.
    control_in, counters_out, counters
        As in `CountingProcess`.

    Raises
    ------
    ValueError
        If the image has another shape or a pixel is not an integer 0..255.
    """

    COUNTERS = ("input_spikes",)

    def __init__(
        self,
        parameters: NetworkParameters,
        image: npt.ArrayLike | None = None,
        *,
        name: str | None = None,
        **proc_params: Any,
    ) -> None:
        shape = (parameters.n_inputs,)
        pixels = checked_array("PoissonEncoder", "image", 0 if image is None else image, shape, 0, 255, np.uint8)
        super().__init__(parameters=parameters, image=pixels, name=name, **proc_params)
        self.image_in = InPort(shape=shape)
        self.s_out = OutPort(shape=shape)
        self.next_spike = Var(shape=shape, init=0)
        self.ordinal = Var(shape=shape, init=0)
