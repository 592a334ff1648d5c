"""What becomes of the remaining weights at an event: by hand, and what every rule keeps to."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.processes.state import COLUMN_TARGET_MAX
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import PruningEvent
from lavaprune.pruning.registry import method_from_settings
from lavaprune.pruning.rescaling import KEEP, RESCALINGS, TARGET_MAX, column_targets


def event_of(weights: list[list[int]], plastic: list[list[int]] | None = None) -> PruningEvent:
    w = np.array(weights, np.uint8)
    ones = np.ones_like(w)
    learns = ones if plastic is None else np.array(plastic, np.uint8)
    return PruningEvent(0, np.zeros(w.shape[1], np.int64), w, ones, learns)


def mask(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.uint8)


def targets(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_none_keeps_everything() -> None:
    event = event_of([[10], [20]])
    kept = mask([[0], [1]])
    assert column_targets("none", event, kept, kept, targets(30)).tolist() == [KEEP]


def test_sum_keeps_the_target() -> None:
    event = event_of([[10, 5], [20, 5]])
    kept = mask([[0, 1], [1, 1]])
    assert column_targets("sum", event, kept, kept, targets(30, 12)).tolist() == [30, 12]


def test_drive_by_hand() -> None:
    """Weights 3, 4, 5: squares 9 + 16 + 25 = 50. Without the 3: sum 9, squares 41, so 9 * 50 / 41 = 10.97, down: 10.

    Nothing removed: the sum that is there, 12. The sum rule would have made 12 of it in both cases.
    """
    event = event_of([[3, 3], [4, 4], [5, 5]])
    kept = mask([[0, 1], [1, 1], [1, 1]])
    assert column_targets("drive", event, kept, kept, targets(12, 12)).tolist() == [10, 12]


@pytest.mark.parametrize(("rule", "expected"), [("sum", 12 - 5), ("drive", 7 * (50 - 25) // 25)])
def test_frozen_weights_go_on_driving(rule: str, expected: int) -> None:
    event = event_of([[3], [4], [5]])
    conducts, plastic = mask([[1], [1], [1]]), mask([[1], [1], [0]])
    assert column_targets(rule, event, conducts, plastic, targets(12)).tolist() == [expected]


def test_weights_frozen_earlier_do_not_count_again() -> None:
    event = event_of([[3], [4], [5]], plastic=[[1], [1], [0]])
    conducts, plastic = mask([[1], [1], [1]]), mask([[1], [1], [0]])
    assert column_targets("sum", event, conducts, plastic, targets(7)).tolist() == [7]
    assert column_targets("drive", event, conducts, plastic, targets(7)).tolist() == [7]


@pytest.mark.parametrize("rule", RESCALINGS)
def test_neurons_with_nothing_to_scale_are_left(rule: str) -> None:
    event = event_of([[3, 0, 7]])
    kept = mask([[0, 1, 1]])
    assert column_targets(rule, event, kept, kept, targets(9, 9, 0)).tolist() == [KEEP, KEEP, KEEP]


def test_targets_stay_within_what_weights_can_sum_to() -> None:
    """One weight of 1 left of 300 of 255 would have to drive as much as all: 300 * 255**2 = 19,507,500."""
    event = event_of([*[[255]] * 300, [1]])
    kept = mask([*[[0]] * 300, [1]])
    assert column_targets("drive", event, kept, kept, targets(300 * 255)).tolist() == [TARGET_MAX]
    assert TARGET_MAX == COLUMN_TARGET_MAX


def test_the_most_inputs_at_their_most() -> None:
    """65,536 weights of 255: their squares sum to 4,261,478,400, just within 32 bits."""
    full = np.full((65_536, 1), 255, np.uint8)
    ones = np.ones_like(full)
    event = PruningEvent(0, np.zeros(1, np.int64), full, ones, ones)
    assert column_targets("drive", event, ones, ones, targets(9)).tolist() == [65_536 * 255]
    half = (np.arange(65_536) % 2).astype(np.uint8)[:, np.newaxis]
    assert column_targets("drive", event, half, half, targets(9)).tolist() == [65_536 * 255]
    assert column_targets("sum", event, ones, half, targets(65_536 * 255)).tolist() == [32_768 * 255]


@pytest.mark.parametrize(
    ("rule", "gain", "expected"),
    [
        ("drive", "1.5", [15, 18]),  # 10 and 12, as above
        ("drive", "1.1", [10, 13]),  # 1.1 is 72,089 / 2**16, so 10.9999 and 13.2
        ("drive", "0", [1, 1]),
        ("sum", "2", [24, 24]),
        ("none", "2", [KEEP, KEEP]),
    ],
)
def test_gain_by_hand(rule: str, gain: str, expected: list[int]) -> None:
    kept = mask([[0, 1], [1, 1], [1, 1]])
    event = event_of([[3, 3], [4, 4], [5, 5]])
    assert column_targets(rule, event, kept, kept, targets(12, 12), Decimal(gain)).tolist() == expected


def test_gain_of_the_largest_target() -> None:
    """65,535 weights of 255 gone and one of 1 left would have to be 4.3e9: clipped before the gain, below 2**24.

    Unclipped, half of it would still be the most that is allowed.
    """
    event = event_of([*[[255]] * 65_535, [1]])
    kept = mask([*[[0]] * 65_535, [1]])
    for gain, expected in ((16, TARGET_MAX), (0.5, TARGET_MAX // 2)):
        found = column_targets("drive", event, kept, kept, targets(300 * 255), Decimal(gain))
        assert found.tolist() == [expected]


@pytest.mark.parametrize("gain", ["-0.1", "16.1", "NaN"])
def test_gain_out_of_range(gain: str) -> None:
    event = event_of([[3]])
    with pytest.raises(PruningError, match=rf"gain is {gain}; allowed: 0 \.\. 16"):
        column_targets("drive", event, mask([[1]]), mask([[1]]), targets(3), Decimal(gain))
    for name in ("gain", "first_gain"):
        with pytest.raises(PruningError, match=rf"pruning: {name} is .*; allowed: 0 \.\. 4"):
            method_from_settings("zero", **{name: float(gain)})


def test_gains_of_the_events() -> None:
    method = method_from_settings("contrast", gain=1.2, first_gain=1.5)

    def gain(k: int, n_events: int) -> Decimal:
        return method.gain_at(PruningEvent(k, np.zeros(1, np.int64), w, w, w, n_events=n_events))

    w = mask([[1]])
    assert [gain(k, 3) for k in range(3)] == [Decimal("1.5"), 1, Decimal("1.2")]
    assert gain(0, 1) == Decimal("1.80")
    assert method_from_settings("contrast").gain_at(PruningEvent(0, np.zeros(1, np.int64), w, w, w)) == 1


def test_unknown_rule() -> None:
    event = event_of([[3]])
    with pytest.raises(PruningError, match=r"rescale is 'mean'; allowed: none, sum, drive"):
        column_targets("mean", event, mask([[1]]), mask([[1]]), targets(3))


@given(
    st.integers(1, 40).flatmap(lambda n: st.lists(st.integers(0, 255), min_size=n, max_size=n)),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["sum", "drive"]),
    st.integers(0, 65536 * 255),
)
def test_against_exact_fractions(weights: list[int], seed: int, rule: str, target: int) -> None:
    rng = np.random.default_rng(seed)
    event = event_of([[w] for w in weights])
    conducts = rng.integers(0, 2, (len(weights), 1)).astype(np.uint8)
    plastic = conducts & rng.integers(0, 2, conducts.shape).astype(np.uint8)
    left = [w for w, p in zip(weights, plastic[:, 0], strict=True) if p]
    frozen = [w for w, c, p in zip(weights, conducts[:, 0], plastic[:, 0], strict=True) if c and not p]
    new = int(column_targets(rule, event, conducts, plastic, targets(target))[0])
    if target == 0 or sum(left) == 0:
        assert new == KEEP
    elif rule == "sum":
        assert new == max(1, target - sum(frozen))
    else:
        squares = sum(w * w for w in weights) - sum(w * w for w in frozen)
        assert new == max(1, int(Fraction(sum(left) * squares, sum(w * w for w in left))))
        assert new >= sum(left)  # never less than what is left
