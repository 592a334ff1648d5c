"""The learning rule as a sum of products, in the arithmetic of Lava's own learning rule applier."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lava.magma.core.learning.learning_rule_applier import LearningRuleApplierBitApprox

from lavaprune.configuration import build_settings
from lavaprune.port.learning_rule import ThreeFactorRule, three_factor_rule
from lavaprune.processes.parameters import NetworkParameters

WEIGHT_FRACTION = 128  # LearningDense holds w << 7


def parameters(mu_pre: float, mu_post: float) -> NetworkParameters:
    return NetworkParameters(n_inputs=1, n_neurons=1, mu_pre=mu_pre, mu_post=mu_post)


def change(rule: ThreeFactorRule, x0: int, y0: int, x1: int, y1: int, y2: int) -> float:
    """What Lava adds to a weight, in weight steps, before its stochastic rounding."""
    before = np.full((1, 1), 100 * WEIGHT_FRACTION, np.int32)
    traces = {
        f"{trace}_{dependency}": np.full((1, 1), value, np.int32)
        for dependency in ("x0", "y0")
        for trace, value in (("x1", x1), ("y1", y1), ("y2", y2))
    }
    arguments = {"x0": np.array([[x0]]), "y0": np.array([[y0]]), "weights": before, **traces}
    applier = LearningRuleApplierBitApprox(rule.lava_rule().dw)
    after = applier.apply(before, shape=(1, 1), u=0, **arguments)
    return float(after[0, 0] - before[0, 0]) / WEIGHT_FRACTION


@settings(deadline=None, max_examples=40)
@given(
    mu_pre=st.floats(1e-6, 0.2),
    mu_post=st.floats(1e-6, 0.2),
    x1=st.integers(0, 127),
    share_1=st.floats(0, 1),
    share_2=st.floats(0, 1),
)
def test_rule_is_triplet_stdp(mu_pre: float, mu_post: float, x1: int, share_1: float, share_2: float) -> None:
    """``dw = -mu_pre y1`` at an input's and ``+mu_post x y2`` at the neuron's spike, in shares of w_max, in the mean.

    The neuron rounds its traces stochastically; the mean over both roundings is compared.
    """
    rule = three_factor_rule(parameters(mu_pre, mu_post))

    def mean(impulse: float, share: float, at: dict[int, float]) -> float:
        low = int(impulse * share)
        fraction = impulse * share - low
        return (1 - fraction) * at[low] + (fraction * at[low + 1] if fraction else 0.0)

    def both(impulse: float, share: float) -> tuple[int, ...]:
        low = int(impulse * share)
        return (low, low + 1) if impulse * share > low else (low,)

    falls = {y: change(rule, 1, 0, x1, y, 0) for y in both(rule.y1_impulse, share_1)}
    wanted = -255 * mu_pre * share_1
    assert mean(rule.y1_impulse, share_1, falls) == pytest.approx(wanted, rel=1e-6, abs=1e-9)

    rises = {y: change(rule, 0, 1, x1, 0, y) for y in both(rule.y2_impulse, share_2)}
    wanted = 255 * mu_post * (x1 / 127) * share_2
    found = mean(rule.y2_impulse, share_2, rises)
    # the product of mantissa and traces is cut off to whole units of the accumulator, then scaled
    exponent = int(re.fullmatch(r"(?:[1-7]\*)?2\^(-?\d+)\*y0\*x1\*y2", rule.dw.split(" + ")[1])[1])  # type: ignore[index]
    assert -1e-9 <= wanted - found <= 2.0**exponent


def test_presets() -> None:
    """Rates below the finest of the accumulator come from small traces; nothing is learned from a first spike."""
    for name in ("mnist-100", "mnist-800", "fashion-100", "fashion-800", "digits"):
        p = build_settings(preset=name).network_parameters(784)
        for factor in (1.0, 0.04):
            rule = three_factor_rule(p, factor)
            assert rule.dw == "-2^-7*x0*y1 + 2^-7*y0*x1*y2"
            assert rule.y1_impulse / 128 == pytest.approx(255 * p.mu_pre * factor)
            assert rule.y2_impulse * 127 / 1024 == pytest.approx(255 * p.mu_post * factor)
            assert change(rule, 0, 1, 127, 0, 0) == 0


def test_large_rates_take_larger_factors() -> None:
    rule = three_factor_rule(parameters(1.0, 1.0))
    # 255 steps at full traces: 2 per unit of y1 would be a trace of 127.5, 2^-3 2^-3 per x1 y2 one of 128.5
    assert rule.dw == "-5*2^-1*x0*y1 + 5*2^-5*y0*x1*y2"
    assert rule.y1_impulse == 102
    assert rule.y2_impulse == pytest.approx(255 * 8 * 32 / 5 / 127)
    assert change(rule, 1, 0, 0, 100, 0) == pytest.approx(-255 * 100 / rule.y1_impulse)


def test_rates_beyond_loihi() -> None:
    with pytest.raises(ValueError, match="mu_pre changes a weight by 2.55e\\+05 steps at full traces; allowed: up to"):
        three_factor_rule(parameters(1.0, 1.0), factor=1000.0)
