"""The fused engine without Lava: what it refuses, and its arrays as others see them."""

from __future__ import annotations

import numpy as np
import pytest

from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import CONTROL_COLUMNS, MU_POST_Q, MU_PRE_Q, PHASE, PHASE_TRAIN, SAMPLE_ID
from lavaprune.processes.parameters import NetworkParameters

PARAMETERS = NetworkParameters(
    n_inputs=30, n_neurons=7, steps=60, seed=5, total_pixels=8.0, column_sum=6.0, gain_exc=20.0
)
SHAPE = (30, 7)
ONES = np.ones(SHAPE, np.uint8)


def samples(n: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(11).integers(0, 256, (n, 30), dtype=np.uint8)
    control = np.zeros((n, CONTROL_COLUMNS), np.int64)
    control[:, SAMPLE_ID] = np.arange(n)
    control[:, PHASE] = PHASE_TRAIN
    control[:, MU_PRE_Q] = 3000
    control[:, MU_POST_Q] = 60_000
    return images, control


def with_one(value: int) -> np.ndarray:
    mask = ONES.copy()
    mask[3, 2] = value
    return mask


@pytest.mark.parametrize(
    ("images", "control", "message"),
    [
        (np.zeros((4, 29), np.uint8), None, r"images is uint8\(4, 29\); allowed: uint8\(4, 30\)"),
        (np.zeros((4, 30), np.int64), None, r"images is int64\(4, 30\); allowed: uint8\(4, 30\)"),
        (np.zeros((4, 6, 5), np.uint8), None, r"images is uint8\(4, 6, 5\); allowed: uint8\(4, 30\)"),
        (np.zeros((3, 30), np.uint8), None, r"control is int64\(4, 6\); allowed: int64\(3, 6\)"),
        (None, np.zeros((4, 5), np.int64), r"control is int64\(4, 5\); allowed: int64\(4, 6\)"),
        (None, np.zeros((4, 6), np.int32), r"control is int32\(4, 6\); allowed: int64\(4, 6\)"),
        (None, np.zeros((4, 6)), r"control is float64\(4, 6\); allowed: int64\(4, 6\)"),
    ],
)
def test_refuses_samples_of_another_shape_or_type(
    images: np.ndarray | None, control: np.ndarray | None, message: str
) -> None:
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    good_images, good_control = samples(4)
    with pytest.raises(ValueError, match="fused engine: " + message):
        engine.run(good_images if images is None else images, good_control if control is None else control)
    assert not engine.counters.any()


@pytest.mark.parametrize(
    ("conducts", "plastic", "message"),
    [
        (ONES[1:], ONES, r"conducts is uint8\(29, 7\); allowed: uint8\(30, 7\)"),
        (ONES, ONES[:, :1], r"plastic is uint8\(30, 1\); allowed: uint8\(30, 7\)"),
        (ONES > 0, ONES, r"conducts is bool\(30, 7\); allowed: uint8\(30, 7\)"),
        (with_one(2), ONES, "conducts holds 2; allowed: 0, 1"),
        (ONES, with_one(255), "plastic holds 255; allowed: 0, 1"),
        (with_one(0), ONES, "1 synapses are plastic but do not conduct; allowed: 0"),
        (0 * ONES, with_one(0), "209 synapses are plastic but do not conduct; allowed: 0"),
    ],
)
def test_refuses_wrong_masks(conducts: np.ndarray, plastic: np.ndarray, message: str) -> None:
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    before = engine.state()
    with pytest.raises(ValueError, match="fused engine: " + message):
        engine.set_masks(conducts, plastic)
    for name in ("weights", "conducts", "plastic"):
        np.testing.assert_array_equal(getattr(engine.state(), name), getattr(before, name))
    state = initial_state(PARAMETERS)
    if conducts.shape == plastic.shape and conducts.dtype == np.uint8:  # a state checks the rest by itself
        state.conducts, state.plastic = conducts, plastic
        with pytest.raises(ValueError, match="fused engine: " + message):
            FusedEngine(PARAMETERS, state)


def test_a_state_of_another_size_is_refused() -> None:
    other = initial_state(NetworkParameters(n_inputs=30, n_neurons=8))
    with pytest.raises(ValueError, match=r"fused engine: weights have shape \(30, 8\); allowed: \(30, 7\)"):
        FusedEngine(PARAMETERS, other)


def test_synapses_show_the_state_of_now() -> None:
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    weights, conducts, plastic = engine.synapses()
    before = weights.copy()
    engine.run(*samples(6))
    assert (weights != before).any()
    np.testing.assert_array_equal(weights, engine.weights)
    kept = with_one(0)
    engine.set_masks(kept, kept * (np.arange(7) > 0).astype(np.uint8))
    weights, conducts, plastic = engine.synapses()
    state = engine.state()
    for found, expected in ((weights, state.weights), (conducts, state.conducts), (plastic, state.plastic)):
        assert found.shape == SHAPE
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected)
    assert weights[3, 2] == conducts[3, 2] == plastic[3, 2] == 0
    assert plastic.sum() == 30 * 6 - 1
    state.weights[:] = 9  # a copy
    assert (engine.weights != 9).any()


def test_masks_are_copied() -> None:
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    conducts = ONES.copy()
    engine.set_masks(conducts, ONES)
    conducts[:] = 0
    assert engine.state().connectivity == 1


def test_one_sample_at_a_time_is_the_same_as_many() -> None:
    images, control = samples(6)
    whole, split = (FusedEngine(PARAMETERS, initial_state(PARAMETERS)) for _ in range(2))
    expected, _ = whole.run(images, control)
    parts = [split.run(images[k : k + 1], control[k : k + 1])[0] for k in range(6)]
    np.testing.assert_array_equal(np.concatenate(parts), expected)
    assert expected.sum() > 0
    np.testing.assert_array_equal(split.weights, whole.weights)
    nothing, _ = split.run(images[:0], control[:0])
    assert nothing.shape == (0, 7)
    np.testing.assert_array_equal(split.counters, whole.counters)
