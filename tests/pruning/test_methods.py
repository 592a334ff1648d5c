"""The methods: thresholds by hand, equivalences, invariants, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.pruning.controller_cost import controller_operations
from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod, decide
from lavaprune.pruning.registry import MethodSettings, known_methods, method_from_settings, register_method
from lavaprune.pruning.threshold_methods import ThresholdPruning

BUILT_IN = ("none", "zero", "constant", "apt", "apn", "aptn")


def make_event(
    n_inputs: int = 12, n_neurons: int = 5, k: int = 0, seed: int = 0, connectivity: float = 0.8, w_max: int = 255
) -> PruningEvent:
    rng = np.random.default_rng(seed)
    conducts = (rng.random((n_inputs, n_neurons)) < connectivity).astype(np.uint8)
    plastic = conducts & (rng.random((n_inputs, n_neurons)) < 0.9)
    weights = rng.integers(0, w_max + 1, (n_inputs, n_neurons)).astype(np.uint8) * conducts
    return PruningEvent(k, rng.integers(0, 200, n_neurons), weights, conducts, plastic.astype(np.uint8), w_max)


def threshold_method(name: str, *args: object, **settings: object) -> ThresholdPruning:
    method = method_from_settings(name, *args, **settings)  # type: ignore[arg-type]
    assert isinstance(method, ThresholdPruning)
    return method


events = st.builds(
    make_event,
    n_inputs=st.integers(1, 20),
    n_neurons=st.integers(1, 12),
    k=st.integers(0, 10),
    seed=st.integers(0, 10_000),
    connectivity=st.floats(0, 1),
    w_max=st.sampled_from([15, 127, 255]),
)
methods = st.builds(
    method_from_settings,
    name=st.sampled_from(BUILT_IN),
    function=st.sampled_from(["f1", "f2", "f3"]),
    threshold=st.floats(0, 1),
    factor_time=st.none() | st.floats(1, 2),
    factor_neurons=st.none() | st.floats(1, 2),
    spike_interval=st.integers(1, 100),
    grouping=st.sampled_from(["sorted", "binned"]),
)


@given(methods, events)
def test_invariants(method: PruningMethod, event: PruningEvent) -> None:
    conducts, plastic, operations = decide(method, event)  # decide() itself refuses regrowth
    assert np.all(conducts <= event.conducts)
    assert np.all(plastic <= conducts)
    # Nothing but a removed synapse stops learning here: soft pruning is another family.
    assert np.array_equal(plastic, event.plastic & conducts)
    assert 0 <= operations <= controller_operations(*event.weights.shape, int(event.spike_counts.max()) + 1).total


@given(methods, events)
def test_the_decision_is_a_function_of_the_event(method: PruningMethod, event: PruningEvent) -> None:
    first, second = decide(method, event), decide(method, event)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert first[2] == second[2]


@given(events, st.floats(0, 1), st.sampled_from(["f1", "f2", "f3"]))
def test_neutral_factors_make_the_constant_method(event: PruningEvent, w0: float, function: str) -> None:
    neutral = 0 if function == "f3" else 1
    expected = decide(method_from_settings("constant", function, w0), event)[0]
    for name in ("apt", "apn", "aptn"):
        method = method_from_settings(name, function, w0, neutral, neutral, 10)
        assert np.array_equal(decide(method, event)[0], expected)
    assert np.array_equal(expected == 1, (event.conducts == 1) & (event.weights >= w0 * event.w_max))


def test_thresholds_by_hand() -> None:
    # Counts 10, 25 | 45 | 100 with SI = 30: groups 0, 0, 1, 2.
    weights = np.full((1, 4), 255, dtype=np.uint8)
    ones = np.ones((1, 4), dtype=np.uint8)
    event = PruningEvent(2, np.array([25, 45, 10, 100]), weights, ones, ones)
    # f1: 0.1 * 255 = 25.5; over time * 1.3**2 = 43.095; over neurons * 1.15**n = 25.5, 29.325, 33.72
    settings = {"function": "f1", "threshold": 0.1, "spike_interval": 30}
    assert threshold_method("constant", **settings).thresholds(event).tolist() == [26, 26, 26, 26]
    assert threshold_method("apt", **settings).thresholds(event).tolist() == [44, 44, 44, 44]
    assert threshold_method("apn", **settings).thresholds(event).tolist() == [26, 30, 26, 34]
    # 43.095 * 1.15**n = 43.095, 49.56, 56.99
    assert threshold_method("aptn", **settings).thresholds(event).tolist() == [44, 50, 44, 57]
    # Binned, the bin from 70 is empty and 100 is in bin 3: 43.095 * 1.15**3 = 65.54
    assert threshold_method("aptn", **settings, grouping="binned").thresholds(event).tolist() == [44, 50, 44, 66]
    # f3: 0.1 + 2 * 0.01 + n * 0.03 = 0.12, 0.15, 0.18 -> 30.6, 38.25, 45.9
    f3 = {**settings, "function": "f3"}
    assert threshold_method("aptn", **f3).thresholds(event).tolist() == [31, 39, 31, 46]
    # f2: 1 - 0.9 / 1.1**2 = 0.25620; 1 - (1 - 0.25620) / 1.05**n -> 65.33, 74.36, 82.96
    f2 = {**settings, "function": "f2"}
    assert threshold_method("aptn", **f2).thresholds(event).tolist() == [66, 75, 66, 83]


@given(events, st.floats(0.01, 0.5), st.integers(1, 60))
def test_aptn_starts_as_apn_and_never_prunes_less_than_apt(event: PruningEvent, w0: float, interval: int) -> None:
    apt, apn, aptn = (
        threshold_method(name, "f1", w0, 1.2, 1.1, interval).thresholds(event) for name in ("apt", "apn", "aptn")
    )
    assert np.all(aptn >= apt)
    assert np.all(aptn >= apn)
    if event.k == 0:
        assert np.array_equal(aptn, apn)
    weakest = np.argmin(event.spike_counts)
    assert aptn[weakest] == apt[weakest]


@given(events)
def test_zero_removes_just_the_zeros(event: PruningEvent) -> None:
    conducts, _, _ = decide(method_from_settings("zero"), event)
    assert np.array_equal(conducts == 1, event.weights > 0)


@given(events)
def test_none_removes_nothing_and_costs_nothing(event: PruningEvent) -> None:
    conducts, plastic, operations = decide(method_from_settings("none"), event)
    assert np.array_equal(conducts, event.conducts)
    assert np.array_equal(plastic, event.plastic)
    assert operations == 0


def test_operations_are_table_4s() -> None:
    # 100 neurons whose counts make 20 groups of SI = 30.
    ones = np.ones((784, 100), dtype=np.uint8)
    event = PruningEvent(0, np.arange(100) // 5 * 30, ones, ones, ones)
    for name in ("apn", "aptn"):
        assert decide(method_from_settings(name, spike_interval=30), event)[2] == 158_300
    for name in ("zero", "constant", "apt"):
        assert decide(method_from_settings(name), event)[2] == 156_800


def test_a_threshold_of_w_max_keeps_only_full_weights() -> None:
    event = make_event(n_inputs=300)
    conducts, _, _ = decide(method_from_settings("constant", threshold=1.0), event)
    assert np.array_equal(conducts == 1, (event.weights == 255) & (event.conducts == 1))
    assert conducts.any()


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf"), True, None, "0.1"])
def test_bad_thresholds(value: object) -> None:
    with pytest.raises(PruningError, match=r"pruning: threshold is .*; allowed: 0 \.\. 1"):
        method_from_settings("aptn", threshold=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"function": "f9"}, "threshold function is 'f9'; known: f1, f2, f3"),
        ({"factor_time": 0.9}, "factor_time is 0.9; allowed: 1 .. 1000000"),
        ({"factor_neurons": float("nan")}, "factor_neurons is nan"),
        ({"function": "f3", "factor_neurons": -0.1}, "factor_neurons is -0.1; allowed: 0 .. 1000000"),
        ({"spike_interval": 0}, "spike_interval is 0"),
        ({"grouping": "random"}, "grouping is 'random'; known: sorted, binned"),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(PruningError, match=message):
        method_from_settings("aptn", **settings)  # type: ignore[arg-type]


def test_unknown_method_lists_the_known_ones() -> None:
    with pytest.raises(PruningError, match="method is 'aptm'; known: none, zero, constant, apt, apn, aptn"):
        method_from_settings("aptm")
    assert known_methods()[:6] == BUILT_IN


def test_a_method_of_ones_own() -> None:
    @register_method("test-half")
    class HalfOfEachNeuron(PruningMethod):
        def __init__(self, settings: MethodSettings) -> None:
            pass

        def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
            return event.without(event.weights < np.median(event.weights, axis=0))

    event = make_event(n_inputs=40, connectivity=1.0)
    conducts, _, operations = decide(method_from_settings("test-half"), event)
    assert np.all(conducts.sum(axis=0) >= 20)
    assert conducts.mean() < 0.6
    assert operations == 2 * event.weights.size
    assert "test-half" in known_methods()


def test_a_name_is_taken_once() -> None:
    with pytest.raises(PruningError, match="'aptn' is registered already, by lavaprune.pruning"):

        @register_method("aptn")
        class Impostor(PruningMethod):
            def __init__(self, settings: MethodSettings) -> None: ...

            def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
                return event.conducts, event.plastic


class Returns(PruningMethod):
    def __init__(self, conducts: object, plastic: object, operations: int = 0) -> None:
        self.answer = (conducts, plastic)
        self.cost = operations

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        return self.answer  # type: ignore[return-value]

    def operations(self, event: PruningEvent) -> int:
        return self.cost


def test_methods_are_held_to_their_contract() -> None:
    one, none = np.ones((2, 2), dtype=np.uint8), np.zeros((2, 2), dtype=np.uint8)
    counts = np.zeros(2, dtype=np.int64)
    event = PruningEvent(3, counts, none, none, none)
    full = PruningEvent(3, counts, one, one, one)
    frozen = PruningEvent(3, counts, one, one, none)
    for method, seen, message in (
        (Returns(one, none), event, "Returns: 4 synapses conduct again after they were removed at event 3"),
        (Returns(one, one), frozen, "4 synapses are plastic again after they were frozen"),
        (Returns(none, one), full, "4 synapses are plastic but do not conduct"),
        (Returns(one.astype(bool), one), full, "conducts: mask is bool"),
        (Returns(one, one[:1]), full, r"plastic: mask is uint8 of shape \(1, 2\); allowed: uint8 of shape \(2, 2\)"),
        (Returns(one, one * 2), full, "mask holds 2"),
        (Returns(one, None), full, "mask is NoneType"),
        (Returns(one, one, operations=-1), full, "operations are -1"),
    ):
        with pytest.raises(PruningError, match=message):
            decide(method, seen)


def test_events_are_checked_and_read_only() -> None:
    one = np.ones((3, 2), dtype=np.uint8)
    counts = np.zeros(2, dtype=np.int64)
    event = PruningEvent(0, counts, one, one, one)
    with pytest.raises(ValueError, match="read-only"):
        event.weights[0, 0] = 0
    assert one.flags.writeable  # the caller's own array stays as it was
    for arguments, message in (
        ((-1, counts, one, one, one), "k is -1"),
        ((0, counts[:1], one, one, one), r"spike_counts are int64 of shape \(1,\); allowed: int64 of shape \(2,\)"),
        ((0, counts.astype(float), one, one, one), "spike_counts are float64"),
        ((0, counts, one.astype(int), one, one), "weights are int64"),
        ((0, counts, one, one * 3, one), "conducts: mask holds 3"),
        ((0, counts, one, one, one[:, :1]), "plastic: mask is uint8 of shape"),
        ((0, counts, one, one, one, 256), "w_max is 256"),
    ):
        with pytest.raises(PruningError, match=message):
            PruningEvent(*arguments)  # type: ignore[arg-type]
