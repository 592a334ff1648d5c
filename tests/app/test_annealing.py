"""Annealing: the docstring's examples, limits, monotonic fall, and the rows that carry it to the engines."""

from __future__ import annotations

import decimal
import doctest
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavaprune.configuration import validate
from lavaprune.errors import InputError
from lavaprune.processes.control import (
    BATCH_ENDS,
    MU_POST_Q,
    MU_PRE_Q,
    PHASE,
    PHASE_TEST,
    PHASE_TRAIN,
    PRUNE_EVENT,
    SAMPLE_ID,
    THETA_PLUS_Q,
)
from lavaprune.training import annealing
from lavaprune.training.annealing import annealing_factor
from lavaprune.training.control import inference_rows, training_rows


def test_docstrings_examples() -> None:
    result = doctest.testmod(annealing)
    assert result.failed == 0
    assert result.attempted >= 2


@pytest.mark.parametrize(
    ("image", "n_images", "start", "end", "expected"),
    [
        (0, 100, 0.0, 0.01, "1"),
        (50, 100, 0.0, 0.01, "0.1"),
        (100, 100, 0.0, 0.01, "0.01"),
        (20, 100, 0.2, 0.0001, "1"),
        (40, 100, 0.2, 0.0001, "0.1"),
        (60, 100, 0.2, 0.0001, "0.01"),
        (80, 100, 0.2, 0.0001, "0.001"),
        (99, 100, 1.0, 0.5, "1"),  # never starts
        (99, 100, 0.0, 1.0, "1"),  # never falls
        (0, 1, 0.0, 0.5, "1"),
    ],
)
def test_by_hand(image: int, n_images: int, start: float, end: float, expected: str) -> None:
    assert abs(annealing_factor(image, n_images, start, end) - Decimal(expected)) < Decimal("1e-30")


images = st.integers(1, 60_000)
shares = st.floats(0, 1)
ends = st.floats(1e-4, 1)


@given(n_images=images, start=shares, end=ends, data=st.data())
def test_falls_from_1_to_its_end(n_images: int, start: float, end: float, data: st.DataObject) -> None:
    first, second = sorted(data.draw(st.lists(st.integers(0, n_images - 1), min_size=2, max_size=2)))
    earlier, later = (annealing_factor(image, n_images, start, end) for image in (first, second))
    assert Decimal(repr(end)) <= later <= earlier <= 1
    if first <= start * n_images - 1e-6:
        assert earlier == 1
    if end < 1 and start * n_images + 1e-6 < first < second:
        assert later < earlier


@given(n_images=images, start=shares, end=ends, every=st.integers(1, 500), data=st.data())
def test_changes_only_at_multiples(n_images: int, start: float, end: float, every: int, data: st.DataObject) -> None:
    image = data.draw(st.integers(0, n_images - 1))
    rounded = image // every * every
    factor = annealing_factor(image, n_images, start, end, every)
    assert factor == annealing_factor(rounded, n_images, start, end)
    assert factor == annealing_factor(min(n_images - 1, rounded + every - 1), n_images, start, end, every)


@pytest.mark.parametrize("precision", [5, 28, 80])
def test_the_callers_decimal_context_does_not_matter(precision: int) -> None:
    expected = annealing_factor(4321, 60_000, 0.01, 0.083)
    with decimal.localcontext() as context:
        context.prec = precision
        assert annealing_factor(4321, 60_000, 0.01, 0.083) == expected


RATES = [MU_PRE_Q, MU_POST_Q, THETA_PLUS_Q]


def test_rows_carry_the_annealed_rates() -> None:
    learning = {"mu_pre": 0.001, "mu_post": 0.02, "anneal_start": 0.5, "anneal_end": 0.01, "anneal_every_images": 5}
    settings = validate({"learning": learning, "network": {"theta_plus_mv": 0.25}})
    rows = training_rows(settings, 0, 100, 100)
    assert rows.shape == (100, 6)
    assert rows[:, SAMPLE_ID].tolist() == list(range(100))
    assert (rows[:, PHASE] == PHASE_TRAIN).all()
    # 33686536 * 0.001, 265248.3 * 0.02, 0.25 * 65536; a tenth of it at image 75
    assert rows[0, RATES].tolist() == [33687, 5305, 16384]
    assert (rows[:55, RATES] == rows[0, RATES]).all()
    assert rows[75, RATES].tolist() == [3369, 530, 1638]
    assert (rows[75:80, RATES] == rows[75, RATES]).all()
    assert (rows[80, RATES] < rows[79, RATES]).all()
    # a chunk of the rows is the rows of the chunk
    assert (training_rows(settings, 37, 20, 100) == rows[37:57]).all()


def test_potentiation_after_the_first_event() -> None:
    """The first event follows image 62: mu_post is doubled from image 63 on, within an annealing step of 5."""
    learning = {"mu_pre": 0.001, "mu_post": 0.02, "anneal_start": 0.5, "anneal_end": 0.01, "anneal_every_images": 5}
    pruning = {"method": "constant", "start": 63, "batch": 20}
    twice = {"potentiation": 2.0}
    plain, doubled, unpruned, late = (
        training_rows(validate({"learning": learning, "pruning": {**pruning, **more}}), 0, 100, 100)
        for more in (
            {},
            twice,
            {**twice, "method": "none"},
            {**twice, "method": "post"},
        )
    )
    assert (doubled[:63] == plain[:63]).all()
    assert (np.abs(doubled[63:, MU_POST_Q] - 2 * plain[63:, MU_POST_Q]) <= 1).all()
    others = [column for column in range(6) if column != MU_POST_Q]
    assert (doubled[:, others] == plain[:, others]).all()
    assert (unpruned[:, RATES] == plain[:, RATES]).all()
    assert (late[:, RATES] == plain[:, RATES]).all()  # its event follows the last image
    chunk = training_rows(validate({"learning": learning, "pruning": {**pruning, **twice}}), 61, 9, 100)
    assert (chunk == doubled[61:70]).all()


def test_potentiation_may_not_exceed_the_largest_rate() -> None:
    with pytest.raises(InputError, match=r"pruning.potentiation.* makes mu_post 1.2; allowed: up to 1"):
        validate({"learning": {"mu_post": 0.3}, "pruning": {"potentiation": 4.0}})


def test_rows_carry_the_pruning_events() -> None:
    """Events from the start on, one per batch, the last after the last image; before them, batches only end."""
    values = {"pruning": {"method": "constant", "start": 60, "batch": 20}}
    rows = training_rows(validate(values), 0, 100, 100)
    assert {int(k): int(rows[k, PRUNE_EVENT]) for k in np.flatnonzero(rows[:, PRUNE_EVENT])} == {
        19: BATCH_ENDS, 39: BATCH_ENDS, 59: 1, 79: 2, 99: 3,
    }  # fmt: skip
    values["pruning"]["method"] = "none"
    rows = training_rows(validate(values), 0, 100, 100)
    assert set(rows[:, PRUNE_EVENT].tolist()) == {0, BATCH_ENDS}


def test_rows_of_inference_do_not_learn() -> None:
    rows = inference_rows(PHASE_TEST, 40, 5)
    assert rows[:, SAMPLE_ID].tolist() == [40, 41, 42, 43, 44]
    assert (rows[:, PHASE] == PHASE_TEST).all()
    assert not rows[:, [*RATES, PRUNE_EVENT]].any()
