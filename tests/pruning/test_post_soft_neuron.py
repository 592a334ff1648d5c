"""Post-training, soft and neuron pruning: by hand, against brute force, and what all methods keep to."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod, decide
from lavaprune.pruning.neuron_method import NeuronPruning
from lavaprune.pruning.registry import MethodSettings, known_methods, method_from_settings, register_method
from lavaprune.pruning.soft_methods import SoftPruning
from lavaprune.pruning.threshold_functions import geometric

NAMES = ("none", "zero", "constant", "apt", "apn", "aptn", "post", "soft", "soft-lowest", "neuron")


def make_event(n_inputs: int, n_neurons: int, k: int = 0, seed: int = 0, connectivity: float = 0.8) -> PruningEvent:
    rng = np.random.default_rng(seed)
    conducts = (rng.random((n_inputs, n_neurons)) < connectivity).astype(np.uint8)
    plastic = conducts & (rng.random((n_inputs, n_neurons)) < 0.9)
    weights = rng.integers(0, 256, (n_inputs, n_neurons)).astype(np.uint8) * conducts
    counts = rng.integers(0, 40, n_neurons)  # with ties
    return PruningEvent(k, counts, weights, conducts, plastic.astype(np.uint8), n_events=k + 1)


events = st.builds(
    make_event,
    n_inputs=st.integers(1, 20),
    n_neurons=st.integers(1, 30),
    k=st.integers(0, 10),
    seed=st.integers(0, 10_000),
    connectivity=st.sampled_from([0.0, 0.1, 0.8, 1.0]),
)
methods = st.builds(
    method_from_settings,
    name=st.sampled_from(NAMES),
    threshold=st.floats(0, 1),
    strategy=st.sampled_from(["fixed", "constant", "adaptive"]),
    spike_threshold=st.floats(0, 100),
    neurons_removed=st.integers(1, 40),
    batch=st.integers(1, 100),
)


def test_all_names_are_known() -> None:
    assert [name for name in known_methods() if name in NAMES] == list(NAMES)


@given(methods, events)
def test_invariants(method: PruningMethod, event: PruningEvent) -> None:
    conducts, plastic, operations = decide(method, event)
    assert not method.regrows
    assert np.all(conducts <= event.conducts)
    assert np.all(plastic <= event.plastic)
    assert np.all(plastic <= conducts)
    assert operations >= 0
    if isinstance(method, SoftPruning):
        assert np.array_equal(conducts, event.conducts)


@given(events, st.floats(0, 1))
def test_threshold_methods_that_differ_in_the_verdict_only(event: PruningEvent, w0: float) -> None:
    constant, post, soft, lowest = (
        decide(method_from_settings(name, threshold=w0), event) for name in ("constant", "post", "soft", "soft-lowest")
    )
    for same in (post, lowest):
        assert np.array_equal(same[0], constant[0])
        assert np.array_equal(same[1], constant[1])
    assert np.array_equal(soft[1], constant[1])  # what constant removes learns no more
    assert soft[2] == post[2] == lowest[2] == constant[2] == 2 * event.weights.size


def test_only_post_waits_for_the_end() -> None:
    assert {name for name in NAMES if method_from_settings(name).when == "after_training"} == {"post"}


def neurons_by_hand(event: PruningEvent, settings: MethodSettings) -> list[int]:
    """Fractions and loops; a neuron whose last synapse is gone is not there."""
    living = [i for i in range(event.weights.shape[1]) if any(event.conducts[:, i])]
    if settings.strategy == "fixed":
        return sorted(sorted(living, key=lambda i: (event.spike_counts[i], i))[: settings.neurons_removed])
    theta = Fraction(repr(settings.spike_threshold))
    if settings.strategy == "adaptive":
        theta *= Fraction(repr(settings.factor_time)) ** event.k
    images = min(settings.start, settings.batch) if event.k == 0 else settings.batch
    return [i for i in living if Fraction(int(event.spike_counts[i]), images) < theta]


@given(
    events,
    st.builds(
        MethodSettings,
        strategy=st.sampled_from(["fixed", "constant", "adaptive"]),
        spike_threshold=st.floats(0, 50) | st.sampled_from([0.1, 0.25, 1.0, 2.0]),
        factor_time=st.floats(1, 2),
        neurons_removed=st.integers(1, 40),
        start=st.integers(1, 20),
        batch=st.integers(1, 20),
    ),
)
def test_neuron_pruning_against_brute_force(event: PruningEvent, settings: MethodSettings) -> None:
    method = NeuronPruning(settings)
    conducts, plastic, operations = decide(method, event)
    goes = neurons_by_hand(event, settings)
    assert np.flatnonzero(method.removed(event)).tolist() == goes
    assert not conducts[:, goes].any()
    stays = np.setdiff1d(np.arange(event.weights.shape[1]), goes)
    assert np.array_equal(conducts[:, stays], event.conducts[:, stays])
    assert np.array_equal(plastic[:, stays], event.plastic[:, stays])
    passes = len(goes) if settings.strategy == "fixed" else 1
    assert operations == 2 * event.weights.shape[1] * passes


@given(st.floats(0, 100_000), st.floats(1, 1000), st.integers(0, 60))
def test_neuron_threshold_starts_at_theta0_rises_and_is_clipped(theta0: float, factor: float, k: int) -> None:
    values = [geometric(theta0, factor, step, 100_000) for step in (0, k, k + 1)]
    assert values[0] == Fraction(repr(theta0))
    assert values[0] <= values[1] <= values[2] <= 100_000
    thresholds = [
        NeuronPruning(MethodSettings(spike_threshold=theta0, factor_time=factor, batch=100)).threshold(step)
        for step in (0, k, k + 1)
    ]
    assert thresholds == sorted(thresholds)


def test_neuron_thresholds_by_hand() -> None:
    # 0.25 spikes per image; 8 images before event 0, then 20 per batch; 1.3 unless said otherwise
    method = NeuronPruning(MethodSettings(spike_threshold=0.25, start=8, batch=20))
    assert [method.threshold(k) for k in range(4)] == [2, 7, 9, 11]  # 2, 6.5, 8.45, 10.985
    constant = NeuronPruning(MethodSettings(strategy="constant", spike_threshold=0.25, start=8, batch=20))
    assert [constant.threshold(k) for k in range(3)] == [2, 5, 5]
    # by default nothing goes
    assert NeuronPruning(MethodSettings()).threshold(10**9) == 0
    # and no event is too late for the law
    assert NeuronPruning(MethodSettings(spike_threshold=1, batch=1, factor_time=10**6)).threshold(10**9) == 100_000


def test_removed_neurons_are_not_ranked_again() -> None:
    ones = np.ones((2, 4), np.uint8)
    conducts = ones.copy()
    conducts[:, 1] = 0
    event = PruningEvent(1, np.array([5, 0, 5, 4]), conducts, conducts, conducts)
    method = method_from_settings("neuron", strategy="fixed", neurons_removed=2)
    assert decide(method, event)[0].any(axis=0).tolist() == [False, False, True, False]
    everything = method_from_settings("neuron", strategy="fixed", neurons_removed=9)
    assert not decide(everything, event)[0].any()


@pytest.mark.parametrize("name", ["post", "soft", "soft-lowest"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_bad_thresholds(name: str, value: float) -> None:
    with pytest.raises(PruningError, match=r"pruning: threshold is .*; allowed: 0 \.\. 1"):
        method_from_settings(name, threshold=value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "random"}, "strategy is 'random'; known: fixed, constant, adaptive"),
        ({"spike_threshold": -0.5}, r"spike_threshold is -0.5; allowed: 0 \.\. 100000"),
        ({"spike_threshold": float("nan")}, "spike_threshold is nan"),
        ({"spike_threshold": float("inf")}, "spike_threshold is inf"),
        ({"factor_time": 0.9}, r"factor_time is 0.9; allowed: 1 \.\. 1000000"),
        ({"factor_time": float("nan")}, "factor_time is nan"),
        ({"strategy": "fixed", "neurons_removed": 0}, "neurons_removed is 0; allowed: an integer of at least 1"),
        ({"neurons_removed": 1.5}, "neurons_removed is 1.5"),
        ({"batch": 0}, "batch is 0"),
    ],
)
def test_bad_neuron_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(PruningError, match=message):
        method_from_settings("neuron", **settings)


class Regrowing(PruningMethod):
    """Lets everything conduct and learn again, frozen synapses too where told to."""

    regrows = True

    def __init__(self, thaws: bool) -> None:
        self.thaws = thaws

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        everything = np.ones_like(event.conducts)
        frozen = (event.conducts == 1) & (event.plastic == 0)
        return everything, everything if self.thaws else everything & ~frozen


def test_regrowth_is_for_methods_that_say_so() -> None:
    conducts = np.array([[1, 0, 1]], np.uint8)
    plastic = np.array([[1, 0, 0]], np.uint8)
    event = PruningEvent(0, np.zeros(3, np.int64), conducts, conducts, plastic)
    regrown = decide(Regrowing(thaws=False), event)
    assert regrown[0].tolist() == [[1, 1, 1]]
    assert regrown[1].tolist() == [[1, 1, 0]]
    with pytest.raises(PruningError, match="Regrowing: 1 synapses are plastic again after they were frozen"):
        decide(Regrowing(thaws=True), event)


def test_an_unknown_when_is_refused() -> None:
    @register_method("test-when")
    class Sometimes(PruningMethod):
        when = "sometimes"  # type: ignore[assignment]

        def __init__(self, settings: MethodSettings) -> None: ...

        def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
            return event.conducts, event.plastic

    with pytest.raises(PruningError, match="'test-when': when is 'sometimes'; allowed: online, after_training"):
        method_from_settings("test-when")


def test_events_know_how_many_there_are() -> None:
    event = make_event(3, 2, k=4)
    assert (event.k, event.n_events) == (4, 5)
    one = np.ones((3, 2), np.uint8)
    with pytest.raises(PruningError, match="n_events is 0; allowed: at least 1"):
        PruningEvent(0, np.zeros(2, np.int64), one, one, one, n_events=0)


def test_the_last_synapses_going_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    event = make_event(4, 3, k=2, connectivity=1.0)
    method = method_from_settings("neuron", strategy="fixed", neurons_removed=3)
    conducts, plastic, _ = decide(method, event)
    decide(method, PruningEvent(3, event.spike_counts, event.weights * 0, conducts, plastic))
    assert caplog.messages == ["pruning event 2 removed every synapse that was left"]
