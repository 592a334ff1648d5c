"""A session presents samples through Lava, hands the state out, and fails properly."""

import os
import signal

import numpy as np
import pytest

from lavaprune.errors import RunError
from lavaprune.proc_models.fused_engine import FusedEngine
from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.control import (
    CONTROL_COLUMNS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_TRAIN,
    PRUNE_EVENT,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.pruning.registry import method_from_settings
from lavaprune.runtime.session import EngineSession, split_steps
from lavaprune.runtime.supervisor import supervise
from lavaprune.runtime.watchdog import guarded

PARAMETERS = NetworkParameters(
    n_inputs=20, n_neurons=5, steps=40, seed=3, total_pixels=8.0, column_sum=5.0, gain_exc=20.0
)
STATE_NAMES = ("weights", "conducts", "plastic", "theta", "batch_counts", "counters")


def samples(n: int) -> tuple[np.ndarray, np.ndarray]:
    images = np.random.default_rng(2).integers(0, 256, (n, PARAMETERS.n_inputs), dtype=np.uint8)
    control = np.zeros((n, CONTROL_COLUMNS), np.int64)
    control[:, SAMPLE_ID] = np.arange(n)
    control[:, PHASE] = PHASE_TRAIN
    control[:, MU_PRE_Q] = 3000
    control[:, MU_POST_Q] = 6000
    control[:, THETA_PLUS_Q] = 20_000
    return images, control


def session(state=None, method=None) -> EngineSession:
    return EngineSession(PARAMETERS, state or initial_state(PARAMETERS), method, samples_per_step=4)


def assert_same_state(found, expected) -> None:
    for name in STATE_NAMES:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)


def test_presents_all_samples_in_order():
    images, control = samples(19)
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    run = session()
    with guarded(run.process), run:
        for n, (rows, counts, counters) in enumerate(run.present(images, control)):
            assert rows == slice(4 * n, min(4 * n + 4, 19))
            np.testing.assert_array_equal(counts, engine.run(images[rows], control[rows])[0])
            np.testing.assert_array_equal(counters, engine.counters)
        assert n == 4
        assert_same_state(run.fetch_state(), engine.state())


def test_a_fetched_state_continues_to_the_same_end():
    images, control = samples(13)
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    engine.run(images, control)
    first = session()
    with guarded(first.process), first:
        list(first.present(images[:6], control[:6]))
        state = first.fetch_state()
        list(first.present(images[6:8], control[6:8]))  # after the checkpoint, lost
    second = session(state)
    with guarded(second.process), second:
        list(second.present(images[6:], control[6:]))
        assert_same_state(second.fetch_state(), engine.state())


def test_a_pruned_network_continues_to_the_same_end():
    """The state is fetched amid a batch, between two events."""
    images, control = samples(13)
    control[4, PRUNE_EVENT] = 1
    control[9, PRUNE_EVENT] = 2
    method = method_from_settings("aptn", threshold=0.1, spike_interval=3)
    ends = []
    for stop in (13, 7):
        run = session(method=method)
        with guarded(run.process), run:
            list(run.present(images[:stop], control[:stop]))
            ends.append(run.fetch_state())
    whole, state = ends
    assert state.batch_counts.any()
    assert whole.connectivity < state.connectivity < 1
    second = session(state, method)
    with guarded(second.process), second:
        list(second.present(images[7:], control[7:]))
        assert_same_state(second.fetch_state(), whole)


def test_pruning_events_end_a_step_and_prune():
    images, control = samples(12)
    control[5, PRUNE_EVENT] = 1
    control[11, PRUNE_EVENT] = 2
    method = method_from_settings("constant", threshold=0.2)
    run = session(method=method)
    with guarded(run.process), run:
        ends = [rows.stop for rows, _, _ in run.present(images, control)]
        state = run.fetch_state()
    assert ends == [4, 6, 10, 12]
    assert 0 < state.connectivity < 1
    assert state.weights[state.conducts == 1].min() >= 51  # 0.2 of 255
    assert not state.weights[state.conducts == 0].any()
    assert not state.batch_counts.any()


@pytest.mark.parametrize("samples_per_step", [1, 3, 4, 100])
def test_steps_cover_all_samples_once(samples_per_step):
    _, control = samples(17)
    control[[0, 4, 5, 16], PRUNE_EVENT] = 1
    steps = list(split_steps(control, samples_per_step))
    rows = [row for step in steps for row in range(17)[step]]
    assert rows == list(range(17))
    for step in steps:
        assert 1 <= step.stop - step.start <= samples_per_step
        assert not control[step.start : step.stop - 1, PRUNE_EVENT].any()


def test_refuses_what_does_not_fit():
    images, control = samples(5)
    run = session()
    with pytest.raises(ValueError, match="5 samples at once; allowed: 1 to 4"):
        run.submit(images, control)
    with pytest.raises(ValueError, match="0 samples at once; allowed: 1 to 4"):
        run.submit(images[:0], control[:0])
    with pytest.raises(ValueError, match=r"images is uint8\(4, 19\); allowed: uint8\(4, 20\)"):
        run.submit(images[:4, 1:], control[:4])
    with pytest.raises(ValueError, match=r"control is int32\(4, 6\); allowed: int64\(4, 6\)"):
        run.submit(images[:4], control[:4].astype(np.int32))
    control[0, PRUNE_EVENT] = 1
    with pytest.raises(ValueError, match="a pruning event before the last sample"):
        run.submit(images[:4], control[:4])
    with pytest.raises(ValueError, match="no results under way"):
        run.collect()


def test_what_is_under_way_is_limited_and_must_be_collected():
    images, control = samples(4)
    run = session()
    with guarded(run.process), run:
        run.submit(images, control)
        with pytest.raises(ValueError, match="1 results not collected"):
            run.fetch_state()
        run.submit(images, control)
        with pytest.raises(ValueError, match="2 results not collected"):
            run.submit(images, control)
        # closing collects the rest


def _job(n: int) -> dict:
    images, control = samples(n)
    with session() as run:
        total = sum(counts.sum() for _, counts, _ in run.present(images, control))
        return {"spikes": int(total), "weights": run.fetch_state().weights}


def _job_that_loses_its_network() -> None:
    images, control = samples(100)
    with session() as run:
        for rows, _, _ in run.present(images, control):
            if rows.start == 40:
                actors = run.process.runtime._messaging_infrastructure.actors
                os.kill(actors[0].pid, signal.SIGKILL)


def _job_with_a_bug() -> None:
    with session() as run:
        run.run_chunk(*samples(1))
        raise ZeroDivisionError("a bug")


def test_supervised():
    images, control = samples(10)
    engine = FusedEngine(PARAMETERS, initial_state(PARAMETERS))
    counts, _ = engine.run(images, control)
    result = supervise(_job, 10)
    assert result["spikes"] == counts.sum() > 0
    np.testing.assert_array_equal(result["weights"], engine.weights)


def test_supervised_names_the_lost_network():
    with pytest.raises(RunError, match="^Process FusedNetwork 'network' was killed by SIGKILL$"):
        supervise(_job_that_loses_its_network)


def test_supervised_bugs_stay_bugs():
    with pytest.raises(RunError, match="^the run raised ZeroDivisionError: a bug$"):
        supervise(_job_with_a_bug)
