"""What Processes are built from is checked; errors name the Process, the quantity, the value and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lavaprune.proc_models.initial_state import initial_state
from lavaprune.processes.checks import checked_array, checked_count
from lavaprune.processes.conductance_lif import ConductanceLIF
from lavaprune.processes.lateral_inhibition import LateralInhibition
from lavaprune.processes.one_to_one import OneToOne
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.plastic_synapses import PlasticSynapses
from lavaprune.processes.poisson_encoder import PoissonEncoder
from lavaprune.processes.sequencer import Sequencer
from lavaprune.processes.spike_counter import SpikeCounter
from lavaprune.processes.winner_take_all import WinnerTakeAll

P = NetworkParameters(n_inputs=3, n_neurons=2)
OTHER = NetworkParameters(n_inputs=3, n_neurons=4)
ROWS = np.zeros((2, 6), int)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PoissonEncoder(P, [0, 256, 1]), "PoissonEncoder: image[1] is 256; allowed: integers 0 .. 255"),
        (lambda: PoissonEncoder(P, [0, -1, 1]), "PoissonEncoder: image[1] is -1; allowed: integers 0 .. 255"),
        (lambda: PoissonEncoder(P, [0, 1]), "PoissonEncoder: image has shape (2,); allowed: (3,)"),
        (lambda: PlasticSynapses(P, 256), "PlasticSynapses: weights[0, 0] is 256; allowed: integers 0 .. 255"),
        (lambda: PlasticSynapses(P, 0.5), "PlasticSynapses: weights[0, 0] is 0.5; allowed: integers 0 .. 255"),
        (
            lambda: PlasticSynapses(P, np.zeros((2, 3))),
            "PlasticSynapses: weights has shape (2, 3); allowed: (3, 2)",
        ),
        (lambda: PlasticSynapses(P, 9, 2), "PlasticSynapses: conducts[0, 0] is 2; allowed: integers 0 .. 1"),
        (
            lambda: PlasticSynapses(P, 9, 1, [[1, 1], [1, -1], [1, 1]]),
            "PlasticSynapses: plastic[1, 1] is -1; allowed: integers 0 .. 1",
        ),
        (
            lambda: PlasticSynapses(P, 9, [[1, 1], [1, 1], [0, 1]]),
            "PlasticSynapses: weights[2, 0] is 9 where conducts is 0; allowed: 0",
        ),
        (
            lambda: PlasticSynapses(P, 0, [[1, 1], [1, 1], [0, 1]], 1),
            "PlasticSynapses: plastic[2, 0] is 1 where conducts is 0; allowed: 0",
        ),
        (
            lambda: PlasticSynapses(P, 9, batch_counts=[1, -1]),
            f"PlasticSynapses: batch_counts[1] is -1; allowed: integers 0 .. {2**53}",
        ),
        (
            lambda: ConductanceLIF(P, [0, 2**23]),
            f"ConductanceLIF: theta[1] is {2**23}; allowed: integers 0 .. {2**23 - 1}",
        ),
        (lambda: ConductanceLIF(P, [0, 1, 2]), "ConductanceLIF: theta has shape (3,); allowed: (2,)"),
        (lambda: OneToOne(0), "OneToOne: n_neurons is 0; allowed: an integer 1 .. 65536"),
        (lambda: LateralInhibition(65537), "LateralInhibition: n_neurons is 65537; allowed: an integer 1 .. 65536"),
        (lambda: SpikeCounter(1.0), "SpikeCounter: n_neurons is 1.0; allowed: an integer 1 .. 65536"),
        (lambda: Sequencer(3, 0), "Sequencer: steps is 0; allowed: an integer 1 .. 100000"),
        (lambda: Sequencer(True, 5), "Sequencer: n_inputs is True; allowed: an integer 1 .. 65536"),
        (lambda: Sequencer(3, 5, images=[[0, 0, 0]]), "Sequencer: control is None; allowed: images and control, or"),
        (lambda: Sequencer(3, 5, control=ROWS), "Sequencer: images is None; allowed: images and control, or neither"),
        (lambda: Sequencer(3, 5, [[0, 0, 0]], ROWS), "Sequencer: control has shape (2, 6); allowed: (1, 6)"),
        (
            lambda: Sequencer(3, 5, np.zeros((2, 3)), ROWS + 4),
            "Sequencer: control phase[0] is 4; allowed: integers 0 .. 3",
        ),
        (
            lambda: Sequencer(3, 5, np.zeros((2, 3)), [[-1, 0, 0, 0, 0, -1]] * 2),
            "Sequencer: control[0, 0] is -1; allowed: integers 0 ..",
        ),
        (
            lambda: Sequencer(3, 5, np.zeros((2, 3)), [[0, 1, 0, 2**32, 0, 0]] * 2),
            "Sequencer: control rates[0, 1] is 4294967296; allowed: integers 0 .. 4294967295",
        ),
        (
            lambda: Sequencer(3, 5, np.zeros((2, 3)), [[0, 0, 0, 0, 0, -2]] * 2),
            "Sequencer: control[0, 5] is -2; allowed: integers -1 ..",
        ),
        (lambda: WinnerTakeAll(P, initial_state(OTHER)), "WinnerTakeAll: state is of shape (3, 4); allowed: (3, 2)"),
    ],
)
def test_what_is_out_of_range_is_refused(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        build()


@pytest.mark.parametrize("value", [0, 255, True, np.uint8(7), 3.0, [[0, 255], [1, 2.0]]])
def test_checked_array_takes_whole_numbers_of_any_type(value: Any) -> None:
    found = checked_array("It", "quantity", value, (2, 2), 0, 255, np.uint8)
    assert found.dtype == np.uint8
    assert found.tolist() == np.broadcast_to(value, (2, 2)).tolist()


@pytest.mark.parametrize("value", [-1, 256, 2**70, 0.5, np.nan, np.inf, "7", [[1, 2]], 1j, None])
def test_checked_array_refuses_anything_else(value: Any) -> None:
    with pytest.raises(ValueError, match="It: quantity"):
        checked_array("It", "quantity", value, (2, 2), 0, 255, np.uint8)


def test_checked_array_copies() -> None:
    mine = np.zeros(2, np.uint8)
    found = checked_array("It", "quantity", mine, (2,), 0, 255, np.uint8)
    mine[:] = 1
    assert found.tolist() == [0, 0]


@pytest.mark.parametrize("value", [1, 5, np.int64(3)])
def test_checked_count_takes_integers_in_range(value: Any) -> None:
    found = checked_count("It", "quantity", value, 1, 5)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("value", [0, 6, -1, 1.0, True, "1", None, np.float64(2)])
def test_checked_count_refuses_anything_else(value: Any) -> None:
    with pytest.raises(ValueError, match="It: quantity is .*; allowed: an integer 1 .. 5"):
        checked_count("It", "quantity", value, 1, 5)
