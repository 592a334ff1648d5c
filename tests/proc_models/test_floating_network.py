"""The floating-point reference: against equations worked by hand, and against the fixed-point engine within its steps.

Parameters are nominal, so what differs is the arithmetic's rounding and that of the parameters to our integers; the
bounds of both follow from the widths.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from lavaprune.datasets import digits
from lavaprune.proc_models.fixed_point import add_conductance, decay_conductance, integrate_membrane
from lavaprune.proc_models.floating_equations import equations, present
from lavaprune.proc_models.floating_network import FloatingEngine
from lavaprune.proc_models.fused_engine import FusedEngine, Recording
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.proc_models.quantisation import (
    quantise,
    quantise_depression_rate,
    quantise_potentiation_rate,
    quantise_theta_plus,
)
from lavaprune.processes.control import (
    CONTROL_COLUMNS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_LABEL,
    PHASE_TEST,
    PHASE_TRAIN,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.training.readout import Labeller, classify

NOMINAL: dict[str, Any] = {
    "n_inputs": 64,
    "n_neurons": 16,
    "steps": 150,
    "seed": 11,
    "tau_m_ms": 100.0,
    "inh_tau_m_ms": 10.0,
    "gain_exc": 1.55,
    "gain_inh": 96.0,
    "inh_gain_exc": 10.4,
    "theta_init_mv": 2.0,
    "theta_plus_mv": 0.125,
    "column_sum": 14.0,
    "max_rate_hz": 120.0,
    "total_pixels": 16.0,
    "mu_pre": 1e-3,
    "mu_post": 0.05,
}


def images(n: int) -> np.ndarray:
    return np.ascontiguousarray(digits.load()[0][:n])


def rows(p: NetworkParameters, n: int, phase: int) -> np.ndarray:
    control = np.zeros((n, CONTROL_COLUMNS), np.int64)
    control[:, SAMPLE_ID] = np.arange(n)
    control[:, PHASE] = phase
    if phase == PHASE_TRAIN:
        control[:, MU_PRE_Q] = quantise_depression_rate(p.mu_pre)
        control[:, MU_POST_Q] = quantise_potentiation_rate(p.mu_post)
        control[:, THETA_PLUS_Q] = quantise_theta_plus(p.theta_plus_mv)
    return control


def both(p: NetworkParameters, n: int, phase: int) -> tuple[FusedEngine, Recording, FloatingEngine, Any]:
    """The same images through both, from the same start."""
    fixed, floating = FusedEngine(p, initial_state(p)), FloatingEngine(p)
    _, recording = fixed.run(images(n), rows(p, n, phase), record=True)
    _, reference = floating.run(images(n), np.arange(n), phase, record=True)
    assert recording is not None
    assert reference is not None
    return fixed, recording, floating, reference


# --- the equations, by hand -----------------------------------------------------------------------------------------


def one_neuron(**values: Any) -> NetworkParameters:
    return NetworkParameters(
        **{"n_inputs": 2, "n_neurons": 1, "steps": 12, "normalise": False, "theta_init_mv": 0.0, **values}
    )


def shown(p: NetworkParameters, pre: list[list[int]], weights: list[list[float]], factor: float = 1.0) -> Any:
    """Present given input spikes (by input, the steps) while learning: weights, theta, spikes (T, N), v (T, N)."""
    spikes = np.zeros((p.steps, p.n_inputs), np.uint8)
    for j, steps in enumerate(pre):
        spikes[steps, j] = 1
    w, theta = np.array(weights, float), np.full(p.n_neurons, float(p.theta_init_mv))
    exc, inh = np.zeros((2, p.steps, p.n_neurons), np.uint8)
    v = np.zeros((p.steps, p.n_neurons))
    plastic = np.ones(w.shape, np.uint8)
    present(spikes, w, plastic, theta, True, factor, equations(p), np.zeros(p.n_neurons, np.int32), exc, inh, v)
    return w, theta, exc, v


def test_a_membrane_by_hand() -> None:
    """One input spike at step 2 arrives at step 3: g = 0.5 * 2, then decays by e; v moves by a tenth of its drive."""
    p = one_neuron(tau_m_ms=10.0, gain_exc=2.0)
    _, _, exc, v = shown(p, [[2], []], [[0.5], [0.9]])
    expected = [-60.0, -60.0, -60.0]
    for k in range(9):
        last = expected[-1]
        expected.append(last + ((-60 - last) + math.exp(-k) * (0 - last)) / 10)
    assert v[:, 0].tolist() == pytest.approx(expected, abs=1e-12)
    assert not exc.any()


def test_stdp_by_hand() -> None:
    """Input 0 drives the neuron at every arrival; input 1 is too weak and only learns.

    Arrivals at steps 1, 6 (input 0) and 3, 6 (input 1); the neuron spikes at 1 and 6. At 3 the second input is
    depressed with y1 of age 2, at 6 both with age 5; at 6 both, x = 1 again, are potentiated with the old y2.
    """
    p = one_neuron(gain_exc=1000.0, tau_m_ms=1.0, tau_ge_ms=0.05, mu_pre=0.01, mu_post=0.1, refractory_steps=1,
                   tau_y1_ms=7.0, tau_y2_ms=20.0, tau_x_ms=9.0, theta_plus_mv=0.25, tau_theta_ms=1e15)  # fmt: skip
    weights, theta, exc, _ = shown(p, [[0, 5], [2, 5]], [[0.5], [0.00002]], factor=0.5)
    assert np.flatnonzero(exc[:, 0]).tolist() == [1, 6]
    depression, potentiation = 0.005 * math.exp(-5 / 7), 0.05 * math.exp(-5 / 20)
    assert weights[0, 0] == pytest.approx(0.5 - depression + potentiation, abs=1e-12)
    assert weights[1, 0] == pytest.approx(0 + potentiation, abs=1e-12)  # clipped at 0 by the depressions
    assert theta[0] == pytest.approx(2 * 0.125, abs=1e-9)


def test_the_trace_of_an_input_decays_until_the_spike() -> None:
    """Input 1 arrives at 3, the neuron spikes at 1 and at 6: potentiated by x of age 3 and y2 of age 5."""
    p = one_neuron(gain_exc=1000.0, tau_m_ms=1.0, tau_ge_ms=0.05, mu_pre=0.0, mu_post=0.1)
    weights, _, exc, _ = shown(p, [[0, 5], [2]], [[0.5], [0.00002]])
    assert np.flatnonzero(exc[:, 0]).tolist() == [1, 6]
    expected = 0.00002 + 0.1 * math.exp(-3 / p.tau_x_ms) * math.exp(-5 / p.tau_y2_ms)
    assert weights[1, 0] == pytest.approx(expected, abs=1e-12)


def test_weights_stay_within_their_bounds() -> None:
    p = one_neuron(steps=60, gain_exc=1000.0, tau_m_ms=1.0, tau_ge_ms=0.05, mu_pre=0.0, mu_post=1.0, refractory_steps=0)
    weights, _, _, _ = shown(p, [list(range(50)), []], [[0.5], [0.5]])
    assert weights[:, 0].tolist() == [1.0, 0.5]


def test_columns_are_normalised_exactly() -> None:
    p = one_neuron(gain_exc=1000.0, tau_m_ms=1.0, mu_pre=0.0, mu_post=0.0, normalise=True, column_sum=0.9)
    weights, _, _, _ = shown(p, [[0], []], [[0.2], [0.4]])
    assert weights[:, 0].tolist() == pytest.approx([0.3, 0.6], abs=1e-12)
    weights, _, _, _ = shown(p, [[], []], [[0.2], [0.4]])  # no spike, no normalisation
    assert weights[:, 0].tolist() == [0.2, 0.4]
    saturated = dataclasses.replace(p, column_sum=1.8)
    weights, _, _, _ = shown(saturated, [[0], []], [[0.2], [0.4]])
    assert weights[:, 0].tolist() == pytest.approx([0.6, 1.0], abs=1e-12)


@pytest.mark.parametrize(("inhibition", "delay"), [("interneurons", 2), ("direct", 1)])
def test_inhibition_reaches_the_others_after_its_hops(inhibition: str, delay: int) -> None:
    """Neuron 0 spikes at step 1; the other's membrane falls 1 or 2 steps later, its own does not."""
    p = NetworkParameters(n_inputs=1, n_neurons=3, steps=8, normalise=False, inhibition=inhibition, gain_exc=1000.0,
                          tau_m_ms=1.0, tau_ge_ms=0.05, inh_gain_exc=1000.0, inh_tau_m_ms=1.0, theta_init_mv=0.0,
                          refractory_steps=0)  # fmt: skip
    _, _, exc, v = shown(p, [[0]], [[0.5, 0.0, 0.0]])
    assert np.flatnonzero(exc[:, 0]).tolist() == [1]
    assert (v[: 1 + delay, 1:] == -60).all()
    assert (v[1 + delay, 1:] < -90).all()
    assert (v[:, 0] >= -60).all()


def test_inference_changes_nothing() -> None:
    p = NetworkParameters(**NOMINAL)
    _, recording, floating, reference = both(p, 3, PHASE_TEST)
    assert (floating.weights == initial_state(p).weights / 255).all()
    assert (floating.theta_mv == p.theta_init_mv).all()
    assert reference.exc.sum() > 10
    # and both networks saw the same input
    assert (reference.inputs == recording.inputs).all()


def test_masks() -> None:
    p = NetworkParameters(**NOMINAL)
    j, i = np.indices((p.n_inputs, p.n_neurons))
    kind = (7 * j + 3 * i) % 5
    start = np.full(kind.shape, 0.3)
    floating = FloatingEngine(p, start, kind != 0, kind > 1)
    counts, _ = floating.run(images(8), np.arange(8), PHASE_TRAIN)
    assert not floating.weights[kind == 0].any()
    assert (floating.weights[kind == 1] == 0.3).all()
    spiked = counts[-1] > 0  # normalised last: only their plastic synapses
    assert spiked.any()
    sums = (floating.weights * (kind > 1)).sum(axis=0)
    assert sums[spiked] == pytest.approx(p.column_sum)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((3, 16))}, "weights have shape"),
        ({"weights": np.full((64, 16), 1.01)}, "a weight is 1.01; allowed: 0 .. 1"),
        ({"weights": np.full((64, 16), np.nan)}, "a weight is nan; allowed: 0 .. 1"),
        ({"conducts": np.ones((16, 64))}, "conducts has shape"),
        ({"plastic": np.ones((64, 1))}, "plastic has shape"),
    ],
)
def test_wrong_states_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FloatingEngine(NetworkParameters(**NOMINAL), **change)


def test_wrong_images_are_refused() -> None:
    engine = FloatingEngine(NetworkParameters(**NOMINAL))
    with pytest.raises(ValueError, match="images have shape"):
        engine.run(np.zeros((2, 63), np.uint8), np.arange(2), PHASE_TEST)
    with pytest.raises(ValueError, match="as many of each"):
        engine.run(images(2), np.arange(3), PHASE_TEST)


# --- against fixed point --------------------------------------------------------------------------------------------


def fixed_membranes(p: NetworkParameters, weights: np.ndarray, recording: Recording, k: int) -> np.ndarray:
    """The fixed-point membranes (T, N) in mV of image k, recomputed from its recorded spikes by `fixed_point`."""
    q = quantise(p)
    lateral = (recording.inh if p.inhibition == "interneurons" else recording.exc)[k].astype(np.int64)
    inputs = recording.inputs[k].astype(np.int64)
    v, g_exc, g_inh, held = (np.zeros(p.n_neurons, np.int64) for _ in range(4))
    v += q.v_rest
    result = []
    for t in range(p.steps):
        arrived = inputs[t - 1] if t else np.zeros(p.n_inputs, np.int64)
        inhibition = lateral[t - 1].sum() - lateral[t - 1] if t else np.zeros(p.n_neurons, np.int64)
        arrivals = arrived @ weights.astype(np.int64)
        g_exc = add_conductance(decay_conductance(g_exc, q.decay_ge_q16), arrivals, q.gain_exc)
        g_inh = add_conductance(decay_conductance(g_inh, q.decay_gi_q16), inhibition, q.gain_inh)
        moved = integrate_membrane(v, g_exc, g_inh, q.v_rest, q.e_exc, q.e_inh, q.leak_q22)
        spiked = recording.exc[k, t] != 0
        v = np.where((held > 0) | spiked, q.v_rest, moved)
        held = np.where(spiked, q.refractory_steps, np.maximum(held - 1, 0))
        result.append(v / 65536)
    return np.array(result)


def membrane_bound_mv(p: NetworkParameters) -> float:
    """How far rounding may move a membrane, in mV: 0.07 here.

    A conductance g loses below 2**-14 per step by truncation, so below ``2**-14 / (1 - factor)`` in all, and a share
    below 2**-17 per step by the rounding of its factor, so below ``2**-17 g`` times the steps that it lives (from 512
    down to 2**-14). The membrane follows with ``(1 + g) / tau_m``, so an error of g moves it by at most 100 mV of
    ``error / (1 + g)``. A gain or a leak that is off by half a unit moves it by at most that share of 100 mV. Two
    truncations of 2**-16 mV per step, and one of the drive before it is divided by tau_m, add up to tau_m of them.
    """
    q = quantise(p)
    error = (2 * p.tau_m_ms + 1) * 2**-16 + 100 * (0.5 / q.gain_exc + 0.5 / q.gain_inh + 0.5 / q.leak_q22)
    for tau_ms in (p.tau_ge_ms, p.tau_gi_ms):
        life_steps = tau_ms * math.log(512 * 2**14)
        error += 100 * (2**-14 / (1 - math.exp(-1 / tau_ms)) + 2**-17 * life_steps)
    return error


@pytest.mark.parametrize("inhibition", ["interneurons", "direct"])
def test_the_same_spikes_and_membranes_without_learning(inhibition: str) -> None:
    n = 30
    p = NetworkParameters(**{**NOMINAL, "inhibition": inhibition})
    fixed, recording, _, reference = both(p, n, PHASE_TEST)
    assert recording.exc.sum() > 5 * n
    total, expected = recording.exc.sum(), reference.exc.sum()
    assert abs(int(total) - int(expected)) <= 0.01 * expected
    same = [k for k in range(n) if (recording.exc[k] == reference.exc[k]).all()]
    assert len(same) >= 0.9 * n  # a membrane within the bound of its threshold is rare
    for k in same:
        difference = np.abs(fixed_membranes(p, fixed.weights, recording, k) - reference.v_mv[k])
        assert difference.max() <= membrane_bound_mv(p)
        assert np.sqrt((difference**2).mean()) <= 0.002


@pytest.mark.parametrize("inhibition", ["interneurons", "direct"])
def test_the_same_learning_but_for_the_rounding(inhibition: str) -> None:
    """One image at a time from weights far from the bounds: exact changes against stochastically rounded ones.

    A synapse takes part in at most as many updates as its ends spiked, each rounded by less than a weight step;
    traces are off by half of 1 / 127, which moves a depression by ``mu_pre / 254``, a potentiation by at most
    ``mu_post / 127``. Rounding is unbiased and independent: in the mean over all synapses it vanishes.
    """
    p = NetworkParameters(**{**NOMINAL, "inhibition": inhibition, "normalise": False, "theta_plus_mv": 0.0})
    start = np.random.default_rng(3).integers(60, 120, (p.n_inputs, p.n_neurons))
    compared = 0
    for k in range(20):
        state = initial_state(p)
        state.weights[:] = start
        fixed, floating = FusedEngine(p, state), FloatingEngine(p, start / 255)
        control = rows(p, 1, PHASE_TRAIN)
        control[0, SAMPLE_ID] = k
        _, recording = fixed.run(images(20)[k : k + 1], control, record=True)
        _, reference = floating.run(images(20)[k : k + 1], np.array([k]), PHASE_TRAIN, record=True)
        assert recording is not None
        assert reference is not None
        if not (recording.exc == reference.exc).all():
            continue
        compared += 1
        pre, post = recording.inputs[0].sum(axis=0), recording.exc[0].sum(axis=0)
        assert post.sum() > 0
        steps_off = 255 * floating.weights - fixed.weights
        depressions = np.where(post > 0, pre[:, None], 0)
        potentiations = np.where(pre[:, None] > 0, post, 0)
        biased = 255 * (depressions * p.mu_pre / 254 + potentiations * p.mu_post / 127)
        assert (np.abs(steps_off) <= depressions + potentiations + biased).all()
        updates = int(fixed.counters[0, 7] + fixed.counters[0, 10])  # with a live trace
        noise = 4 * 0.5 * math.sqrt(updates)
        assert abs(steps_off.sum()) <= noise + biased.sum()
        # against what was learnt at all
        learnt = 255 * floating.weights - start
        if potentiations.max() > 1:
            assert np.abs(learnt).sum() > 100
            assert np.corrcoef(learnt.ravel(), (fixed.weights - start.astype(float)).ravel())[0, 1] > 0.98
    assert compared >= 12


def test_normalisation_is_the_same_in_the_mean() -> None:
    """Without STDP a column is only scaled: each weight is rounded by less than a step, the column's sum on average."""
    p = NetworkParameters(**{**NOMINAL, "mu_pre": 0.0, "mu_post": 0.0, "theta_plus_mv": 0.0, "column_sum": 20.0})
    state = initial_state(dataclasses.replace(p, column_sum=14.0))
    state.column_targets[:] = initial_state(p).column_targets
    fixed, floating = FusedEngine(p, state), FloatingEngine(p, state.weights / 255)
    counts, _ = fixed.run(images(1), rows(p, 1, PHASE_TRAIN))
    expected, _ = floating.run(images(1), np.arange(1), PHASE_TRAIN)
    assert (counts == expected).all()
    spiked = counts[0] > 0
    assert spiked.any()
    assert floating.weights.sum(axis=0)[spiked] == pytest.approx(20.0, abs=1e-9)
    assert np.abs(255 * floating.weights - fixed.weights).max() < 1
    assert np.abs(fixed.weights.sum(axis=0)[spiked] / 255 - 20.0).max() <= 4 * 0.5 * math.sqrt(p.n_inputs) / 255


def test_theta_is_the_same_to_its_last_bits() -> None:
    """Four images: each rounds the decay by up to 2**-16 mV, as long as the neurons spike alike."""
    p = NetworkParameters(**{**NOMINAL, "mu_pre": 0.0, "mu_post": 0.0, "normalise": False, "tau_theta_ms": 1e4})
    fixed, recording, floating, reference = both(p, 4, PHASE_TRAIN)
    assert (recording.exc == reference.exc).all()
    assert floating.theta_mv.max() > p.theta_init_mv
    assert np.abs(fixed.theta / 65536 - floating.theta_mv).max() <= 4 * 2**-16 + 4 * 1e-6


def test_both_networks_learn_the_digits_alike() -> None:
    """1,000 images from the same start: other winners here and there, the same network in the large."""
    n = 1000
    p = NetworkParameters(**{**NOMINAL, "n_neurons": 40, "theta_plus_mv": 0.0625})
    train_images, train_labels, test_images, test_labels = digits.load()
    fixed, floating = FusedEngine(p, initial_state(p)), FloatingEngine(p)
    counts, _ = fixed.run(images(n), rows(p, n, PHASE_TRAIN))
    expected, _ = floating.run(images(n), np.arange(n), PHASE_TRAIN)
    assert counts.sum() == pytest.approx(expected.sum(), rel=0.05)
    assert fixed.theta.mean() / 65536 == pytest.approx(floating.theta_mv.mean(), rel=0.05)
    assert fixed.weights.mean() / 255 == pytest.approx(floating.weights.mean(), rel=0.01)
    accuracies = []
    for respond in (
        lambda shown, phase: fixed.run(shown.copy(), rows(p, len(shown), phase))[0],
        lambda shown, phase: floating.run(shown, np.arange(len(shown)), phase)[0],
    ):
        labeller = Labeller(10, p.n_neurons)
        labeller.add(respond(train_images[:n], PHASE_LABEL), train_labels[:n])
        answers = classify(respond(test_images, PHASE_TEST), labeller.labels(), 10)
        accuracies.append(float((answers == test_labels).mean()))
    assert min(accuracies) > 0.5  # chance is 0.1
    assert abs(accuracies[0] - accuracies[1]) < 0.12
