"""Models of `PoissonEncoder`."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.proc_models.controlled import CountingModel, StepControl
from lavaprune.proc_models.counter_random import STREAM_INPUT
from lavaprune.proc_models.draws import draw_64, sample_key
from lavaprune.proc_models.quantisation import EQUALISE_BITS, PERIOD_EXTRA_BITS, QuantisedParameters, quantise
from lavaprune.proc_models.tables import INTERVAL_FRACTION_BITS, INTERVAL_TABLE_BITS, interval_table
from lavaprune.processes.poisson_encoder import PoissonEncoder

PERIOD_MAX_Q16 = 1 << 40
NEVER = 1 << 62
_CELL = np.uint64((1 << INTERVAL_TABLE_BITS) - 1)


def input_periods(image: np.ndarray, q: QuantisedParameters) -> np.ndarray:
    """Mean of the exponential that each input's intervals are drawn from, in 2**-16 steps.

    Parameters
    ----------
    image : (I,) uint8
    q : QuantisedParameters

    Returns
    -------
    numpy.ndarray, shape (I,), int64
        ``total * period / pixel``, at most 2**40, where ``total`` goes from the reference sum (no equalisation) to the
        image's own (full equalisation). 0, meaning none, where the pixel is 0.
    """
    pixels = image.astype(np.int64)
    share = q.equalise_q16
    total = (share * pixels.sum() + ((1 << EQUALISE_BITS) - share) * q.reference_sum) >> EQUALISE_BITS
    periods = np.minimum((total * q.period_q // np.maximum(pixels, 1)) >> PERIOD_EXTRA_BITS, PERIOD_MAX_Q16)
    return np.where(pixels > 0, periods, 0)


def exponential_q16(bits: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Exponential intervals of mean 1, in 2**-16, from 64 random bits each; see `tables.interval_table`."""
    first, second, third = (((bits >> np.uint64(s)) & _CELL).astype(np.int64) for s in (52, 40, 28))
    tail = np.where(second == 0, table[0] + table[third], table[second])
    return np.where(first == 0, table[0] + tail, table[first])


@implements(proc=PoissonEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPoissonEncoderFixed(CountingModel):
    """Geometric intervals from the integer log table: an input's next spike is drawn when the last one is sent."""

    image_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    next_spike: np.ndarray = LavaPyType(np.ndarray, np.int64)
    ordinal: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        p = proc_params["parameters"]
        self._seed = p.seed
        self._q = quantise(p)
        self._table = interval_table()
        self._periods = np.zeros(p.n_inputs, np.int64)
        self._key = sample_key(p.seed, STREAM_INPUT, 0, 0)

    def _run_step(self, control: StepControl) -> None:
        image = self.image_in.recv()
        spikes = np.zeros(self.s_out.shape, np.int32)
        if not control.is_hold:
            if control.starts or control.step == 0:
                self._begin(control, self.proc_params["image"] if control.is_free else image)
            due = np.flatnonzero(self.next_spike == control.step)
            spikes[due] = 1
            self._draw_next(due)
            self.counters[control.row, 0] += due.size
        self.s_out.send(spikes)

    def _begin(self, control: StepControl, image: np.ndarray) -> None:
        self._key = sample_key(self._seed, STREAM_INPUT, control.phase, control.sample)
        self._periods = input_periods(image, self._q)
        self.ordinal[:] = 0
        self.next_spike[:] = NEVER
        lit = np.flatnonzero(image)
        self.next_spike[lit] = -1
        self._draw_next(lit)

    def _draw_next(self, inputs: np.ndarray) -> None:
        """Move the next spike of these inputs on by 1 + floor(exponential * period) steps."""
        bits = draw_64(self._key, inputs, self.ordinal[inputs])
        wait = (exponential_q16(bits, self._table) * self._periods[inputs]) >> (2 * INTERVAL_FRACTION_BITS)
        self.next_spike[inputs] += 1 + wait
        self.ordinal[inputs] += 1


@implements(proc=PoissonEncoder, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPoissonEncoderFloat(CountingModel):
    """One uniform draw per input and step: a spike with probability ``1 - exp(-rate)``.

    The spike trains are others than those of the fixed-point model, of the same rates.
    """

    image_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    s_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    next_spike: np.ndarray = LavaPyType(np.ndarray, np.int64)
    ordinal: np.ndarray = LavaPyType(np.ndarray, np.int64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._p = proc_params["parameters"]
        self._random = np.random.default_rng(0)
        self._probability = np.zeros(self._p.n_inputs)

    def _run_step(self, control: StepControl) -> None:
        image = self.image_in.recv()
        spikes = np.zeros(self.s_out.shape, np.int32)
        if not control.is_hold:
            if control.starts or control.step == 0:
                self._begin(control, self.proc_params["image"] if control.is_free else image)
            spikes[self._random.random(spikes.size) < self._probability] = 1
            self.ordinal += spikes
            self.counters[control.row, 0] += spikes.sum()
        self.s_out.send(spikes)

    def _begin(self, control: StepControl, image: np.ndarray) -> None:
        p = self._p
        self._random = np.random.default_rng((p.seed, control.phase, control.sample))
        intensity = image / 255.0
        total = p.equalise * intensity.sum() + (1 - p.equalise) * p.total_pixels
        scale = p.total_pixels / total if total > 0 else 0.0
        self._probability = 1 - np.exp(-intensity * scale * p.max_rate_hz / 1000.0)
        self.ordinal[:] = 0
