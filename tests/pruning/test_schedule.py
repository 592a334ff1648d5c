"""When pruning happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.pruning.errors import PruningError
from lavaprune.pruning.schedule import PruningSchedule


def test_the_papers_schedule() -> None:
    schedule = PruningSchedule(start=30_000, batch=5_000, train_images=60_000)
    assert schedule == PruningSchedule()
    assert schedule.event_images == (30_000, 35_000, 40_000, 45_000, 50_000, 55_000, 60_000)
    assert schedule.n_events == 7
    assert PruningSchedule(batch=100).n_events == 301
    assert schedule.event_after(29_999) is None
    assert schedule.event_after(30_000) == 0
    assert schedule.event_after(60_000) == 6
    assert schedule.event_after(25_000) is None
    assert schedule.event_after(65_000) is None
    assert [schedule.control_code(n) for n in (0, 5_000, 30_000, 30_001, 35_000, 60_000)] == [0, 0, 1, 0, 2, 7]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 120))
def test_against_counting_images(start: int, batch: int, images: int) -> None:
    schedule = PruningSchedule(start, batch, images)
    events, since = [], None
    for trained in range(1, images + 1):
        since = 0 if trained == start else (None if since is None else since + 1)
        if since is not None and since % batch == 0:
            events.append(trained)
    assert list(schedule.event_images) == events
    assert schedule.n_events == len(events)
    by_image = {n: schedule.event_after(n) for n in range(images + 2)}
    assert {n: k for n, k in by_image.items() if k is not None} == {n: k for k, n in enumerate(events)}
    assert all(schedule.control_code(n) == (0 if k is None else k + 1) for n, k in by_image.items())


@given(st.integers(1, 60), st.integers(1, 60))
def test_every_event_but_a_first_short_one_ends_a_whole_batch(start: int, batch: int) -> None:
    schedule = PruningSchedule(start, batch, 120)
    ends = [n for n in range(121) if schedule.ends_batch(n)]
    assert set(schedule.event_images) <= set(ends)
    assert all(b - a == batch for a, b in zip(ends, ends[1:], strict=False))
    assert 0 not in ends
    assert ends[0] <= batch or ends[0] == start


def test_start_after_the_last_image_and_batch_beyond_the_rest() -> None:
    assert PruningSchedule(60_001, 5_000, 60_000).event_images == ()
    assert PruningSchedule(30_000, 50_000, 60_000).event_images == (30_000,)
    assert PruningSchedule(1, 1, 0).event_images == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0, 1, 1), "start is 0; allowed: an integer of at least 1"),
        ((1, 0, 1), "batch is 0"),
        ((1, 1, -1), "train_images is -1; allowed: an integer of at least 0"),
        ((1.5, 1, 1), "start is 1.5"),
        ((1, True, 1), "batch is True"),
    ],
)
def test_bad_values(values: tuple[int, int, int], message: str) -> None:
    with pytest.raises(PruningError, match=message):
        PruningSchedule(*values)
