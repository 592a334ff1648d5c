"""Pruned runs: the same with and without Lava, with odd schedules, and with nothing left."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.checkpoint import Checkpoint
from lavaprune.configuration import build_settings
from lavaprune.datasets.dataset import Dataset
from lavaprune.datasets.loader import load_dataset
from lavaprune.energy.counts import TRAINING_ROW, EventCounts
from lavaprune.errors import RunError
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.processes.control import BATCH_ENDS, PRUNE_EVENT
from lavaprune.processes.state import default_column_target
from lavaprune.pruning.method import Mask, PruningEvent, PruningMethod
from lavaprune.pruning.registry import MethodSettings, register_method
from lavaprune.runs import RunFolder
from lavaprune.settings import Settings
from lavaprune.training.control import pruning_events, pruning_schedule, training_rows
from lavaprune.training.offline import accuracy_offline, train_offline
from lavaprune.training.result import weights_sha256
from lavaprune.training.run import train

TRAIN, LABEL, TEST = 60, 40, 30
FEW = [
    "passes=1", f"train_images={TRAIN}", f"label_images={LABEL}", f"test_images={TEST}", "steps=60", "neurons=20",
    "seed=3", "pictures=false", "pruning.start=20", "pruning.batch=15",
]  # fmt: skip
SOFT = ["pruning.method=soft", "pruning.threshold=0.1"]
METHODS = {
    "aptn": ["pruning.method=aptn", "pruning.threshold=0.05", "pruning.spike_interval=10"],
    "soft": SOFT,
    "soft-lowest": ["pruning.method=soft-lowest", "pruning.threshold=0.1"],
    "post": ["pruning.method=post", "pruning.threshold=0.1"],
    "neuron": ["pruning.method=neuron", "pruning.spike_threshold=0.3"],
    "aptn-sum": ["pruning.method=aptn", "pruning.threshold=0.05", "pruning.rescale=sum"],
    "contrast": ["pruning.method=contrast", "pruning.connectivity=0.3", "pruning.redundant=0.2", "pruning.gain=1.3"],
    "neuron-fixed": ["pruning.method=neuron", "pruning.strategy=fixed", "pruning.neurons_removed=4"],
    "test-gradual": ["pruning.method=test-gradual"],
}


@register_method("test-gradual")
class Gradual(PruningMethod):
    """Comes down to the connectivity asked for by the last event: needs to know how many there are."""

    def __init__(self, settings: MethodSettings) -> None:
        self._connectivity = settings.connectivity

    def masks(self, event: PruningEvent) -> tuple[Mask, Mask]:
        share = 1 - (1 - self._connectivity) * (event.k + 1) / event.n_events
        weakest_first = np.argsort(event.weights, axis=None, kind="stable")
        removed = np.zeros(event.weights.size, np.bool_)
        removed[weakest_first[: round(event.weights.size * (1 - share))]] = True
        return event.without(removed.reshape(event.weights.shape))


@lru_cache(maxsize=1)
def digits() -> Dataset:
    return load_dataset("digits")


def few(*assignments: str) -> Settings:
    return build_settings(assignments=[*FEW, *assignments])


@lru_cache(maxsize=1)
def unpruned() -> FusedEngine:
    return train_offline(few(), digits(), TRAIN)


@pytest.mark.parametrize("name", METHODS)
def test_lava_changes_nothing(name: str, tmp_path: Path) -> None:
    chosen = few(*METHODS[name])
    result = train(chosen, None, tmp_path / "run")
    engine = train_offline(chosen, digits(), TRAIN)
    state = engine.state()
    assert result["weights_sha256"] == weights_sha256(engine.weights)
    assert result["counts"]["training"] == EventCounts.from_vector(engine.counters[TRAINING_ROW]).to_dict()
    assert result["connectivity"] == state.connectivity
    assert result["plastic_share"] == state.plastic.mean()
    assert result["accuracy"] == accuracy_offline(engine, digits(), LABEL, TEST)
    assert result["pruning_events"] == (1 if name == "post" else 3)
    assert 0 < result["plastic_share"] < 1
    assert (result["connectivity"] == 1) == (name == "soft")
    if name == "neuron-fixed":
        assert result["connectivity"] == 8 / 20
    if name == "test-gradual":
        assert result["connectivity"] == 0.1
    if name == "contrast":
        assert 0.29 < result["connectivity"] <= 0.3
        assert state.conducts.any(axis=0).sum() == 16


@pytest.mark.parametrize(
    ("name", "engine"), [("aptn", "fused"), ("soft", "fused"), ("contrast", "fused"), ("contrast", "graph")]
)
def test_stopped_after_an_event_and_resumed(
    name: str, engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The targets that the event set go on with the checkpoint: the end is the same to the bit."""
    if engine == "fused":
        images = ["checkpoint_images=10", "metrics_images=10"]
    else:
        images = ["train_images=8", "label_images=2", "test_images=2", "steps=100", "neurons=8"]
        images += ["pruning.start=3", "pruning.batch=3", "checkpoint_images=4"]
    chosen = few(*METHODS[name], "pruning.rescale=drive", f"engine={engine}", *images)
    stop = chosen.pruning.start + chosen.checkpoint_images - chosen.pruning.start % chosen.checkpoint_images
    save = RunFolder.save_checkpoint

    def save_and_stop(self: RunFolder, checkpoint: Checkpoint, *more: Any) -> None:
        save(self, checkpoint, *more)
        if checkpoint.next_sample == stop:
            raise RunError("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save_checkpoint", save_and_stop)
        with pytest.raises(RunError, match="stopped"):
            train(chosen, None, tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    held = run.load_checkpoint(64, digits().sha256())
    assert (held.next_sample, run.read_result()) == (stop, None)
    assert (held.column_targets != default_column_target(chosen.network_parameters(64))).any()
    resumed = train(chosen, None, run.path, resume=True)
    whole = train(chosen, None, tmp_path / "whole")
    for key in ("weights_sha256", "counts", "accuracy", "connectivity", "plastic_share", "pruning_events"):
        assert resumed[key] == whole[key]
    ends = [RunFolder.open(tmp_path / name).load_checkpoint(64, digits().sha256()) for name in ("run", "whole")]
    assert ends[0].column_targets.tolist() == ends[1].column_targets.tolist()


def test_the_graph_engine_knows_the_number_of_events_too(tmp_path: Path) -> None:
    chosen = few(
        "pruning.method=test-gradual", "engine=graph", "train_images=5", "label_images=2", "test_images=2", "steps=20",
        "neurons=8", "pruning.start=2", "pruning.batch=1",
    )  # fmt: skip
    result = train(chosen, None, tmp_path / "run")
    assert result["pruning_events"] == 4
    assert result["weights_sha256"] == weights_sha256(train_offline(chosen, digits(), 5).weights)
    assert result["connectivity"] == pytest.approx(0.1, abs=1 / 512)


def test_post_shares_all_of_the_training() -> None:
    pruned = train_offline(few(*METHODS["post"]), digits(), TRAIN)
    weights, conducts, _ = pruned.synapses()
    assert np.array_equal(weights, unpruned().weights * conducts)
    assert np.array_equal(pruned.theta, unpruned().theta)
    before = EventCounts.from_vector(unpruned().counters[TRAINING_ROW]).to_dict()
    after = EventCounts.from_vector(pruned.counters[TRAINING_ROW]).to_dict()
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {"controller_operations"}
    assert after["controller_operations"] == 2 * 64 * 20


def test_rows_of_post_follow_its_schedule() -> None:
    chosen = few(*METHODS["post"])
    schedule = pruning_schedule(chosen, TRAIN)
    assert schedule.event_images == (TRAIN,)
    events = training_rows(chosen, 0, TRAIN, TRAIN)[:, PRUNE_EVENT]
    assert {n + 1: int(events[n]) for n in np.flatnonzero(events)} == {
        15: BATCH_ENDS,
        30: BATCH_ENDS,
        45: BATCH_ENDS,
        60: 1,
    }
    assert pruning_schedule(chosen, 0).event_images == ()


def test_start_after_the_last_image(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    chosen = few("pruning.method=aptn", f"pruning.start={TRAIN + 1}")
    result = train(chosen, None, tmp_path / "run")
    assert caplog.messages == [
        "pruning.method is 'aptn', but nothing will be pruned: pruning.start is 61 and the run has 60 training images"
    ]
    assert result["pruning_events"] == 0
    assert result["connectivity"] == 1
    assert result["sops"]["training"]["controller"] == 0
    assert result["weights_sha256"] == weights_sha256(unpruned().weights)


def test_batch_larger_than_the_rest() -> None:
    chosen = few("pruning.method=constant", "pruning.threshold=0.1", "pruning.batch=1000")
    assert pruning_events(chosen, TRAIN) == 1
    seen: list[float] = []
    train_offline(chosen, digits(), TRAIN, lambda engine, _: seen.append(engine.state().connectivity))
    assert seen[-1] == seen[0] < 1


def test_no_event_without_a_method() -> None:
    assert pruning_events(few(), TRAIN) == 0


@pytest.mark.parametrize(
    "extreme",
    [
        ["pruning.method=neuron", "pruning.spike_threshold=1000"],
        ["pruning.method=constant", "pruning.threshold=1"],
        ["pruning.method=post", "pruning.threshold=1"],
    ],
    ids=["neuron", "constant", "post"],
)
def test_nothing_left(extreme: list[str], tmp_path: Path) -> None:
    """A warning; the run completes; unlabelled neurons answer with the first class."""
    sets = [part for setting in (*FEW, *extreme) for part in ("--set", setting)]
    run = subprocess.run(
        [sys.executable, "-m", "lavaprune", "train", *sets, "--out", tmp_path / "run", "--json"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("removed every synapse that was left") == 1
    result = json.loads(run.stdout)
    assert result["connectivity"] == result["nonzero_weights"] == result["plastic_share"] == 0
    assert result["neuron_labels"] == [-1] * 20
    assert result["sops"]["inference_per_image"] == 0
    confusion = np.array(result["confusion"])
    assert confusion.sum() == confusion[:, 0].sum() == TEST
    assert result["accuracy"] == confusion[0, 0] / TEST


def test_neurons_that_lost_every_synapse_have_no_label_and_no_vote(tmp_path: Path) -> None:
    result = train(few(*METHODS["neuron-fixed"]), None, tmp_path / "run")
    engine = train_offline(few(*METHODS["neuron-fixed"]), digits(), TRAIN)
    gone = ~engine.synapses()[1].any(axis=0)
    assert gone.sum() == 12
    assert np.all(np.array(result["neuron_labels"])[gone] == -1)
    assert result["accuracy"] > 0.1


@settings(max_examples=25)
@given(
    method=st.sampled_from(sorted(METHODS)),
    threshold=st.floats(0, 1),
    start=st.integers(1, 14),
    batch=st.integers(1, 14),
    seed=st.integers(0, 1000),
)
def test_masks_only_shrink_and_weights_stay_0(method: str, threshold: float, start: int, batch: int, seed: int) -> None:
    """After every chunk of a run; chunks end at events."""
    chosen = few(
        *METHODS[method], f"pruning.threshold={threshold}", f"pruning.start={start}", f"pruning.batch={batch}",
        f"seed={seed}", "steps=30", "neurons=6", f"pruning.neurons_removed={1 + seed % 6}",
    )  # fmt: skip
    before = (np.ones((64, 6), np.uint8), np.ones((64, 6), np.uint8))
    events = pruning_events(chosen, 12)
    chunks = 0

    def check(engine: FusedEngine, _: int) -> None:
        nonlocal before, chunks
        weights, conducts, plastic = engine.synapses()
        assert not weights[conducts == 0].any()
        assert np.all(conducts <= before[0])
        assert np.all(plastic <= before[1])
        assert np.all(plastic <= conducts)
        if method == "soft":
            assert conducts.all()
        before, chunks = (conducts.copy(), plastic.copy()), chunks + 1

    train_offline(chosen, digits(), 12, check)
    assert events <= chunks
