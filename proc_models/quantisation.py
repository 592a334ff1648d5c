"""From physical parameters to the integers that the fixed-point models compute with."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from lavaprune.proc_models.fixed_point import (
    CONDUCTANCE_FRACTION_BITS,
    GAIN_EXTRA_BITS,
    LEAK_BITS,
    POTENTIAL_FRACTION_BITS,
    POTENTIAL_MAX,
    RATE_EXTRA_BITS,
    THETA_DECAY_BITS,
    TRACE_MAX,
    WEIGHT_MAX,
)
from lavaprune.proc_models.tables import INTERVAL_FRACTION_BITS, decay_factor_q16, nearest
from lavaprune.processes.parameters import NetworkParameters
from lavaprune.processes.state import default_column_target

EQUALISE_BITS = 16  # the share of equalisation is a fraction of 2**16
PERIOD_EXTRA_BITS = 8  # extra bits of the input period before it is divided by the pixel


_CONTEXT = Context(prec=40)  # of all computations here, whatever the caller's thread has set


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))


def _scaled(value: float | Decimal, factor: Decimal, scale: Decimal) -> int:
    with localcontext(_CONTEXT):
        return nearest(Decimal(str(value)) * factor * scale)


def quantise_potential(value_mv: float) -> int:
    """Nearest 24-bit signed potential, LSB 2**-16 mV; saturates."""
    value = _scaled(value_mv, Decimal(1), Decimal(1 << POTENTIAL_FRACTION_BITS))
    return max(-POTENTIAL_MAX - 1, min(POTENTIAL_MAX, value))


def quantise_depression_rate(mu_pre: float | Decimal, factor: Decimal = Decimal(1)) -> int:
    """``mu_pre`` (share of w_max at full trace) as the integer of `fixed_point.depression_q16`."""
    scale = _CONTEXT.divide(Decimal(WEIGHT_MAX << (16 + RATE_EXTRA_BITS)), TRACE_MAX)
    return _scaled(mu_pre, factor, scale)


def quantise_potentiation_rate(mu_post: float | Decimal, factor: Decimal = Decimal(1)) -> int:
    """``mu_post`` (share of w_max at full traces) as the integer of `fixed_point.potentiation_q16`."""
    scale = _CONTEXT.divide(Decimal(WEIGHT_MAX << (16 + RATE_EXTRA_BITS)), TRACE_MAX * TRACE_MAX)
    return _scaled(mu_post, factor, scale)


def quantise_theta_plus(theta_plus_mv: float | Decimal, factor: Decimal = Decimal(1)) -> int:
    """``theta_plus`` in 2**-16 mV."""
    return _scaled(theta_plus_mv, factor, Decimal(1 << POTENTIAL_FRACTION_BITS))


@dataclass(frozen=True)
class QuantisedParameters:
    """The integers of one network; widths as in `fixed_point`. Built by `quantise`."""

    v_rest: int
    v_th: int
    e_exc: int
    e_inh: int
    leak_q22: int
    decay_ge_q16: int
    decay_gi_q16: int
    gain_exc: int  # conductance per unit of weight, LSB 2**-22 of the leak
    gain_inh: int  # conductance per lateral spike, LSB 2**-22
    refractory_steps: int
    inh_v_th: int
    inh_leak_q22: int
    inh_gain_exc: int  # conductance per spike of the partner, LSB 2**-22
    inh_refractory_steps: int
    theta_init: int
    theta_loss_q32: int
    column_target: int  # sum of weights, in weight steps; 0: no normalisation
    init_weight_levels: int  # initial weights are 0 .. this - 1
    period_q: int  # see `poisson_encoder.input_periods`
    equalise_q16: int
    reference_sum: int  # sum of pixels of an image that equalisation leaves as it is


def quantise(p: NetworkParameters) -> QuantisedParameters:
    """Quantise parameters to nearest, through decimal arithmetic (the same on every machine)."""
    with localcontext(_CONTEXT):
        conductance = Decimal(1 << (CONDUCTANCE_FRACTION_BITS + GAIN_EXTRA_BITS))
        one = Decimal(1 << LEAK_BITS)
        loss = 1 - (-Decimal(p.steps) / _decimal(p.tau_theta_ms)).exp()
        # 1/rate of a full pixel in steps, for an image with the reference sum; see `poisson_encoder.input_periods`
        period = Decimal(1000) / _decimal(p.max_rate_hz) / _decimal(p.total_pixels)
        return QuantisedParameters(
            v_rest=quantise_potential(p.v_rest_mv),
            v_th=quantise_potential(p.v_th_mv),
            e_exc=quantise_potential(p.e_exc_mv),
            e_inh=quantise_potential(p.e_inh_mv),
            leak_q22=nearest(one / _decimal(p.tau_m_ms)),
            decay_ge_q16=decay_factor_q16(p.tau_ge_ms),
            decay_gi_q16=decay_factor_q16(p.tau_gi_ms),
            gain_exc=nearest(_decimal(p.gain_exc) * conductance / WEIGHT_MAX),
            gain_inh=nearest(_decimal(p.gain_inh) * conductance),
            refractory_steps=p.refractory_steps,
            inh_v_th=quantise_potential(p.inh_v_th_mv),
            inh_leak_q22=nearest(one / _decimal(p.inh_tau_m_ms)),
            inh_gain_exc=nearest(_decimal(p.inh_gain_exc) * conductance),
            inh_refractory_steps=p.inh_refractory_steps,
            theta_init=quantise_potential(p.theta_init_mv),
            theta_loss_q32=nearest(loss * (1 << THETA_DECAY_BITS)),
            column_target=default_column_target(p),
            init_weight_levels=nearest(_decimal(p.init_weight_max) * WEIGHT_MAX) + 1,
            period_q=nearest(period * (1 << (INTERVAL_FRACTION_BITS + PERIOD_EXTRA_BITS))),
            equalise_q16=nearest(_decimal(p.equalise) * (1 << EQUALISE_BITS)),
            reference_sum=nearest(_decimal(p.total_pixels) * 255),
        )
