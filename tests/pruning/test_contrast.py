"""Contrast pruning and redundancy: small cases by hand, an oracle in exact arithmetic, and what they keep to."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.pruning.contrast_method import ContrastPruning, largest
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import PruningEvent, decide
from lavaprune.pruning.redundancy import cosine_squared, without_redundant
from lavaprune.pruning.registry import MethodSettings, method_from_settings


def make_event(
    weights: np.ndarray, spikes: list[int] | None = None, k: int = 0, n_events: int = 1
) -> PruningEvent:
    w = weights.astype(np.uint8)
    counts = np.zeros(w.shape[1], np.int64) if spikes is None else np.array(spikes, np.int64)
    ones = np.ones_like(w)
    return PruningEvent(k, counts, w, ones, ones, n_events=n_events)


def random_event(seed: int, n_inputs: int, n_neurons: int, k: int = 0, n_events: int = 1) -> PruningEvent:
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 256, (n_inputs, n_neurons)) * (rng.random((n_inputs, n_neurons)) < 0.6)
    return make_event(weights, rng.integers(0, 9, n_neurons).tolist(), k, n_events)


def test_cosine_squared_by_hand() -> None:
    """Columns (3, 4), (4, 3), (0, 5), nothing: cos**2 = (24/25)**2, (20/25)**2, (15/25)**2, 0."""
    squares = cosine_squared(np.array([[3.0, 4.0, 0.0, 0.0], [4.0, 3.0, 5.0, 0.0]]))
    expected = np.array([[0, 24**2, 20**2, 0], [24**2, 0, 15**2, 0], [20**2, 15**2, 0, 0], [0, 0, 0, 0]]) / 625
    np.testing.assert_allclose(squares, expected, rtol=1e-15)
    assert np.array_equal(squares, squares.T)


def test_the_synapses_that_tell_two_rivals_apart_stay() -> None:
    """Both neurons share inputs 0 and 1; each has one faint input of its own, which a threshold would take first."""
    weights = np.array([[100, 100], [100, 100], [45, 0], [0, 45]])
    event = make_event(weights)
    method = method_from_settings("contrast", connectivity=0.25)
    conducts, _ = method.masks(event)
    assert conducts.tolist() == [[0, 0], [0, 0], [1, 0], [0, 1]]
    weights_kept, _ = method_from_settings("constant", threshold=0.3).masks(event)
    assert weights_kept.tolist() == [[1, 1], [1, 1], [0, 0], [0, 0]]


def test_scores_against_an_oracle() -> None:
    """Neurons with a common core: where cosines are low, what 20 bits of cos**12 round away would show."""
    rng = np.random.default_rng(3)
    weights = (rng.integers(60, 160, (12, 1)) + rng.integers(-60, 96, (12, 7))).astype(float)
    scores = ContrastPruning(MethodSettings(connectivity=0.5)).scores(weights)
    for i in range(7):
        own = weights[:, i]
        likeness = {}
        for k in range(7):
            other = weights[:, k]
            if k != i:
                cosine = math.fsum(own * other) / math.sqrt(math.fsum(own**2) * math.fsum(other**2))
                likeness[k] = cosine**12
        rival = sum(part * weights[:, k] for k, part in likeness.items()) / sum(likeness.values())
        np.testing.assert_allclose(scores[:, i], (own - 0.6 * rival) / math.sqrt(math.fsum(own**2)), atol=1e-4)


def test_a_neuron_unlike_all_others_has_no_rivals() -> None:
    """Columns (100, 0, 0), (0, 60, 80), (0, 80, 60): cosines 0, 0 and 24/25."""
    weights = np.array([[100.0, 0.0, 0.0], [0.0, 60.0, 80.0], [0.0, 80.0, 60.0]])
    scores = ContrastPruning(MethodSettings(connectivity=0.5)).scores(weights)
    expected = [[1, 0, 0], [0, 0.6 - 0.6 * 0.8, 0.8 - 0.6 * 0.6], [0, 0.8 - 0.6 * 0.6, 0.6 - 0.6 * 0.8]]
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


@pytest.mark.parametrize(("k", "share"), [(0, 0.1 ** math.sqrt(0.25)), (1, 0.1 ** math.sqrt(0.5)), (3, 0.1), (9, 0.1)])
def test_how_many_stay(k: int, share: float) -> None:
    method = ContrastPruning(MethodSettings(connectivity=0.1))
    event = random_event(0, 50, 20, k, 4)
    assert abs(method.synapses_left(event) - share * 1000) <= 1


def test_never_more_after_a_later_event() -> None:
    method = ContrastPruning(MethodSettings(connectivity=0.07, redundant=0.3))
    left = [method.synapses_left(random_event(0, 50, 20, k, 21)) for k in range(21)]
    removed = [method.neurons_removed(random_event(0, 50, 20, k, 21)) for k in range(21)]
    assert left == sorted(left, reverse=True)
    assert removed == sorted(removed)
    assert (left[-1], removed[0], removed[6:]) == (70, 0, [6] * 15)


def test_of_two_near_duplicates_the_one_that_fires_less_goes() -> None:
    weights = np.array([[9, 9, 0, 0], [9, 8, 0, 7], [0, 0, 5, 5]])
    assert without_redundant(make_event(weights, [5, 4, 0, 0]), 1).tolist() == [True, False, True, True]
    assert without_redundant(make_event(weights, [4, 5, 0, 0]), 1).tolist() == [False, True, True, True]
    assert without_redundant(make_event(weights, [4, 4, 0, 0]), 1).tolist() == [True, False, True, True]


def test_neurons_without_synapses_count_as_removed_and_one_stays() -> None:
    event = random_event(1, 9, 5)
    conducts = event.conducts.copy()
    conducts[:, 3] = 0
    weights = event.weights * conducts
    gone = PruningEvent(0, event.spike_counts, weights, conducts, conducts)
    assert without_redundant(gone, 1).tolist() == [True, True, True, False, True]
    assert without_redundant(gone, 5).sum() == 1


def removed_by_brute_force(event: PruningEvent, removed: int) -> list[bool]:
    alive = [True] * event.weights.shape[1]
    squares = cosine_squared(event.weights.astype(float))
    for _ in range(removed):
        pairs = [(squares[i, k], -i, -k) for i in range(len(alive)) for k in range(i) if alive[i] and alive[k]]
        top = max(square for square, _, _ in pairs)
        # of equal pairs the one whose first neuron comes first, then whose second does
        first, second = min((-k, -i) for square, i, k in pairs if square == top)
        alive[first if event.spike_counts[first] < event.spike_counts[second] else second] = False
    return alive


@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(1, 11))
def test_redundancy_against_brute_force(seed: int, n_neurons: int, removed: int) -> None:
    event = random_event(seed, 15, n_neurons)
    removed = min(removed, n_neurons - 1)
    assert without_redundant(event, removed).tolist() == removed_by_brute_force(event, removed)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1), st.floats(0, 1), st.integers(0, 5))
def test_contract(seed: int, connectivity: float, redundant: float, k: int) -> None:
    method = method_from_settings("contrast", connectivity=connectivity, redundant=redundant)
    event = random_event(seed, 20, 9, k, 6)
    conducts, plastic, operations = decide(method, event)
    assert np.array_equal(conducts, plastic)
    assert conducts.sum() <= ContrastPruning(MethodSettings(connectivity=connectivity)).synapses_left(event)
    assert not conducts[event.weights == 0].any()
    assert operations > 0


def test_wrong_settings() -> None:
    with pytest.raises(PruningError, match="connectivity is 0 for the method contrast"):
        method_from_settings("contrast", connectivity=0)
    with pytest.raises(PruningError, match="redundant"):
        method_from_settings("contrast", redundant=1.5)
    with pytest.raises(PruningError, match="connectivity"):
        method_from_settings("contrast", connectivity=float("nan"))


@given(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 0.25, 3.0, 7.0]), min_size=1, max_size=60), st.data())
def test_the_largest_are_those_that_a_stable_sort_puts_first(values: list[float], data: st.DataObject) -> None:
    scores = np.array(values)
    count = data.draw(st.integers(0, len(values) - 1))
    expected = np.zeros(len(values), bool)
    expected[np.argsort(-scores, kind="stable")[:count]] = True
    assert largest(scores, count).tolist() == expected.tolist()
