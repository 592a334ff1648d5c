"""Depression in the fused engine: all random draws of a neuron's live trace at once, the few changes kept until due.

Almost no draw rounds up, so almost no synapse changes. Which inputs will spike in the next steps is known from the
start of a sample. So when a neuron spikes, the draws of all steps in which its trace will be live are made in one long
loop without branches or writes, whether the synapses learn or not, and the few that change a weight are put on an
agenda. When the neuron spikes again its trace starts anew: what is on the agenda for later is struck off, and drawn
again. A draw is a function of synapse and step, so nothing depends on when it is made, or how often.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lavaprune.proc_models.fixed_point import depress_weight, depression_q16
from lavaprune.proc_models.fused_layout import C_DEP_CHANGED, C_DEP_LIVE, COPIED
from lavaprune.proc_models.fused_randomness import random_16

AGENDA = 256  # changes that can wait; where there are more, each step is drawn when it comes
STEP_BY_STEP = -1  # in place of the agenda's length
BLOCK = 64  # draws in a loop without branches
_ONE_Q16 = 1 << 16
_INPUT_BITS = 16  # a network has up to 65,536 inputs
_INPUT = (1 << _INPUT_BITS) - 1


class Arrivals(NamedTuple):
    """Spikes of a sample that arrive, in the order of time: those of step t from ``first[t]`` to ``first[t + 1]``."""

    packed: np.ndarray  # (T I + BLOCK,) int64: the step in which each arrives, above 16 bits of its input
    first: np.ndarray  # (T + 1,) int64


class Agenda(NamedTuple):
    """Changes that are to come. Neurons go by their place in ``recent``, the list of those that spiked."""

    step: np.ndarray  # (AGENDA,) int64, when a change is due
    input: np.ndarray  # (AGENDA,) int64
    place: np.ndarray  # (AGENDA,) int64


@njit
def new_arrivals(steps, n_inputs):
    """Room for the spikes of a sample; see `list_arrivals`."""
    return Arrivals(np.zeros(steps * n_inputs + BLOCK, np.int64), np.zeros(steps + 1, np.int64))


@njit
def list_arrivals(bucket, bucket_count, arrivals):
    """Fill ``arrivals``; a spike arrives in the step after its own, those of the last step never.

    Rows of ``bucket`` are at least `COPIED` long, whatever they hold there: a fixed number is copied without branches.
    """
    n = np.int64(0)
    n_steps = arrivals.first.shape[0] - 1
    for t in range(1, n_steps):
        arrivals.first[t] = n
        n_arrived = bucket_count[t - 1]
        row, packed = bucket[t - 1], arrivals.packed[n:]
        for s in range(COPIED):
            packed[s] = (t << _INPUT_BITS) | np.int64(row[s])
        for s in range(COPIED, n_arrived):
            packed[s] = (t << _INPUT_BITS) | np.int64(row[s])
        n += n_arrived
    arrivals.first[n_steps] = n


@njit
def note_arrivals(arrivals, noted, t, last_pre):
    """Let the traces of inputs start anew that spiked in steps ``noted`` .. ``t``."""
    for s in range(arrivals.first[noted], arrivals.first[t + 1]):
        last_pre[np.uint64(arrivals.packed[s] & _INPUT)] = arrivals.packed[s] >> _INPUT_BITS


@njit
def new_agenda():
    """An agenda for one network."""
    return Agenda(np.empty(AGENDA, np.int64), np.empty(AGENDA, np.int64), np.empty(AGENDA, np.int64))


@njit
def _change(weights, lanes, lane, j, i, change, random, counts):
    old = np.int64(weights[j, i])
    new = depress_weight(old, change, random)
    weights[j, i] = np.uint8(new)
    lanes[j, lane[i]] = np.uint8(new)
    counts[C_DEP_CHANGED] += new != old


@njit
def depress(
    weights, lanes, lane, learns, masked, arrivals, agenda, n_due, recent, n_recent, last_post, y1_table, rate, key, t,
    counts,
):  # fmt: skip
    """Depress, in step ``t``, the synapses of inputs that spiked onto neurons with a live fast trace.

    Returns the length of the agenda, and the next step in which to call this, unless a neuron spikes before. For
    ``learns`` see `begin_trace`; ``lanes`` and ``lane`` are as for `fused_kernel.run_chunk`.
    """
    n_neurons = last_post.shape[0]
    if n_due == STEP_BY_STEP:
        for r in range(n_recent):
            i = np.int64(recent[r])
            age = t - last_post[i]
            if age < y1_table.shape[0] - 1:
                change = depression_q16(rate, y1_table[age])
                for s in range(arrivals.first[t], arrivals.first[t + 1]):
                    j = arrivals.packed[s] & _INPUT
                    random = random_16(key, j * n_neurons + i, t)
                    if change + random >= _ONE_Q16 and (not masked or learns[r, j] != 0):
                        _change(weights, lanes, lane, j, i, change, random, counts)
        return n_due, t + 1
    kept, next_step = 0, arrivals.first.shape[0] - 1
    for s in range(n_due):
        step, j, r = agenda.step[s], agenda.input[s], agenda.place[s]
        if step == t:
            i = np.int64(recent[r])
            change = depression_q16(rate, y1_table[t - last_post[i]])
            _change(weights, lanes, lane, j, i, change, random_16(key, j * n_neurons + i, t), counts)
        else:
            agenda.step[kept], agenda.input[kept], agenda.place[kept] = step, j, r
            kept += 1
            next_step = min(next_step, step)
    return kept, next_step


@njit
def _live_until(arrivals, since, y1_table):
    """The step before which a trace that started in step ``since`` runs out, at most the sample's end."""
    return min(since + y1_table.shape[0] - 1, arrivals.first.shape[0] - 1)


@njit
def end_trace(r, since, t, learns, masked, arrivals, y1_table, counts):
    """Count the updates of the ``r``-th recent neuron's trace, which started in step ``since``, up to step ``t``."""
    first = arrivals.first[since + 1]
    last = arrivals.first[max(since + 1, min(t + 1, _live_until(arrivals, since, y1_table)))]
    if not masked:
        counts[C_DEP_LIVE] += last - first
        return
    row, arrived = learns[r], arrivals.packed[first:last]
    n = np.int64(0)
    for s in range(arrived.shape[0]):
        n += np.int64(row[np.uint64(arrived[s] & _INPUT)])  # unsigned: an index that needs no check
    counts[C_DEP_LIVE] += n


@njit
def begin_trace(agenda, n_due, r, i, t, learns, masked, arrivals, y1_table, rate, key, n_neurons):
    """Neuron ``i``, the ``r``-th recent one, spikes in step ``t``: draw all that its trace may do.

    ``learns`` (N, I) uint8 tells of each of the recent neurons which synapses learn, and is read only where
    ``masked``. Returns the length of the agenda.
    """
    if n_due == STEP_BY_STEP:
        return n_due
    kept = 0
    for s in range(n_due):
        if agenda.place[s] != r:
            agenda.step[kept] = agenda.step[s]
            agenda.input[kept] = agenda.input[s]
            agenda.place[kept] = agenda.place[s]
            kept += 1
    n_due = kept
    most = depression_q16(rate, y1_table[0])  # the trace only falls
    first, last = arrivals.first[t + 1], arrivals.first[max(t + 1, _live_until(arrivals, t, y1_table))]
    n_blocks = (last - first + BLOCK - 1) // BLOCK  # the last one may go on beyond the end
    blocks = arrivals.packed[first : first + n_blocks * BLOCK].reshape(n_blocks, BLOCK)
    for b in range(n_blocks):
        n_up = 0
        for s in range(BLOCK):
            packed = blocks[b, s]
            n_up += most + random_16(key, (packed & _INPUT) * n_neurons + i, packed >> _INPUT_BITS) >= _ONE_Q16
        if n_up == 0:
            continue
        for s in range(min(BLOCK, last - first - b * BLOCK)):
            j, step = blocks[b, s] & _INPUT, blocks[b, s] >> _INPUT_BITS
            change = depression_q16(rate, y1_table[step - t])
            random = random_16(key, j * n_neurons + i, step)
            if change + random >= _ONE_Q16 and (not masked or learns[r, j] != 0):
                if n_due == AGENDA:
                    return STEP_BY_STEP
                agenda.step[n_due], agenda.input[n_due], agenda.place[n_due] = step, j, r
                n_due += 1
    return n_due
