"""The paper's readout: worked by hand, and against a slow loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.training.readout import UNLABELLED, Labeller, classify


def labeller(n_classes: int, spike_counts: list[list[int]], labels: list[int]) -> Labeller:
    result = Labeller(n_classes, len(spike_counts[0]))
    result.add(np.array(spike_counts, np.int32), np.array(labels, np.uint8))
    return result


def test_labels_by_hand() -> None:
    """Four neurons, three classes: most for 2; most for 0 in sum although 1 has the largest image; tie; silent."""
    told = labeller(
        3,
        [
            [0, 3, 2, 0],  # class 0
            [1, 3, 0, 0],  # class 0
            [1, 5, 2, 0],  # class 1
            [4, 0, 1, 0],  # class 2
        ],
        [0, 0, 1, 2],
    )
    assert told.labels().tolist() == [2, 0, 0, UNLABELLED]
    assert told.labels().dtype == np.int64


def test_classes_by_hand() -> None:
    """Class 0 has one neuron, class 1 three, class 2 none, class 3 one; the last neuron has no label."""
    labels = np.array([0, 1, 1, 1, 3, UNLABELLED])
    counts = [
        [2, 1, 2, 2, 0, 0],  # means 2, 5/3: the mean decides, not the sum
        [2, 3, 2, 2, 1, 0],  # 2, 7/3
        [2, 2, 2, 2, 2, 0],  # all equal: the first
        [0, 0, 0, 1, 0, 90],  # 0, 1/3: a neuron without label has no vote
        [0, 1, 1, 1, 1, 0],  # 1 and 3 equal
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 50],  # nobody with a vote: the first class
    ]
    answers = classify(np.array(counts, np.int32), labels, 4)
    assert answers.tolist() == [0, 1, 0, 1, 1, 3, 0]
    assert answers.dtype == np.int64


def test_a_class_without_neurons_never_wins_against_a_spike() -> None:
    assert classify(np.array([[0, 1]]), np.array([4, 4]), 10).tolist() == [4]


def test_chunks_add_up() -> None:
    rng = np.random.default_rng(5)
    counts = rng.integers(0, 9, (50, 7)).astype(np.int32)
    labels = rng.integers(0, 4, 50).astype(np.uint8)
    whole = labeller(4, counts.tolist(), labels.tolist())
    parts = Labeller(4, 7)
    for first in (0, 13, 14, 40):
        last = {0: 13, 13: 14, 14: 40, 40: 50}[first]
        parts.add(counts[first:last], labels[first:last])
    assert (parts.spikes == whole.spikes).all()
    assert parts.spikes.sum() == counts.sum()


@given(seed=st.integers(0, 10_000), n_neurons=st.integers(1, 12), n_classes=st.integers(1, 5))
def test_against_a_slow_loop(seed: int, n_neurons: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, (30, n_neurons)) * rng.integers(0, 2, n_neurons)
    truth = rng.integers(0, n_classes, 30)
    labels = labeller(n_classes, counts.tolist(), truth.tolist()).labels()
    for i in range(n_neurons):
        by_class = [sum(int(counts[k, i]) for k in range(30) if truth[k] == c) for c in range(n_classes)]
        assert labels[i] == (by_class.index(max(by_class)) if max(by_class) > 0 else UNLABELLED)
    for k, answer in enumerate(classify(counts, labels, n_classes)):
        means = []
        for c in range(n_classes):
            own = [int(counts[k, i]) for i in range(n_neurons) if labels[i] == c]
            means.append(sum(own) / len(own) if own else 0.0)
        assert answer == means.index(max(means))
