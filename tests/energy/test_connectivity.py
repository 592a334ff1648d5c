"""Who connects to whom: each kind against its synapses written out one by one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.energy.connectivity import (
    AllButOwn,
    Connectivity,
    Mask,
    OneToOne,
    SharedAxon,
    SharedWeights,
    Split,
    SynapseCounts,
    Uniform,
)
from lavaprune.energy.errors import FitError


@given(st.integers(1, 200), st.integers(1, 250))
def test_split_is_equal_and_complete(neurons: int, cores: int) -> None:
    split = Split(neurons, cores)
    parts = [split.part(core) for core in range(cores)]
    assert [neuron for part in parts for neuron in part] == list(range(neurons))
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert sizes == sorted(sizes, reverse=True)
    assert split.sizes().tolist() == sizes
    assert split.core_of(np.arange(neurons)).tolist() == [core for core, n in enumerate(sizes) for _ in range(n)]


def test_split_by_hand() -> None:
    assert [list(Split(5, 2).part(core)) for core in (0, 1)] == [[0, 1, 2], [3, 4]]
    assert Split(2, 3).sizes().tolist() == [1, 1, 0]


def matrix_of(kind: Connectivity, n_pre: int, n_post: int) -> np.ndarray:
    """Every synapse of a kind whose synapses can be written as a matrix."""
    if isinstance(kind, Mask):
        return kind.matrix != 0
    if isinstance(kind, OneToOne):
        return np.eye(n_pre, n_post, dtype=bool)
    if isinstance(kind, AllButOwn):
        return ~np.eye(n_pre, n_post, dtype=bool)
    assert isinstance(kind, SharedAxon)
    return np.ones((n_pre, n_post), bool)


@st.composite
def written_out(draw: st.DrawFn) -> tuple[Connectivity, int, int, int]:
    kind = draw(st.sampled_from(["mask", "one", "lateral", "shared"]))
    n_pre = draw(st.integers(1, 9))
    n_post = n_pre if kind in ("one", "lateral") else draw(st.integers(1, 9))
    cores = draw(st.integers(1, 11))
    if kind == "mask":
        rows = draw(
            st.lists(st.lists(st.integers(-2, 2), min_size=n_post, max_size=n_post), min_size=n_pre, max_size=n_pre)
        )
        return Mask(np.array(rows)), n_pre, n_post, cores
    return {"one": OneToOne(), "lateral": AllButOwn(), "shared": SharedAxon()}[kind], n_pre, n_post, cores


@given(written_out(), st.randoms(use_true_random=False))
def test_lists_axons_and_messages_by_brute_force(case: tuple[Connectivity, int, int, int], random: object) -> None:
    kind, n_pre, n_post, cores = case
    matrix, split = matrix_of(kind, n_pre, n_post), Split(n_post, cores)
    kind.check("test", n_pre, n_post)
    weights = np.array([random.randint(0, 5) for _ in range(n_pre)], np.int64)  # type: ignore[attr-defined]
    expected_messages = np.zeros(cores, np.int64)
    for core in range(cores):
        part = split.part(core)
        lengths = [sum(matrix[pre, post] for post in part) for pre in range(n_pre)]
        expected_messages[core] = sum(int(w) for w, length in zip(weights, lengths, strict=True) if length)
        if isinstance(kind, SharedAxon):  # one list for all senders
            lengths = [len(part)]
        lists = kind.lists(n_pre, part, n_post)
        found = [n for n, copies in zip(lists.synapses, lists.copies, strict=True) for _ in range(copies) if n]
        assert sorted(found) == sorted(length for length in lengths if length)
        assert kind.input_axons(n_pre, part, n_post) == len(found) == lists.occupied
        assert lists.total == sum(found)
    whole = kind.messages(range(n_pre), weights, n_pre, split)
    assert whole.tolist() == expected_messages.tolist()
    half = n_pre // 2
    first, second = range(half), range(half, n_pre)
    parts = [kind.messages(p, weights[p.start : p.stop], n_pre, split) for p in (first, second)]
    assert (parts[0] + parts[1]).tolist() == whole.tolist()


def test_uniform_rounds_up_on_each_core() -> None:
    # 10 % of 400 and of 267 neurons: 40 and 27 synapses
    assert Uniform(0.1).lists(784, range(400), 800).synapses.tolist() == [40]
    assert Uniform(0.1).lists(784, range(267), 800).synapses.tolist() == [27]
    # 0.07 * 100 is 7, though in binary floating point it is a little more
    assert Uniform(0.07).lists(1, range(100), 100).synapses.tolist() == [7]
    assert Uniform(Fraction(1, 3)).lists(1, range(9), 9).synapses.tolist() == [3]
    assert Uniform(1e-9).lists(5, range(100), 100).total == 5
    assert Uniform(0).lists(5, range(100), 100).total == 0
    assert Uniform(0).messages(range(5), np.ones(5, np.int64), 5, Split(100, 2)).tolist() == [0, 0]
    assert Uniform(0.5).messages(range(5), np.full(5, 3), 5, Split(2, 3)).tolist() == [15, 15, 0]


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), -1, 2])
def test_uniform_refuses(value: float) -> None:
    with pytest.raises(FitError, match=r"connectivity is .*; allowed: 0 .. 1"):
        Uniform(value)


def test_synapse_counts() -> None:
    kind = SynapseCounts([9, 0, 4])
    kind.check("test", 3, 12)
    lists = kind.lists(3, range(4), 12)  # a third of the neurons: 3, 0 and 1.33 -> 2
    assert lists.synapses.tolist() == [0, 2, 3]
    assert lists.occupied == 2
    assert kind.messages(range(1, 3), np.array([5, 7]), 3, Split(12, 3)).tolist() == [7, 7, 7]
    full = SynapseCounts(np.full(4, 6))
    assert full.lists(4, range(3), 6).total == Uniform(1).lists(4, range(3), 6).total


def test_shared_weights() -> None:
    kind = SharedWeights(n_lists=9, synapses_per_list=32)
    kind.check("test", 100, 3200)
    lists = kind.lists(100, range(1000), 3200)
    assert (lists.total, lists.occupied) == (9 * 32, 9)
    assert kind.input_axons(100, range(1000), 3200) == 100  # every sender has its axon, lists are shared
    assert kind.messages(range(100), np.ones(100, np.int64), 100, Split(3200, 2)).tolist() == [100, 100]


@pytest.mark.parametrize(
    ("kind", "sizes", "message"),
    [
        (Mask(np.ones((2, 3))), (2, 3), "mask is float64"),
        (Mask(np.ones((2, 3), bool)), (3, 2), r"mask is bool of shape \(2, 3\); allowed: .* of shape \(3, 2\)"),
        (SynapseCounts([1, 5]), (2, 4), "synapse counts are 1 .. 5; allowed: 0 .. 4"),
        (SynapseCounts([1, -5]), (2, 4), "synapse counts are -5 .. 1"),
        (SynapseCounts([1.5, 1]), (2, 4), "synapse counts is float64"),
        (SynapseCounts([1]), (2, 4), r"of shape \(1,\)"),
        (OneToOne(), (2, 3), "connects 2 neurons with 3"),
        (AllButOwn(), (3, 2), "connects 3 neurons with 2"),
        (SharedWeights(0, 1), (2, 2), "lists is 0; allowed: 1 .. 2"),
        (SharedWeights(1, 3), (2, 2), "synapses per list is 3; allowed: 1 .. 2"),
    ],
)
def test_sizes_that_do_not_fit(kind: Connectivity, sizes: tuple[int, int], message: str) -> None:
    with pytest.raises(FitError, match=f"^here: .*{message}"):
        kind.check("here", *sizes)


def test_a_full_mask_is_full_connectivity() -> None:
    mask, uniform = Mask(np.ones((5, 7), np.uint8)), Uniform(1.0)
    for core in range(3):
        part = Split(7, 3).part(core)
        assert mask.lists(5, part, 7).total == uniform.lists(5, part, 7).total
        assert mask.input_axons(5, part, 7) == uniform.input_axons(5, part, 7) == 5
