"""Normalised synaptic operations and the figure of merit, with the paper's own numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lavaprune.energy.computational_cost import RunCost, compare_costs, figure_of_merit, is_clear, normalised
from lavaprune.energy.errors import CountsError


def test_figure_of_merit_by_hand() -> None:
    """Guo et al. 2020, N=100 at 14.5 %: 2.85 points lost; were both kinds of SOPs 100 before, 73 + 40 are left."""
    assert figure_of_merit(2.85, (73 + 40) / 200) == pytest.approx(1.61025)
    assert figure_of_merit(0.0, 0.5) == 0.0  # whatever the operations: no minimum to look for
    assert figure_of_merit(0.0, 0.5, shift=1.0) == 0.5
    assert figure_of_merit(np.array([1.0, -1.0]), np.array([0.5, 0.25])).tolist() == [0.5, -0.25]


def test_comparison_by_hand() -> None:
    unpruned = RunCost(200.0, 100.0, 0.90, 10_000)
    pruned = RunCost(120.0, 30.0, 0.86, 10_000)
    found = compare_costs(pruned, unpruned)
    assert found["training_normalised"] == pytest.approx(0.6)
    assert found["inference_normalised"] == pytest.approx(0.3)
    assert found["total_normalised"] == pytest.approx(0.5)
    assert found["accuracy_loss_points"] == pytest.approx(4.0)
    # sqrt(0.9 x 0.1 / 10,000 + 0.86 x 0.14 / 10,000) = 0.00458694
    assert found["loss_error_points"] == pytest.approx(0.458694, rel=1e-5)
    assert found["figure_of_merit"] == pytest.approx(2.0)
    assert found["loss_is_clear"] is True


def test_a_loss_within_the_noise_is_called_so() -> None:
    unpruned = RunCost(200.0, 100.0, 0.90, 100)
    for accuracy in (0.90, 0.95, 0.86):
        assert compare_costs(RunCost(1.0, 1.0, accuracy, 100), unpruned)["loss_is_clear"] is False
    assert is_clear(0.1, math.nan)
    assert not is_clear(0.0, math.nan)


def test_nothing_to_normalise_by() -> None:
    assert math.isnan(normalised(3.0, 0.0))


@pytest.mark.parametrize(("accuracy", "images"), [(1.5, 10), (math.nan, 10), (0.5, 0)])
def test_refused(accuracy: float, images: int) -> None:
    with pytest.raises(CountsError, match="pruned network has accuracy"):
        compare_costs(RunCost(1.0, 1.0, accuracy, images), RunCost(1.0, 1.0, 0.5, 10))


def test_an_unpruned_network_that_did_nothing() -> None:
    with pytest.raises(CountsError, match="unpruned network has 0.0 SOPs in inference"):
        compare_costs(RunCost(1.0, 1.0, 0.5, 10), RunCost(1.0, 0.0, 0.5, 10))
