"""The physical parameters: every edge of every range, what lies just beyond, and what is no number."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from lavaprune.processes.parameters import INHIBITION_KINDS, PARAMETER_RANGES, NetworkParameters

POTENTIALS = ("e_inh_mv", "v_rest_mv", "v_th_mv", "e_exc_mv", "inh_v_th_mv")
# what the other potentials must be for one of them to stand at an edge
COMPANIONS: dict[tuple[str, float], dict[str, float]] = {
    ("e_exc_mv", -127): {},  # nothing is below -127
    ("v_th_mv", -127): {},
    ("inh_v_th_mv", -127): {},
    ("v_rest_mv", 127): {},
    ("e_inh_mv", 127): {},
    ("e_exc_mv", 127): {},
    ("e_inh_mv", -127): {},
    ("v_rest_mv", -127): {"e_inh_mv": -127},
    ("v_th_mv", 127): {"e_exc_mv": 127},
    ("inh_v_th_mv", 127): {"e_exc_mv": 127},
}
IMPOSSIBLE = {("e_exc_mv", -127), ("v_th_mv", -127), ("inh_v_th_mv", -127), ("v_rest_mv", 127), ("e_inh_mv", 127)}
INTEGERS = ("n_inputs", "n_neurons", "steps", "seed", "refractory_steps", "inh_refractory_steps")
REALS = tuple(name for name in PARAMETER_RANGES if name not in INTEGERS)
EDGES = [(name, edge) for name, edges in PARAMETER_RANGES.items() for edge in edges]


def build(**values: Any) -> NetworkParameters:
    return NetworkParameters(**{"n_inputs": 4, "n_neurons": 2, **values})


def test_defaults_are_allowed_and_table_1_is_guos() -> None:
    p = build()
    assert (p.tau_m_ms, p.tau_ge_ms, p.tau_gi_ms) == (100, 1, 2)
    assert (p.v_rest_mv, p.v_th_mv, p.e_exc_mv, p.e_inh_mv) == (-60, -50, 0, -100)
    assert p.inhibition == "interneurons"


def test_every_number_has_a_range_and_every_range_a_parameter() -> None:
    names = {field.name for field in dataclasses.fields(NetworkParameters)}
    assert set(PARAMETER_RANGES) == names - {"inhibition", "normalise"}


def test_parameters_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        build().steps = 3  # type: ignore[misc]


@pytest.mark.parametrize(("name", "edge"), EDGES)
def test_edges_are_allowed(name: str, edge: float) -> None:
    if (name, edge) in IMPOSSIBLE:  # by its own range, but not beside the others
        with pytest.raises(ValueError, match="allowed: .*v_rest_mv"):
            build(**{name: edge})
        return
    p = build(**{**COMPANIONS.get((name, edge), {}), name: edge})
    assert getattr(p, name) == edge


@pytest.mark.parametrize(("name", "edge"), EDGES)
def test_beyond_the_edges_is_refused(name: str, edge: float) -> None:
    low, _ = PARAMETER_RANGES[name]
    outwards = -1 if edge == low else 1
    beyond = edge + outwards if name in INTEGERS else math.nextafter(edge, outwards * math.inf)
    with pytest.raises(ValueError, match=rf"network parameter {name} is .*; allowed: .* \.\. ") as caught:
        build(**{name: beyond})
    assert repr(beyond) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", PARAMETER_RANGES)
def test_what_is_no_number_is_refused_by_name(name: str) -> None:
    for value in (math.nan, math.inf, -math.inf, None, "3", [1], True):
        with pytest.raises(ValueError, match=f"network parameter {name} is .*; allowed: "):
            build(**{name: value})


@pytest.mark.parametrize("value", [None, "no", 0.5, 2])
def test_a_switch_is_a_truth_value(value: Any) -> None:
    with pytest.raises(ValueError, match="network parameter normalise is .*; allowed: "):
        build(normalise=value)


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("value", [2.5, np.float64(2.5), 3.0])
def test_integers_are_integers(name: str, value: float) -> None:
    """A whole float too: it would reach shapes and shifts as a float."""
    with pytest.raises(ValueError, match=f"network parameter {name} is .*; allowed: an integer"):
        build(**{name: value})


@pytest.mark.parametrize("name", INTEGERS)
def test_numpys_integers_are_integers(name: str) -> None:
    assert getattr(build(**{name: np.int32(7)}), name) == 7


@pytest.mark.parametrize("name", ["gain_exc", "v_th_mv", "equalise"])
def test_whole_numbers_are_real_numbers(name: str) -> None:
    assert getattr(build(**{name: 0}), name) == 0


@pytest.mark.parametrize("kind", INHIBITION_KINDS)
def test_kinds_of_inhibition(kind: str) -> None:
    assert build(inhibition=kind).inhibition == kind


@pytest.mark.parametrize("kind", ["", "Direct", "none", None, 1])
def test_other_kinds_of_inhibition_are_refused(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"inhibition is .*; allowed: interneurons \| direct"):
        build(inhibition=kind)


@pytest.mark.parametrize(
    ("values", "allowed"),
    [
        ({"e_inh_mv": -60.0}, True),  # equal to rest
        ({"e_inh_mv": -59.9}, False),
        ({"v_th_mv": -60.0}, False),  # equal to rest
        ({"v_th_mv": -59.99}, True),
        ({"e_exc_mv": -50.0, "inh_v_th_mv": -50.0}, True),  # equal to the threshold
        ({"e_exc_mv": -50.1, "inh_v_th_mv": -50.1}, False),
        ({"inh_v_th_mv": -60.0}, False),
        ({"inh_v_th_mv": -59.99}, True),
        ({"inh_v_th_mv": 0.0}, True),  # equal to e_exc
        ({"inh_v_th_mv": 0.1}, False),
    ],
)
def test_order_of_the_potentials(values: dict[str, float], allowed: bool) -> None:
    if allowed:
        build(**values)
        return
    with pytest.raises(ValueError, match="allowed: ") as caught:
        build(**values)
    assert all(str(value) in str(caught.value) for value in values.values())
