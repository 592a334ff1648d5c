"""Quantisation: values worked out by hand, and widths for every set of parameters that is allowed."""

from __future__ import annotations

import decimal
from dataclasses import astuple, fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavaprune.proc_models.fixed_point import (
    LEAK_BITS,
    POTENTIAL_MAX,
    WEIGHT_MAX,
    depression_q16,
    potentiation_q16,
)
from lavaprune.proc_models.quantisation import (
    QuantisedParameters,
    quantise,
    quantise_depression_rate,
    quantise_potential,
    quantise_potentiation_rate,
    quantise_theta_plus,
)
from lavaprune.processes.parameters import PARAMETER_RANGES, NetworkParameters
from lavaprune.processes.state import default_column_target


def test_every_value_by_hand() -> None:
    q = quantise(
        NetworkParameters(
            n_inputs=784,
            n_neurons=100,
            steps=350,
            tau_m_ms=100.0,
            tau_ge_ms=1.0,
            tau_gi_ms=2.0,
            gain_exc=1.55,
            gain_inh=96.0,
            refractory_steps=4,
            inh_tau_m_ms=10.0,
            inh_v_th_mv=-40.0,
            inh_refractory_steps=2,
            inh_gain_exc=10.4,
            theta_init_mv=6.8,
            tau_theta_ms=1e7,
            column_sum=38.6,
            init_weight_max=0.3,
            max_rate_hz=92.0,
            total_pixels=100.0,
            equalise=0.75,
        )
    )
    assert q == QuantisedParameters(
        v_rest=-60 * 65536,
        v_th=-50 * 65536,
        e_exc=0,
        e_inh=-100 * 65536,
        leak_q22=41943,  # 2^22 / 100 = 41943.04
        decay_ge_q16=24109,  # 65536 / e
        decay_gi_q16=39750,  # 65536 / sqrt(e) = 39749.6
        gain_exc=25495,  # 1.55 * 2^22 / 255 = 25494.8
        gain_inh=96 << 22,
        refractory_steps=4,
        inh_v_th=-40 * 65536,
        inh_leak_q22=419430,  # 419430.4
        inh_gain_exc=43620762,  # 10.4 * 2^22 = 43620761.6
        inh_refractory_steps=2,
        theta_init=445645,  # 6.8 * 65536 = 445644.8
        theta_loss_q32=150321,  # x - x^2 / 2 with x = 3.5e-5: 150323.86 - 2.63 = 150321.2
        column_target=9843,  # 38.6 * 255
        init_weight_levels=77,  # 0 .. 76; 0.3 * 255 = 76.5, to even
        period_q=1823610,  # 2^24 * 1000 / 92 / 100 = 1823610.4
        equalise_q16=49152,  # 3/4
        reference_sum=25500,
    )


def test_no_normalisation_is_a_target_of_zero() -> None:
    assert quantise(NetworkParameters(n_inputs=4, n_neurons=2, normalise=False)).column_target == 0


@pytest.mark.parametrize(
    ("value_mv", "expected"),
    [
        (0, 0),
        (-60.0, -3932160),
        (0.00001, 1),  # 0.655 of the last bit
        (0.0000076, 0),  # 0.498 of it
        (-0.00001, -1),
        (127.0, 127 * 65536),
        (128.0, POTENTIAL_MAX),
        (-128.0, -POTENTIAL_MAX - 1),
        (1e9, POTENTIAL_MAX),
        (-1e9, -POTENTIAL_MAX - 1),
        (1.5 / 65536, 2),  # ties to even
        (2.5 / 65536, 2),
    ],
)
def test_potentials(value_mv: float, expected: int) -> None:
    assert quantise_potential(value_mv) == expected


def test_learning_rates_by_hand() -> None:
    # 255 * 2^24 / 127 = 33686536.06, and / 127 = 265248.32
    assert quantise_depression_rate(5e-5) == 1684  # 1684.33
    assert quantise_depression_rate(1.0) == 33686536
    assert quantise_potentiation_rate(0.021) == 5570  # 5570.2
    assert quantise_potentiation_rate(1.0) == 265248
    assert quantise_theta_plus(0.033) == 2163  # 2162.7
    assert quantise_theta_plus(127.0) == 127 * 65536
    for rate in (quantise_depression_rate, quantise_potentiation_rate, quantise_theta_plus):
        assert rate(0.0) == 0


@pytest.mark.parametrize("rate", [quantise_depression_rate, quantise_potentiation_rate, quantise_theta_plus])
def test_an_annealing_factor_multiplies_before_rounding(rate: Any) -> None:
    assert rate(0.02, Decimal("0.25")) == rate(0.005)
    assert rate(0.02, Decimal(1)) == rate(0.02)
    assert rate(Decimal("0.02"), Decimal("0.5")) == rate(0.01)


@given(mu=st.floats(1e-6, 1))
def test_full_traces_change_a_weight_by_its_rate(mu: float) -> None:
    """With traces at 127 an update is ``mu * w_max``: to half a unit of the rate, the shift and the rounding."""
    exact = mu * 255 * 65536
    assert abs(depression_q16(quantise_depression_rate(mu), 127) - exact) <= 127 / 512 + 1
    assert abs(potentiation_q16(quantise_potentiation_rate(mu), 127, 127) - exact) <= 127**2 / 512 + 1


@pytest.mark.parametrize("precision", [4, 28, 60])
def test_the_callers_decimal_context_does_not_matter(precision: int) -> None:
    """The same integers in a thread whose decimal arithmetic is set otherwise."""
    p = NetworkParameters(n_inputs=784, n_neurons=100)

    def everything() -> tuple[Any, ...]:
        rates = quantise_depression_rate(5e-3), quantise_potentiation_rate(0.0217), quantise_theta_plus(0.0333333)
        return (*astuple(quantise(p)), *rates, quantise_potential(-63.24721))

    expected = everything()
    with decimal.localcontext() as context:
        context.prec = precision
        context.rounding = decimal.ROUND_UP
        assert everything() == expected


# --- widths ---------------------------------------------------------------------------------------------------------

WIDTHS = {
    "v_rest": (-POTENTIAL_MAX - 1, POTENTIAL_MAX),
    "v_th": (-POTENTIAL_MAX - 1, POTENTIAL_MAX),
    "e_exc": (-POTENTIAL_MAX - 1, POTENTIAL_MAX),
    "e_inh": (-POTENTIAL_MAX - 1, POTENTIAL_MAX),
    "inh_v_th": (-POTENTIAL_MAX - 1, POTENTIAL_MAX),
    "theta_init": (0, POTENTIAL_MAX),
    "leak_q22": (42, 1 << LEAK_BITS),  # never 0: tau_m is at most 1e5 ms
    "inh_leak_q22": (42, 1 << LEAK_BITS),
    "decay_ge_q16": (0, 1 << 16),
    "decay_gi_q16": (0, 1 << 16),
    "gain_exc": (0, (1000 << 22) // WEIGHT_MAX + 1),  # rounded to nearest; times 65536 full weights: 48 bits
    "gain_inh": (0, 1000 << 22),  # times 65535 spikes: 48 bits
    "inh_gain_exc": (0, 1000 << 22),
    "refractory_steps": (0, 10_000),
    "inh_refractory_steps": (0, 10_000),
    "theta_loss_q32": (0, 1 << 32),
    "column_target": (0, 1 << 24),
    "init_weight_levels": (1, 256),
    "period_q": (1, (1 << 63) // (65536 * 255)),  # times the sum of an image's pixels, in 63 bits
    "equalise_q16": (0, 1 << 16),
    "reference_sum": (255, 65536 * 255),
}


@st.composite
def allowed_parameters(draw: st.DrawFn) -> NetworkParameters:
    """Any network that may be built, edges of the ranges preferred."""
    potentials = {"v_rest_mv", "v_th_mv", "e_exc_mv", "e_inh_mv", "inh_v_th_mv"}
    values: dict[str, Any] = {}
    for field in fields(NetworkParameters):
        if field.name in PARAMETER_RANGES and field.name not in potentials:
            low, high = PARAMETER_RANGES[field.name]
            anywhere = st.integers(int(low), int(high)) if field.type in (int, "int") else st.floats(low, high)
            values[field.name] = draw(st.sampled_from([low, high]) | anywhere)
    e_inh, v_rest, v_th, e_exc = sorted(draw(st.lists(st.floats(-127, 127), min_size=4, max_size=4, unique=True)))
    values |= {"e_inh_mv": e_inh, "v_rest_mv": v_rest, "v_th_mv": v_th, "e_exc_mv": e_exc, "inh_v_th_mv": v_th}
    return NetworkParameters(**values)


@settings(max_examples=150)
@given(p=allowed_parameters())
def test_every_allowed_network_fits_the_widths(p: NetworkParameters) -> None:
    q = quantise(p)
    assert set(WIDTHS) == {field.name for field in fields(q)}
    for name, (low, high) in WIDTHS.items():
        value = getattr(q, name)
        assert isinstance(value, int)
        assert low <= value <= high, name
    assert 0 <= quantise_depression_rate(p.mu_pre) < 1 << 32
    assert 0 <= quantise_potentiation_rate(p.mu_post) < 1 << 32
    assert 0 <= quantise_theta_plus(p.theta_plus_mv) <= POTENTIAL_MAX


@pytest.mark.parametrize(("column_sum", "expected"), [(0.1, 26), (0.3, 76), (38.6, 9843)])  # 25.5 and 76.5: to even
def test_column_target_is_the_same_in_all_places(column_sum: float, expected: int) -> None:
    p = NetworkParameters(n_inputs=4, n_neurons=2, column_sum=column_sum)
    assert quantise(p).column_target == default_column_target(p) == expected
