"""Triplet STDP of `PlasticSynapses` against Lava's own `LearningDense` with a three-factor rule, in the mean.

The stock Process rounds stochastically too, but all its synapses share one random number per step. So the same
spikes are presented to it many times in a row, and the change of every weight is averaged over these repetitions;
ours has every synapse many times, each with draws of its own.
"""

from __future__ import annotations

import numpy as np
import pytest
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.dense.process import LearningDense
from lava.proc.io.source import RingBuffer
from lava.utils.weightutils import SignMode

from lavaprune.port.learning_rule import three_factor_rule
from lavaprune.proc_models.fixed_point import RATE_EXTRA_BITS, TRACE_MAX, WEIGHT_MAX
from lavaprune.proc_models.quantisation import quantise_depression_rate, quantise_potentiation_rate
from lavaprune.proc_models.tables import trace_table
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.runtime.watchdog import guarded

TAU_X_MS, TAU_Y1_MS, TAU_Y2_MS = 8.0, 16.0, 32.0
SPIKING_STEPS, SILENT_STEPS = 40, 40  # in the silence x falls to 127 exp(-5) = 0.9 and y is set to 0
N_INPUTS, N_NEURONS = 6, 5
START = 100
STOCK_REPETITIONS, OUR_REPETITIONS = 60, 200

# Of LearningDense, in weight steps: its products are held in 1/128 of one, and that of two traces is shifted by
# 3 bits (7 + 7 bits of traces and 4 of the mantissa, in an accumulator of 15).
DEPRESSION_PER_Y1 = 2.0**-7
POTENTIATION_PER_X_Y2 = 2.0**-10
TRUNCATED_AT_MOST = 7 / 8 * 2.0**-7
# The same as shares of w_max at full traces, for our parameters
MU_PRE = DEPRESSION_PER_Y1 * TRACE_MAX / WEIGHT_MAX
MU_POST = POTENTIATION_PER_X_Y2 * TRACE_MAX**2 / WEIGHT_MAX


def parameters() -> NetworkParameters:
    """Of our synapses, which the rule of LearningDense is rendered from too."""
    return NetworkParameters(
        n_inputs=N_INPUTS,
        n_neurons=N_NEURONS * OUR_REPETITIONS,
        seed=1,
        tau_x_ms=TAU_X_MS,
        tau_y1_ms=TAU_Y1_MS,
        tau_y2_ms=TAU_Y2_MS,
        mu_pre=MU_PRE,
        mu_post=MU_POST,
    )


def spike_trains() -> tuple[np.ndarray, np.ndarray]:
    """Fixed spikes of inputs (T, J) and neurons (T, N), followed by silence; some in the same step."""
    rng = np.random.default_rng(3)
    pre = rng.random((SPIKING_STEPS, N_INPUTS)) < np.array([0.03, 0.1, 0.15, 0.2, 0.25, 0.3])
    post = rng.random((SPIKING_STEPS, N_NEURONS)) < np.array([0.04, 0.1, 0.1, 0.15, 0.2])
    post[:, 0] = np.arange(SPIKING_STEPS) == 2  # one spike: nothing but depression follows
    post[20:, 1] |= pre[20:, 3]
    silence = ((0, SILENT_STEPS), (0, 0))
    return np.pad(pre, silence).astype(np.int32), np.pad(post, silence).astype(np.int32)


def old_traces(spikes: np.ndarray, tau_ms: float) -> np.ndarray:
    """Traces in 0..127 before the spikes of the step, (T, N), and 0 in the silence."""
    table = trace_table(tau_ms)
    age = np.full(spikes.shape[1], len(table))
    traces = np.zeros(spikes.shape, np.int32)
    for t in range(SPIKING_STEPS):
        age = age + 1
        traces[t] = table[np.minimum(age, len(table) - 1)]
        age[spikes[t] != 0] = 0
    return traces


def stock_changes(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Change of every weight of LearningDense in each repetition, (R, J, N)."""
    rule = three_factor_rule(parameters()).lava_rule(rng_seed=1)
    start = np.full((N_NEURONS, N_INPUTS), START)
    dense = LearningDense(weights=start, learning_rule=rule, sign_mode=SignMode.EXCITATORY)
    # The neuron sends its traces; both as they are before its spike, as our rule reads them.
    y1, y2 = (old_traces(post, tau_ms) for tau_ms in (TAU_Y1_MS, TAU_Y2_MS))
    for port, data in (
        (dense.s_in, pre),
        (dense.s_in_bap, post),
        (dense.s_in_y1, y1),
        (dense.s_in_y2, y2),
    ):
        RingBuffer(data=data.T.astype(np.int32)).s_out.connect(port)
    changes = []
    with guarded(dense, timeout_s=120):
        for _ in range(STOCK_REPETITIONS):
            dense.run(condition=RunSteps(len(pre)), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
            changes.append(dense.weights.get().T - START)
            dense.weights.set(start)
    return np.array(changes)


def our_changes(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """Change of every weight of PlasticSynapses in each repetition, (R, J, N)."""
    synapses = PlasticSynapses(parameters(), weights=np.full((N_INPUTS, N_NEURONS * OUR_REPETITIONS), START))
    # our input spikes are delivered, and learn, one step after they were sent
    late_post = np.tile(np.pad(post, ((1, 0), (0, 0))), (1, OUR_REPETITIONS))
    RingBuffer(data=pre.T).s_out.connect(synapses.s_in)
    RingBuffer(data=late_post.T).s_out.connect(synapses.s_post_in)
    with guarded(synapses, timeout_s=120):
        synapses.run(condition=RunSteps(SPIKING_STEPS + 1), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        weights = synapses.weights.get().astype(np.int64)
    return weights.reshape(N_INPUTS, OUR_REPETITIONS, N_NEURONS).transpose(1, 0, 2) - START


def systematic_difference(post: np.ndarray) -> np.ndarray:
    """How far the means may be apart by construction, in weight steps, (N,).

    Per potentiation: the stock product is truncated to 1/128 of a weight step, and our x is the nearest of 127 levels
    (off by 1/2 at most) where the stock one is rounded stochastically at every step (right in the mean); the x left
    over from the repetition before is below 1.
    """
    y2 = old_traces(post, TAU_Y2_MS)
    per_spike = TRUNCATED_AT_MOST + 1.5 * y2 * POTENTIATION_PER_X_Y2
    return (post * per_spike * (y2 > 0)).sum(axis=0)


def test_rates_are_the_same_in_both_arithmetics() -> None:
    one = 1 << (16 + RATE_EXTRA_BITS)  # a weight step in the units of our rates
    assert quantise_depression_rate(MU_PRE) == DEPRESSION_PER_Y1 * one
    assert quantise_potentiation_rate(MU_POST) == POTENTIATION_PER_X_Y2 * one


def test_rule_of_the_port_has_these_rates() -> None:
    rule = three_factor_rule(parameters())
    assert rule.dw == "-2^-7*x0*y1 + 2^-7*y0*x1*y2"
    assert (rule.x1_impulse, rule.y1_impulse, rule.y2_impulse) == (TRACE_MAX,) * 3
    assert (rule.x1_tau_ms, rule.y1_tau_ms, rule.y2_tau_ms) == (TAU_X_MS, TAU_Y1_MS, TAU_Y2_MS)


def test_triplet_stdp_agrees_with_learning_dense() -> None:
    pre, post = spike_trains()
    ours, stock = our_changes(pre, post), stock_changes(pre, post)
    variance = sum(changes.var(axis=0, ddof=1) / len(changes) for changes in (ours, stock))
    rare = 0.25 / STOCK_REPETITIONS**2  # of roundings too rare to have shown in the sample
    allowed = 4 * np.sqrt(variance + rare) + systematic_difference(post)
    difference = np.abs(ours.mean(axis=0) - stock.mean(axis=0))
    assert (difference <= allowed).all(), (difference / allowed).max()
    # there was something to agree on: both signs, and far more than is allowed
    change = ours.mean(axis=0)
    assert change.max() > 20
    assert change[:, 0].min() < -2
    assert (change[:, 0] <= 0).all()
    assert np.median(allowed / np.abs(change)) < 0.2


def test_first_spike_of_a_neuron_does_not_potentiate() -> None:
    """The slow trace is read before the spike itself sets it (with the trace after it, the first spike would count)."""
    pre, post = np.zeros((40, N_INPUTS), np.int32), np.zeros((40, N_NEURONS), np.int32)
    pre[9], post[10] = 1, 1
    assert (our_changes(pre, post) == 0).all()
    post[12] = 1
    expected = POTENTIATION_PER_X_Y2 * trace_table(TAU_X_MS)[3] * trace_table(TAU_Y2_MS)[2]
    assert our_changes(pre, post).mean() == pytest.approx(expected, abs=0.1)
