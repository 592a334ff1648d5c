"""Models of `PlasticSynapses`."""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from lavaprune.energy.counts import TRAINING_ROW
from lavaprune.proc_models.controlled import CountingModel, StepControl
from lavaprune.proc_models.counter_random import STREAM_DEPRESSION, STREAM_NORMALISATION, STREAM_POTENTIATION
from lavaprune.proc_models.draws import draw_16, draw_32, sample_key
from lavaprune.proc_models.fixed_point import (
    RATE_EXTRA_BITS,
    TRACE_MAX,
    WEIGHT_MAX,
    depress_weight,
    depression_q16,
    normalise_weight,
    potentiate_weight,
    potentiation_q16,
)
from lavaprune.proc_models.quantisation import (
    quantise_depression_rate,
    quantise_potentiation_rate,
)
from lavaprune.proc_models.tables import trace_table
from lavaprune.processes.plastic_synapses import PlasticSynapses

(
    ACCUMULATIONS,
    DEP_UPDATES,
    DEP_LIVE,
    DEP_CHANGED,
    POT_UPDATES,
    POT_LIVE,
    POT_CHANGED,
    NORMALISATION,
    CONTROLLER,
) = range(len(PlasticSynapses.COUNTERS))


class PlasticSynapsesModel(CountingModel):
    """The order of one step and of a sample's end; subclasses say in which arithmetic weights change."""

    s_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    s_post_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    a_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)
    weights_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    conducts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    plastic_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    column_targets_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    batch_counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    prune_trigger_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    prune_counts_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int64)
    prune_weights_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.uint8)
    prune_conducts_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    prune_plastic_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.uint8)
    prune_targets_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    prune_ops_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int64)
    conducts: np.ndarray = LavaPyType(np.ndarray, np.uint8, precision=1)
    plastic: np.ndarray = LavaPyType(np.ndarray, np.uint8, precision=1)
    pending: np.ndarray = LavaPyType(np.ndarray, bool, precision=1)
    age_pre: np.ndarray = LavaPyType(np.ndarray, np.int64)
    age_post: np.ndarray = LavaPyType(np.ndarray, np.int64)
    sample_counts: np.ndarray = LavaPyType(np.ndarray, np.int64)
    batch_counts: np.ndarray = LavaPyType(np.ndarray, np.int64)
    column_targets: np.ndarray = LavaPyType(np.ndarray, np.int64)
    weights: np.ndarray

    def _run_step(self, control: StepControl) -> None:
        if control.starts or control.is_hold:
            self._rest()
        # Out before in: the sum depends on the past only, so a loop through the neurons does not deadlock.
        self.a_out.send(self._accumulate())
        arrived = np.flatnonzero(self.pending)
        self.pending[:] = self.s_in.recv() != 0
        fired = np.flatnonzero(self.s_post_in.recv())
        if control.is_hold:
            self.pending[:] = False
        else:
            self._count_and_learn(control, arrived, fired)
        event = 0
        if control.ends and control.learns:
            self._end_sample(control)
            event = control.prune_event
        self._prune(event, control)
        if event != 0:  # a batch ends, with an event of the controller or without
            self.batch_counts[:] = 0

    def _report(self, control: StepControl) -> None:
        super()._report(control)
        if control.reports_state:
            self.weights_out.send(self._weights_8_bit())
            self.conducts_out.send(self.conducts)
            self.plastic_out.send(self.plastic)
            self.batch_counts_out.send(self.batch_counts)
            self.column_targets_out.send(self.column_targets)

    def _rest(self) -> None:
        self.pending[:] = False
        self.age_pre[:] = PlasticSynapses.AGE_NEVER
        self.age_post[:] = PlasticSynapses.AGE_NEVER
        self.sample_counts[:] = 0

    def _accumulate(self) -> np.ndarray:
        return self.weights[self.pending].sum(axis=0, dtype=np.int32)

    def _count_and_learn(self, control: StepControl, arrived: np.ndarray, fired: np.ndarray) -> None:
        counts = self.counters[control.row]
        counts[ACCUMULATIONS] += np.count_nonzero(self.conducts[arrived])
        if not control.learns:
            return
        for age in (self.age_pre, self.age_post):
            np.minimum(age + 1, PlasticSynapses.AGE_NEVER, out=age)
        self.age_pre[arrived] = 0
        counts[DEP_UPDATES] += np.count_nonzero(self.plastic[arrived])
        if arrived.size:
            self._depress(control, arrived, counts)
        counts[POT_UPDATES] += np.count_nonzero(self.plastic[:, fired])
        if fired.size:
            self._potentiate(control, fired, counts)
        self.age_post[fired] = 0
        self.sample_counts[fired] += 1

    def _end_sample(self, control: StepControl) -> None:
        self.batch_counts += self.sample_counts
        columns = np.flatnonzero(self.sample_counts)
        if columns.size:
            self._normalise(control, columns, 0)

    def _prune(self, event: int, control: StepControl) -> None:
        """Tell the controller of an event, or (0) that there is none, and apply the masks that come back."""
        self.prune_trigger_out.send(np.array([max(event, 0)], np.int64))
        if event <= 0 or not self.prune_trigger_out.csp_ports:
            return
        self.prune_counts_out.send(self.batch_counts)
        self.prune_weights_out.send(self._weights_8_bit())
        conducts, plastic = self.prune_conducts_in.recv(), self.prune_plastic_in.recv()
        targets = self.prune_targets_in.recv()
        self.counters[TRAINING_ROW, CONTROLLER] += self.prune_ops_in.recv()[0]
        if not (self.prune_conducts_in.csp_ports and self.prune_plastic_in.csp_ports):  # zeros: no masks
            return
        self.conducts[:], self.plastic[:] = conducts, plastic
        self.weights[self.conducts == 0] = 0
        columns = np.flatnonzero(targets >= 0)
        if columns.size and self.prune_targets_in.csp_ports:
            self.column_targets[columns] = targets[columns]
            self._normalise(control, columns, 1)

    def _weights_8_bit(self) -> np.ndarray:
        raise NotImplementedError

    def _depress(self, control: StepControl, inputs: np.ndarray, counts: np.ndarray) -> None:
        """Depress the plastic synapses of inputs whose spikes arrive, by the neurons' fast traces."""
        raise NotImplementedError

    def _potentiate(self, control: StepControl, neurons: np.ndarray, counts: np.ndarray) -> None:
        """Potentiate the plastic synapses of neurons that fired, by the inputs' and their old slow traces."""
        raise NotImplementedError

    def _normalise(self, control: StepControl, columns: np.ndarray, ordinal: int) -> None:
        """Scale the plastic synapses of neurons to their targets; ``ordinal`` 0 at a sample's end, 1 at an event."""
        raise NotImplementedError


@implements(proc=PlasticSynapses, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyPlasticSynapsesFixed(PlasticSynapsesModel):
    """The integers of `fixed_point`."""

    weights: np.ndarray = LavaPyType(np.ndarray, np.uint8, precision=8)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        p = proc_params["parameters"]
        self._seed = p.seed
        self._own_rates = quantise_depression_rate(p.mu_pre), quantise_potentiation_rate(p.mu_post)
        self._x, self._y1, self._y2 = (trace_table(t) for t in (p.tau_x_ms, p.tau_y1_ms, p.tau_y2_ms))
        self._index = np.arange(p.n_inputs * p.n_neurons, dtype=np.int64).reshape(p.n_inputs, p.n_neurons)

    def _weights_8_bit(self) -> np.ndarray:
        return self.weights

    def _depress(self, control: StepControl, inputs: np.ndarray, counts: np.ndarray) -> None:
        rate = self._own_rates[0] if control.is_free else control.mu_pre_q
        y1 = _trace(self._y1, self.age_post)
        random = draw_16(self._key(STREAM_DEPRESSION, control), self._index[inputs], control.step)
        old = self.weights[inputs].astype(np.int64)
        learns = self.plastic[inputs] != 0
        new = np.where(learns, depress_weight(old, depression_q16(rate, y1), random), old)
        self.weights[inputs] = new
        counts[DEP_LIVE] += np.count_nonzero(learns & (y1 > 0))
        counts[DEP_CHANGED] += np.count_nonzero(new != old)

    def _potentiate(self, control: StepControl, neurons: np.ndarray, counts: np.ndarray) -> None:
        rate = self._own_rates[1] if control.is_free else control.mu_post_q
        x = _trace(self._x, self.age_pre)[:, np.newaxis]
        y2 = _trace(self._y2, self.age_post[neurons])
        random = draw_16(self._key(STREAM_POTENTIATION, control), self._index[:, neurons], control.step)
        old = self.weights[:, neurons].astype(np.int64)
        learns = self.plastic[:, neurons] != 0
        new = np.where(learns, potentiate_weight(old, potentiation_q16(rate, x, y2), random), old)
        self.weights[:, neurons] = new
        counts[POT_LIVE] += np.count_nonzero(learns & (x > 0) & (y2 > 0))
        counts[POT_CHANGED] += np.count_nonzero(new != old)

    def _normalise(self, control: StepControl, columns: np.ndarray, ordinal: int) -> None:
        columns = columns[self.column_targets[columns] > 0]
        learns = self.plastic[:, columns] != 0
        old = self.weights[:, columns].astype(np.int64)
        total = np.where(learns, old, 0).sum(axis=0)
        random = draw_32(self._key(STREAM_NORMALISATION, control), self._index[:, columns], ordinal)
        scaled = normalise_weight(old, self.column_targets[columns], np.maximum(total, 1), random)
        self.weights[:, columns] = np.where(learns & (total > 0), scaled, old)
        # one addition per synapse to find the sum, one multiplication where there is something to scale
        operations = np.count_nonzero(learns, axis=0) * np.where(total > 0, 2, 1)
        self.counters[TRAINING_ROW, NORMALISATION] += operations.sum()

    def _key(self, stream: int, control: StepControl) -> np.uint64:
        return sample_key(self._seed, stream, control.phase, control.sample)


def _trace(table: np.ndarray, age: np.ndarray) -> np.ndarray:
    """Traces by the steps since the last spike; the table's last entry is 0 and holds for all later ones."""
    return table[np.minimum(age, table.size - 1)]


@implements(proc=PlasticSynapses, protocol=LoihiProtocol)
@requires(CPU)
@tag("floating_pt")
class PyPlasticSynapsesFloat(PlasticSynapsesModel):
    """Guo et al. 2020, Eq. 3 and 4, in double precision; weights in units of w_max / 255, unrounded.

    Sums and weights are rounded where they leave, since the ports are the fixed-point models'. No update is counted as
    changed: there is no 8-bit weight.
    """

    weights: np.ndarray = LavaPyType(np.ndarray, np.float64)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._p = proc_params["parameters"]

    def _accumulate(self) -> np.ndarray:
        return np.rint(self.weights[self.pending].sum(axis=0)).astype(np.int32)

    def _weights_8_bit(self) -> np.ndarray:
        return np.rint(self.weights).astype(np.uint8)

    def _depress(self, control: StepControl, inputs: np.ndarray, counts: np.ndarray) -> None:
        mu_pre = self._p.mu_pre * WEIGHT_MAX
        if not control.is_free:
            mu_pre = control.mu_pre_q * TRACE_MAX / (1 << (16 + RATE_EXTRA_BITS))
        y1 = np.exp(-self.age_post / self._p.tau_y1_ms)
        self._change(np.ix_(inputs, np.arange(y1.size)), np.broadcast_to(-mu_pre * y1, (inputs.size, y1.size)))
        counts[DEP_LIVE] += np.count_nonzero(self.plastic[inputs] * y1)

    def _potentiate(self, control: StepControl, neurons: np.ndarray, counts: np.ndarray) -> None:
        mu_post = self._p.mu_post * WEIGHT_MAX
        if not control.is_free:
            mu_post = control.mu_post_q * TRACE_MAX**2 / (1 << (16 + RATE_EXTRA_BITS))
        x = np.exp(-self.age_pre / self._p.tau_x_ms)
        y2 = np.exp(-self.age_post[neurons] / self._p.tau_y2_ms)
        self._change(np.ix_(np.arange(x.size), neurons), mu_post * np.outer(x, y2))
        counts[POT_LIVE] += np.count_nonzero(self.plastic[:, neurons] * np.outer(x, y2))

    def _change(self, where: Any, change: np.ndarray) -> None:
        moved = np.clip(self.weights[where] + change, 0, WEIGHT_MAX)
        self.weights[where] = np.where(self.plastic[where] != 0, moved, self.weights[where])

    def _normalise(self, control: StepControl, columns: np.ndarray, ordinal: int) -> None:
        for i in columns[self.column_targets[columns] > 0]:
            learns = self.plastic[:, i] != 0
            total = self.weights[learns, i].sum()
            if total > 0:
                scale = self.column_targets[i] / total
                self.weights[learns, i] = np.minimum(self.weights[learns, i] * scale, WEIGHT_MAX)
            self.counters[TRAINING_ROW, NORMALISATION] += np.count_nonzero(learns) * (2 if total > 0 else 1)
