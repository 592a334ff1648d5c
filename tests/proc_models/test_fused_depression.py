"""Depression drawn ahead against depression step by step in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.energy.counts import N_COUNTERS
from lavaprune.proc_models.counter_random import draw64
from lavaprune.proc_models.fixed_point import depress_weight, depression_q16
from lavaprune.proc_models.fused_depression import (
    STEP_BY_STEP,
    begin_trace,
    depress,
    end_trace,
    list_arrivals,
    new_agenda,
    new_arrivals,
    note_arrivals,
)
from lavaprune.proc_models.fused_layout import C_DEP_CHANGED, C_DEP_LIVE, COPIED

STEPS, N_INPUTS, N_NEURONS = 45, 20, 5
TRACE = np.array([*range(20, 0, -1), 0], np.int64)  # live for 20 steps
KEY = np.uint64(2**63 + 11)
MILD, STRONG = 400, 500_000  # rates: of the first, few draws round up; of the second, most


def buckets(raster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inputs that spike in each step, as the encoder leaves them; -1 where there is nothing to read."""
    bucket = np.full((len(raster), raster.shape[1] + COPIED), -1, np.int32)
    for t, row in enumerate(raster):
        found = np.flatnonzero(row)
        bucket[t, : len(found)] = found
    return bucket, raster.sum(axis=1).astype(np.int64)


def by_hand(
    raster: np.ndarray, spikes: np.ndarray, learns: np.ndarray, weights: np.ndarray, rate: int
) -> tuple[np.ndarray, int, int]:
    """Weights (steps, I, N) after each step, live updates, changes."""
    weights, last_post = weights.copy(), np.full(N_NEURONS, -1000)
    after, live, changed = [], 0, 0
    for t in range(STEPS):
        for j in np.flatnonzero(raster[t - 1]) if t > 0 else []:
            for i in range(N_NEURONS):
                age = t - last_post[i]
                if age >= len(TRACE) - 1 or not learns[i, j]:
                    continue
                with np.errstate(over="ignore"):
                    index = np.uint64(int(j) * N_NEURONS + i)
                    random = int(draw64(KEY, index, np.uint64(t)) >> np.uint64(48))
                new = depress_weight(int(weights[j, i]), depression_q16(rate, int(TRACE[age])), random)
                live += 1
                changed += new != weights[j, i]
                weights[j, i] = new
        last_post[spikes[t] != 0] = t
        after.append(weights.copy())
    return np.array(after), live, changed


def ahead(
    raster: np.ndarray, spikes: np.ndarray, learns: np.ndarray, masked: bool, weights: np.ndarray, rate: int
) -> tuple[np.ndarray, int, int, bool]:
    """The same by the kernel's functions, and whether the agenda was too short."""
    weights, lanes = weights.copy(), weights.copy()
    lane = np.arange(N_NEURONS, dtype=np.int32)
    arrivals, agenda = new_arrivals(STEPS, N_INPUTS), new_agenda()
    list_arrivals(*buckets(raster), arrivals)
    counts = np.zeros(N_COUNTERS, np.int64)
    last_post, recent, place = np.full(N_NEURONS, -1000), np.zeros(N_NEURONS, np.int32), np.full(N_NEURONS, -1)
    of_recent = np.zeros((N_NEURONS, N_INPUTS), np.uint8)
    n_recent, n_due, next_step, after = 0, 0, STEPS, []
    for t in range(STEPS):
        if t >= next_step:
            n_due, next_step = depress(
                weights, lanes, lane, of_recent, masked, arrivals, agenda, n_due, recent, n_recent, last_post, TRACE,
                rate, KEY, t, counts,
            )  # fmt: skip
        for i in np.flatnonzero(spikes[t]):
            if place[i] < 0:
                place[i], recent[n_recent], of_recent[n_recent] = n_recent, i, learns[i]
                n_recent += 1
            else:
                end_trace(place[i], last_post[i], t, of_recent, masked, arrivals, TRACE, counts)
            last_post[i] = t
            n_due = begin_trace(
                agenda, n_due, place[i], i, t, of_recent, masked, arrivals, TRACE, rate, KEY, N_NEURONS
            )
            next_step = t + 1
        after.append(weights.copy())
    for r in range(n_recent):
        end_trace(r, last_post[recent[r]], STEPS, of_recent, masked, arrivals, TRACE, counts)
    np.testing.assert_array_equal(lanes, weights)
    return np.array(after), int(counts[C_DEP_LIVE]), int(counts[C_DEP_CHANGED]), n_due == STEP_BY_STEP


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rate=st.sampled_from([0, MILD, 5_000, STRONG]),
    masked=st.booleans(),
    input_share=st.sampled_from([0.0, 0.1, 0.6]),
    spike_share=st.sampled_from([0.01, 0.05, 0.5]),
)
def test_drawn_ahead_is_step_by_step(
    seed: int, rate: int, masked: bool, input_share: float, spike_share: float
) -> None:
    random = np.random.default_rng(seed)
    raster = random.random((STEPS, N_INPUTS)) < input_share
    spikes = random.random((STEPS, N_NEURONS)) < spike_share
    learns = random.integers(0, 2, (N_NEURONS, N_INPUTS)) if masked else np.ones((N_NEURONS, N_INPUTS), np.int64)
    weights = random.integers(0, 256, (N_INPUTS, N_NEURONS)).astype(np.uint8)
    with np.errstate(over="ignore"):
        found = ahead(raster, spikes, learns.astype(np.uint8), masked, weights, rate)
    expected = by_hand(raster, spikes, learns, weights, rate)
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1:3] == expected[1:]


@pytest.mark.parametrize(("rate", "is_short"), [(MILD, False), (STRONG, True)])
def test_both_ways_were_gone(rate: int, is_short: bool) -> None:
    raster, spikes = np.ones((STEPS, N_INPUTS), bool), np.zeros((STEPS, N_NEURONS), bool)
    spikes[[5, 9, 22]] = True
    learns, weights = np.ones((N_NEURONS, N_INPUTS), np.uint8), np.full((N_INPUTS, N_NEURONS), 200, np.uint8)
    with np.errstate(over="ignore"):
        *found, was_short = ahead(raster, spikes, learns, False, weights, rate)
    assert was_short == is_short
    assert 0 < found[2] <= found[1] == N_INPUTS * N_NEURONS * (4 + 13 + 19)


def test_arrivals_are_listed_in_the_order_of_time() -> None:
    raster = np.random.default_rng(2).random((STEPS, N_INPUTS)) < np.linspace(0, 1, STEPS)[:, np.newaxis]
    assert raster.sum(axis=1).max() > COPIED
    arrivals = new_arrivals(STEPS, N_INPUTS)
    list_arrivals(*buckets(raster), arrivals)
    last_pre, expected = np.full(N_INPUTS, -7), np.full(N_INPUTS, -7)
    for t in range(STEPS):
        found = arrivals.packed[arrivals.first[t] : arrivals.first[t + 1]]
        assert (found & 65_535).tolist() == (np.flatnonzero(raster[t - 1]).tolist() if t > 0 else [])
        assert (found >> 16 == t).all()
        if t > 0:
            expected[raster[t - 1]] = t
        if t in (10, 11, 40):
            note_arrivals(arrivals, {10: 0, 11: 11, 40: 12}[t], t, last_pre)
            np.testing.assert_array_equal(last_pre, expected)
